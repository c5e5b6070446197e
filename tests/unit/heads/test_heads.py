"""Heads: width, initial bias, and predictions."""

import json

import numpy as np
import pytest
from scipy import special

from skybake import heads, plugins
from skybake.heads import HEADS

RNG = np.random.default_rng(2)
LABELS = RNG.gamma(3.0, 0.4, 500)
KINDS = RNG.choice(3, 500, p=[0.6, 0.3, 0.1]).astype(float)
LOSSES = [name for name, part in plugins.losses().items() if name == part.constants["function"]]


def fitted(loss, labels=LABELS, **given):
    return heads.fit(loss, given, labels)


def task(loss):
    return plugins.losses()[loss].constants["tasks"][0]


def start(head):
    """What the head predicts when training starts, the network giving zeros: one object."""
    bias = np.array([head.bias])
    activation = {None: lambda x: x, "softmax": lambda x: special.softmax(x, axis=1), "sigmoid": special.expit}
    return head.prediction(activation[head.activation](bias))


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_has_a_head_that_starts_near_the_labels(loss):
    labels = (KINDS > 0).astype(float) if "binary" in loss else KINDS if task(loss) == "classification" else LABELS
    head, parameters = fitted(loss, labels)
    assert head.width == len(head.bias)
    assert set(parameters) <= set(plugins.losses()[loss].parameters)
    prediction = start(head)
    if task(loss) == "classification":
        assert np.allclose(prediction.classes, np.bincount(labels.astype(int))[None] / 500, atol=0.03)
        assert prediction.point == prediction.classes.argmax()
    else:
        assert abs(prediction.point - labels.mean()) < 0.35 * labels.std()
        if prediction.std is not None:
            assert 0.6 * labels.std() < prediction.std < 1.3 * labels.std()


def test_every_head_is_used():
    assert {plugins.losses()[loss].constants["head"] for loss in LOSSES} == set(HEADS)


@pytest.mark.parametrize("name", HEADS)
def test_every_head_can_be_had_without_labels(name):
    head = HEADS[name]()
    assert head.width == len(head.bias)
    assert len(head.prediction(np.zeros((4, head.width)))) == 4


def test_gaussian():
    head, _ = fitted("gaussian_nll")
    assert np.allclose(head.bias, [LABELS.mean(), np.log(LABELS.var())])
    prediction = head.prediction(np.array([[1.0, 2 * np.log(3.0)]]))
    assert (prediction.point, prediction.std) == pytest.approx((1, 3))


def test_equal_labels_give_a_finite_start():
    for loss in ("gaussian_nll", "mixture_nll", "student_t_nll", "quantile", "binned_crps"):
        head, _ = fitted(loss, np.ones(5))
        assert np.isfinite(head.bias).all(), loss


def test_student_t_has_the_standard_deviation_of_its_scale():
    head, _ = fitted("student_t_nll", dof=4.0)
    prediction = head.prediction(np.array([[0.0, 2 * np.log(3.0)]]))
    assert prediction.std == pytest.approx(3 * np.sqrt(2))
    assert prediction.dof == 4
    assert start(head).std == pytest.approx(LABELS.std())


def test_quantiles_are_sorted_and_give_median_and_spread():
    head, _ = fitted("quantile", levels=(0.1, 0.158655, 0.5, 0.841345))
    assert np.allclose(head.bias, np.quantile(LABELS, [0.1, 0.158655, 0.5, 0.841345]))
    prediction = head.prediction(np.array([[0.0, 3.0, 1.0, 2.0]]))
    assert np.array_equal(prediction.quantiles, [[0, 1, 2, 3]])
    assert (prediction.point, prediction.std) == pytest.approx((2, 1))
    lone, _ = fitted("quantile", levels=(0.3,))
    assert lone.prediction(np.array([[5.0]])).std is None


def test_mixture_has_the_moments_of_its_parts():
    head, _ = fitted("mixture_nll", components=2)
    outputs = np.array([[0.0, np.log(3.0), -1.0, 1.0, 0.0, 2 * np.log(0.5)]])
    prediction = head.prediction(outputs)
    rng = np.random.default_rng(0)
    second = rng.random(400_000) < 0.75
    drawn = np.where(second, rng.normal(1, 0.5, 400_000), rng.normal(-1, 1, 400_000))
    assert np.allclose(prediction.weights, [[0.25, 0.75]])
    assert prediction.point == pytest.approx(drawn.mean(), abs=0.01)
    assert prediction.std == pytest.approx(drawn.std(), abs=0.01)


