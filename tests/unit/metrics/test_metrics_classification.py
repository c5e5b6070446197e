"""Metrics of classifications, against scikit-learn and by hand."""

import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from skybake.metrics import classification, measuring

RNG = np.random.default_rng(9)
N = 600
THREE = special.softmax(RNG.normal(0, 1.5, (N, 3)), axis=1)
KINDS = np.array([RNG.choice(3, p=p) for p in THREE]).astype(float)
TWO = np.column_stack([1 - THREE[:, 0], THREE[:, 0]])
YES = (RNG.random(N) < TWO[:, 1]).astype(float)
WEIGHTS = RNG.integers(0, 4, N)
CASES = {"two": (YES, TWO), "three": (KINDS, THREE)}


def values(label, classes, weights=None):
    return {name: item.value for name, item in measuring.classes(label, classes, weights).items()}


@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("case", CASES)
def test_as_scikit_learn(case, weights):
    label, classes = CASES[case]
    found, guess = values(label, classes, weights), classes.argmax(axis=1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(label, guess, sample_weight=weights))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(label, guess, sample_weight=weights)
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(label, classes, sample_weight=weights))
    assert found["brier"] == pytest.approx(
        metrics.brier_score_loss(label, classes[:, 1] if case == "two" else classes, sample_weight=weights)
    )
    scores = classes[:, 1] if case == "two" else classes
    if weights is None or case == "two":
        expected = metrics.roc_auc_score(label, scores, sample_weight=weights, multi_class="ovr")
        assert found["roc_auc"] == pytest.approx(expected)
    target = label if case == "two" else np.eye(3)[label.astype(int)]
    assert found["pr_auc"] == pytest.approx(metrics.average_precision_score(target, scores, sample_weight=weights))


@pytest.mark.parametrize("case", CASES)
def test_whole_weights_are_repetitions(case):
    label, classes = CASES[case]
    rows = np.repeat(np.arange(N), WEIGHTS)
    assert values(label, classes, WEIGHTS) == pytest.approx(values(label[rows], classes[rows]), rel=1e-9)


def test_confusion_has_true_classes_in_rows():
    label, classes = np.array([0, 0, 1, np.nan, 2]), np.eye(3)[[0, 1, 1, 1, 1]]
    assert np.array_equal(classification.confusion(label, classes), [[1, 1, 0], [0, 1, 0], [0, 1, 0]])


def test_calibration_error_by_hand():
    """Two bins: confidence 0.9 with accuracy 0.5, and 0.6 with 1."""
    confidence = np.array([0.9, 0.9, 0.6, 0.6, 0.6, 0.6])
    label = np.array([1.0, 0, 1, 1, 1, 1])
    expected = (2 * 0.4 + 4 * 0.4) / 6
    assert classification.ece(label, np.column_stack([1 - confidence, confidence])) == pytest.approx(expected)


def test_a_calibrated_classifier_has_a_small_calibration_error():
    assert classification.ece(YES, TWO) < 0.06
    sure = np.where(TWO > 0.5, 0.999, 0.001)
    assert classification.ece(YES, sure) > 0.15


def test_certainty_of_the_wrong_class_stays_finite():
    assert np.isfinite(values(np.array([0.0, 1]), np.array([[0.0, 1], [1, 0]]))["log_loss"])


def test_missing_labels_are_left_out_and_the_rest_is_counted():
    holes = KINDS.copy()
    holes[::3] = np.nan
    holes[1] = -9999
    kept = np.isfinite(holes) & (holes != -9999)
    assert values(holes, THREE) == values(KINDS[kept], THREE[kept])
    assert measuring.classes(holes, THREE)["accuracy"].n == kept.sum()


def test_scores_of_objects_average_to_the_metrics():
    scores, found = measuring.class_scores(KINDS, THREE[None]), values(KINDS, THREE)
    assert set(scores) == {"accuracy", "brier", "log_loss"}
    for name, each in scores.items():
        assert each.shape == (1, N)
        assert each.mean() == pytest.approx(found[name])


def test_seeds_are_pooled():
    other = special.softmax(RNG.normal(size=(N, 3)), axis=1)
    pooled = measuring.classes(KINDS, np.stack([THREE, other]))
    assert pooled["brier"].n == 2 * N
    assert pooled["brier"].value == pytest.approx(np.mean([values(KINDS, p)["brier"] for p in (THREE, other)]))


def test_areas_need_every_class():
    found = values(np.zeros(N), TWO)
    assert np.isnan(found["roc_auc"])
    assert np.isnan(found["pr_auc"])
    assert found["accuracy"] == pytest.approx(np.mean(TWO[:, 0] >= 0.5))


@pytest.mark.parametrize(
    ("label", "classes", "message"),
    [
        ([0, 1], np.ones((3, 2)), "expected \\(N, K\\), \\(N,\\)"),
        ([0, 2], np.ones((2, 2)), "class 2 found; expected 0 to 1"),
        ([0, 0.5], np.ones((2, 2)), "class 0.5 found"),
        ([np.nan, -9999], np.ones((2, 2)), "none of 2 objects has a label"),
    ],
)
def test_what_makes_no_sense_is_refused(label, classes, message):
    with pytest.raises(ValueError, match=message):
        measuring.classes(np.array(label), classes)