def test_bins_are_in_the_units_of_the_label():
    network = (LABELS - 1.2) / 0.7
    head, parameters = heads.fit("binned_crps", {"count": 8, "low": 0, "high": 4}, network, scale=0.7, shift=1.2)
    assert np.allclose(0.7 * np.array(parameters["edges"]) + 1.2, np.linspace(0, 4, 9))
    _, parameters = heads.fit("binned_crps", {"edges": [0, 1, 3]}, network, scale=0.7, shift=1.2)
    assert np.allclose(0.7 * np.array(parameters["edges"]) + 1.2, [0, 1, 3])
    assert head.width == 8
    held = np.histogram(np.clip(LABELS, 0, 4), np.linspace(0, 4, 9))[0]
    assert np.allclose(np.exp(head.bias), (held + 1) / 508)


def test_bins_beside_all_labels_are_refused():
    network = (LABELS - 1.2) / 0.7
    with pytest.raises(ValueError, match=r"bins from 50 to 60 found; the training labels lie from"):
        heads.fit("binned_crps", {"count": 8, "low": 50, "high": 60}, network, scale=0.7, shift=1.2)


def test_bins_made_for_the_labels_hold_them_all():
    head, _ = fitted("binned_crps", count=10)
    assert head.edges[0] < LABELS.min()
    assert head.edges[-1] > LABELS.max()
    assert np.allclose(np.diff(head.edges), np.diff(head.edges)[0])


def test_equally_populated_bins():
    head, _ = fitted("bin_crossentropy", count=10, spacing="equal_population")
    assert (np.histogram(LABELS, head.edges)[0] == 50).all()
    repeated, _ = fitted("bin_crossentropy", np.repeat([1.0, 2.0, 3.0], 10), count=10, spacing="equal_population")
    assert 2 <= repeated.width < 10


def test_bins_have_the_moments_of_their_density():
    head, _ = fitted("expectation", edges=[0, 1, 3])
    prediction = head.prediction(np.log([[0.25, 0.75]]))
    grid = (np.arange(300_000) + 0.5) / 100_000
    density = np.where(grid < 1, 0.25, 0.375) / 100_000
    mean = (grid * density).sum()
    assert prediction.point == pytest.approx(mean, rel=1e-6)
    assert prediction.std == pytest.approx(np.sqrt((density * (grid - mean) ** 2).sum()), rel=1e-6)


def test_relative_losses_learn_the_units_of_the_label():
    _, parameters = heads.fit("mean_absolute_percentage_error", {}, LABELS, scale=0.7, shift=1.2)
    assert parameters == {"scale": 0.7, "shift": 1.2}
    assert heads.fit("huber", {"delta": 0.1}, LABELS, scale=0.7, shift=1.2)[1] == {"delta": 0.1}


@pytest.mark.parametrize("loss", ["categorical_crossentropy", "binary_crossentropy"])
def test_probabilities_instead_of_logits(loss):
    labels = (KINDS > 0).astype(float)
    assert fitted(loss, labels)[0].activation is None
    head, _ = fitted(loss, labels, from_logits=False)
    assert head.activation == {"categorical_crossentropy": "softmax", "binary_crossentropy": "sigmoid"}[loss]
    assert np.allclose(start(head).classes, [[1 - labels.mean(), labels.mean()]], atol=0.01)


def test_balanced_class_weights_are_the_inverse_frequencies():
    for loss, labels in (("focal", KINDS), ("bayesian_binary_crossentropy", (KINDS > 0).astype(float))):
        _, parameters = fitted(loss, labels, class_weights="balanced")
        counts = np.bincount(labels.astype(int))
        assert np.allclose(np.array(parameters["class_weights"]) * counts, 500 / len(counts))
        given = [1.0, 2.0, 3.0][: len(counts)]
        assert fitted(loss, labels, class_weights=given)[1] == {"class_weights": given}


def test_class_weights_by_name_or_number():
    def weights(given, classes=("star", "galaxy", "quasar")):
        return heads.fit("focal", {"class_weights": given}, KINDS, classes=classes)[1]["class_weights"]

    assert weights({"quasar": 5}) == weights({"2": 5.0}) == weights({2: 5}) == weights([1, 1, 5]) == [1, 1, 5]
    assert weights({"2": 5}, classes=("0", "2", "1")) == [1, 5, 1]  # a name comes before a number
    assert weights({"1": 5}, classes=()) == [1, 5, 1]
    for wrong, message in (
        ({"sun": 2}, "no class 'sun'; expected star, galaxy, quasar"),
        ({"3": 2}, "no class '3'"),
        ({"star": 0}, "{'star': 0} found; expected 'balanced' or numbers above 0 as a list or by class"),
        ({"star": "two"}, "numbers above 0"),
        ([1, 0, 1], "numbers above 0"),
        ([1, 2], "3 numbers, for star, galaxy, quasar"),
        ("none", "'none' found; expected 'balanced'"),
    ):
        with pytest.raises(ValueError, match=message):
            weights(wrong)


def test_a_class_without_training_objects_gets_its_output():
    for loss, outputs in (("categorical_crossentropy", 4), ("bayesian_categorical_crossentropy", 8)):
        head, _ = heads.fit(loss, {}, KINDS, classes=("a", "b", "c", "d"))
        assert head.width == outputs
        assert 0 < start(head).classes[0, 3] < 0.01
    assert heads.fit("binary_crossentropy", {}, np.zeros(9), classes=("no", "yes"))[0].width == 1


def test_classes_beyond_the_names_are_refused():
    with pytest.raises(ValueError, match=r"class 2 found among the training labels; expected 0 to 1 \(a, b\)"):
        heads.fit("focal", {}, KINDS, classes=("a", "b"))
    with pytest.raises(ValueError, match="3 classes found; a binary loss expects two"):
        heads.fit("binary_crossentropy", {}, np.zeros(9), classes=("a", "b", "c"))


def test_noise_on_logits_pulls_probabilities_to_the_middle():
    head, _ = fitted("bayesian_categorical_crossentropy", KINDS)
    quiet, loud = (head.prediction(np.array([[3.0, 0.0, 0.0, *[noise] * 3]])).classes[0] for noise in (-50.0, 4.0))
    assert np.allclose(quiet, special.softmax([3.0, 0, 0]))
    assert 1 / 3 < loud[0] < quiet[0]
    assert loud.sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("loss", "given", "labels", "message"),
    [
        ("mse", {}, [], "no object of the training part has a label"),
        ("student_t_nll", {"dof": 2}, LABELS, "dof: 2 found; expected a number above 2"),
        ("quantile", {"levels": [0.5, 0.2]}, LABELS, "levels: .* ascending numbers between 0 and 1"),
        ("quantile", {"levels": [0.5, 1.0]}, LABELS, "levels"),
        ("quantile", {"levels": []}, LABELS, "levels"),
        ("mixture_nll", {"components": 0}, LABELS, "components: 0"),
        ("binned_crps", {"count": 1}, LABELS, "count: 1 found"),
        ("binned_crps", {"spacing": "log"}, LABELS, "spacing: 'log' found; expected 'uniform' or 'equal_population'"),
        ("binned_crps", {"low": 3, "high": 1}, LABELS, "expected low < high"),
        ("binned_crps", {"low": 90, "high": 99, "spacing": "equal_population"}, LABELS, "no training label lies"),
        ("binned_crps", {"edges": [0, 1]}, LABELS, "at least three ascending"),
        ("categorical_crossentropy", {}, [0, 1.5], "class 1.5 found"),
        ("categorical_crossentropy", {}, [0, -1], "class -1 found"),
        ("categorical_crossentropy", {"class_weights": "balanced"}, [0, 2], "no training object is of class 1"),
        ("binary_crossentropy", {}, [0, 1, 2], "3 classes found; a binary loss expects two"),
    ],
)
def test_what_makes_no_sense_is_refused(loss, given, labels, message):
    with pytest.raises(ValueError, match=message):
        heads.fit(loss, given, np.array(labels, float))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_fitted_head_comes_back_from_json(loss):
    labels = (KINDS > 0).astype(float) if "binary" in loss else KINDS if task(loss) == "classification" else LABELS
    given = {"class_weights": "balanced"} if "class_weights" in plugins.losses()[loss].parameters else {}
    head, _ = fitted(loss, labels, **given)
    again = heads.of_dict(json.loads(json.dumps(heads.as_dict(head))))
    assert type(again) is type(head)
    assert (again.width, again.bias, again.activation) == (head.width, head.bias, head.activation)
    assert again.loss_parameters == head.loss_parameters
    outputs = np.abs(RNG.normal(size=(5, head.width)))
    for name, values in head.prediction(outputs).given().items():
        np.testing.assert_array_equal(again.prediction(outputs).given()[name], values)


@pytest.mark.parametrize("values", [{}, {"name": "normal"}, {"name": "gaussian", "mean": 1}])
def test_what_is_no_fitted_head_is_refused(values):
    with pytest.raises(ValueError, match=r"expected one of binary, binary_variance.*Hint: train again"):
        heads.of_dict(values)
