"""Metrics by what is predicted; expected numbers come from scipy, scoringrules and scikit-learn."""

import numpy as np
import pytest
import scoringrules
from scipy import stats
from sklearn import metrics

from skybake.data.columns import Column
from skybake.evaluation import judging
from skybake.evaluation.bootstrap import Bootstrap
from skybake.metrics import _ranking, measuring, probabilistic
from skybake.results.predictions import Predicted, Prediction

BOOTSTRAP = Bootstrap(draws=400, level=0.9, seed=1)
N = 600
MASS = Column("log10 Msun", "a mass", "mass", outlier=0.3)


def parts_of(label, predictions, *, name="log10_m500c", scalars=None, column=MASS) -> dict[int, Predicted]:
    ids = np.arange(len(label)).astype(str)
    return {
        seed: Predicted(ids, np.asarray(label, float), prediction, scalars or {}, name, column)
        for seed, prediction in enumerate(predictions, 1)
    }


def gaussians(width=1.0, seeds=2, n=N, missing=0):
    """Return labels drawn from the Gaussians that are predicted, but for the factor ``width``."""
    rng = np.random.default_rng(7)
    label = rng.normal(14, 0.4, n)
    predictions = []
    for _ in range(seeds):
        std = rng.uniform(0.1, 0.3, n)
        predictions.append(Prediction(point=label + std * rng.standard_normal(n), std=width * std))
    label[:missing] = np.nan
    return label, predictions


def judged(label, predictions, **more):
    return judging.regression(parts_of(label, predictions, **more), BOOTSTRAP, 0.3)


def test_distributions_are_scored_as_by_scipy_and_scoringrules():
    label, predictions = gaussians(width=0.8, missing=5)
    found = judged(label, predictions)
    each = []
    for prediction in predictions:
        y, mean, std = label[5:], prediction.point[5:], prediction.std[5:]
        pit = stats.norm.cdf(y, mean, std)
        crps, nll = scoringrules.crps_normal(y, mean, std), -stats.norm.logpdf(y, mean, std)
        each.append((pit, crps, nll, std))
    for seed, (pit, crps, nll, std) in enumerate(each, 1):
        values, test = found["per_seed"][str(seed)], stats.kstest(pit, "uniform")
        expected = {
            "crps": crps.mean(),
            "nll": nll.mean(),
            "pit_ks": test.statistic,
            "pit_ks_p_value": test.pvalue,
            "mean_std": std.mean(),
            "sharpness": (stats.norm.ppf(0.84) - stats.norm.ppf(0.16)) * std.mean(),
            "coverage_90": np.mean(np.abs(pit - 0.5) <= 0.45),
        }
        assert {name: values[name] for name in expected} == pytest.approx(expected, rel=1e-9)
    pit, crps, nll, _ = (np.concatenate(items) for items in zip(*each, strict=True))
    pooled = found["pooled"]
    assert pooled["crps"]["value"] == pytest.approx(crps.mean(), rel=1e-12)
    assert pooled["nll"]["value"] == pytest.approx(nll.mean(), rel=1e-12)
    assert pooled["pit_ks"]["value"] == pytest.approx(stats.kstest(pit, "uniform").statistic, rel=1e-9)
    assert pooled["pit_ks"]["critical"] == pytest.approx(stats.kstwo.ppf(0.9, N - 5), rel=1e-12)
    assert pooled["coverage_50"]["value"] == pytest.approx(np.mean(np.abs(pit - 0.5) <= 0.25), rel=1e-12)
    assert {item["n"] for item in pooled.values()} == {2 * (N - 5)}


def test_a_calibrated_gaussian_passes_and_an_overconfident_one_does_not():
    calibrated = judged(*gaussians())["pooled"]
    assert calibrated["pit_ks"]["value"] < calibrated["pit_ks"]["critical"]
    assert calibrated["pit_ks"]["p_value"] > 0.1
    assert calibrated["coverage_68"]["low"] < 0.68 < calibrated["coverage_68"]["high"]
    for width in (0.6, 1.6):
        wrong = judged(*gaussians(width))["pooled"]
        assert wrong["pit_ks"]["value"] > wrong["pit_ks"]["critical"]
        assert wrong["pit_ks"]["p_value"] < 0.01
        assert wrong["crps"]["value"] > calibrated["crps"]["value"]
        assert wrong["nll"]["value"] > calibrated["nll"]["value"]


def test_intervals_of_means_draw_objects_with_all_their_seeds():
    label, predictions = gaussians()
    pooled = judged(label, predictions)["pooled"]
    crps = np.stack([scoringrules.crps_normal(label, item.point, item.std) for item in predictions])
    drawn = np.random.default_rng(1).integers(0, N, size=(400, N))
    draws = [crps[:, rows].mean() for rows in drawn]
    half = stats.t.ppf(0.95, N - 1) * np.std(np.log(draws), ddof=1) * np.sqrt(N / (N - 1))
    middle = 2 * np.log(crps.mean()) - np.mean(np.log(draws))
    expected = (np.exp(middle - half), np.exp(middle + half))
    assert (pooled["crps"]["low"], pooled["crps"]["high"]) == pytest.approx(expected, rel=1e-12)
    nll = -np.stack([stats.norm.logpdf(label, item.point, item.std) for item in predictions])
    far = stats.norm.cdf(stats.t.ppf(0.95, N - 1) * np.sqrt(N / (N - 1)))
    low, high = np.quantile([nll[:, rows].mean() for rows in drawn], [1 - far, far])
    assert (pooled["nll"]["low"], pooled["nll"]["high"]) == pytest.approx((low, high), rel=1e-12)
    pit = np.stack([stats.norm.cdf(label, item.point, item.std) for item in predictions])
    inside = np.mean(np.abs(pit - 0.5) <= 0.475)
    low, high = stats.binomtest(round(inside * 10 * N), 10 * N).proportion_ci(0.9, method="wilson")
    centre = (pooled["coverage_95"]["low"] + pooled["coverage_95"]["high"]) / 2
    assert centre == pytest.approx(inside, abs=0.005)
    ratio = (pooled["coverage_95"]["high"] - pooled["coverage_95"]["low"]) / (high - low)
    assert ratio == pytest.approx(np.sqrt(10), rel=0.02)  # N objects, whatever the number of seeds
    assert "low" not in pooled["pit_ks"]


def test_points_have_no_crps():
    label, predictions = gaussians()
    found = judged(label, [Prediction(point=item.point) for item in predictions])
    assert set(found["pooled"]) & {"crps", "nll", "pit_ks", "coverage_68", "sharpness", "mean_std"} == set()
    assert found["pooled"]["mae"]["value"] > 0
    assert set(found["per_seed"]["1"]) == set(found["pooled"])


@pytest.mark.parametrize("form", ["quantiles", "bins", "mixture", "student_t"])
def test_every_form_of_distribution_is_judged(form):
    label, (gaussian, _) = gaussians()
    mean, std = gaussian.point[:, None], gaussian.std[:, None]
    levels, edges = np.linspace(0.02, 0.98, 49), np.linspace(12, 16, 201)
    prediction = {
        "quantiles": lambda: Prediction(
            gaussian.point, gaussian.std, quantiles=stats.norm.ppf(levels, mean, std), levels=levels
        ),
        "bins": lambda: Prediction(
            gaussian.point, gaussian.std, probabilities=np.diff(stats.norm.cdf(edges, mean, std), axis=1), edges=edges
        ),
        "mixture": lambda: Prediction(
            gaussian.point,
            gaussian.std,
            weights=np.full((N, 2), 0.5),
            means=np.repeat(mean, 2, axis=1),
            stds=np.repeat(std, 2, axis=1),
        ),
        "student_t": lambda: Prediction(gaussian.point, gaussian.std, dof=300.0),
    }[form]()
    found, expected = judged(label, [prediction])["pooled"], judged(label, [gaussian])["pooled"]
    assert set(found) == set(expected)
    assert found["pit_ks"]["value"] < found["pit_ks"]["critical"]
    beyond = (
        form == "quantiles"
    )  # four per cent of the labels lie beyond the outermost quantiles, where nothing is said
    for name in ("crps", "sharpness", "coverage_68", *(() if beyond else ("nll",))):
        assert found[name]["value"] == pytest.approx(expected[name]["value"], rel=0.03, abs=0.03), name


def test_rails_outliers_are_those_beyond_three_sigma_or_006():
    label, predictions = gaussians(seeds=1)
    d = predictions[0].point - label
    low, high = np.quantile(d, [0.25, 0.75])
    expected = np.mean(np.abs(d) > max(0.06, 3 * (high - low) / 1.349))
    assert judged(label, predictions)["pooled"]["rail_outlier_fraction"] == {"value": expected, "n": N}


def test_errors_in_bins_of_the_label_and_of_every_scalar_that_differs():
    label, predictions = gaussians(missing=10)
    redshift = np.random.default_rng(2).uniform(0, 1, N)
    magnitude = np.where(np.arange(N) < 300, -9999.0, np.linspace(15, 20, N))
    scalars = {"redshift": redshift, "mag_r": magnitude, "padded": np.zeros(N), "absent": np.full(N, np.nan)}
    found = judged(label, predictions, scalars=scalars)["in_bins"]
    assert set(found) == {"log10_m500c", "redshift", "mag_r"}
    assert sum(item["n"] for item in found["redshift"]) == N - 10
    assert sum(item["n"] for item in found["mag_r"]) == N - 300
    edges = np.quantile(redshift[10:], np.linspace(0, 1, 11))
    here = (redshift >= edges[3]) & (redshift < edges[4])
    here[:10] = False
    d = np.concatenate([(item.point - label)[here] for item in predictions])
    item = found["redshift"][3]
    assert (item["low"], item["high"], item["n"]) == (pytest.approx(edges[3]), pytest.approx(edges[4]), here.sum())
    assert item["mean_error"] == pytest.approx(d.mean(), rel=1e-12)
    assert item["std_error"] == pytest.approx(d.std(), rel=1e-12)
    assert item["nmad"] == pytest.approx(stats.median_abs_deviation(d) * 1.4826, rel=1e-12)


def test_bins_hold_the_central_68_percent_of_the_errors():
    errors = np.random.default_rng(4).normal(0, 0.1, 100)
    label = np.linspace(13, 15, 100)
    found = judged(label, [Prediction(label + errors)])["in_bins"]["log10_m500c"]
    first = errors[:20]
    assert (found[0]["error_16"], found[0]["error_84"]) == pytest.approx(tuple(np.quantile(first, [0.16, 0.84])))


def test_distributions_in_bins_are_judged_as_those_of_all():
    label, predictions = gaussians(missing=10)
    whole = judged(label, predictions)
    found = whole["in_bins"]["log10_m500c"]
    assert {"crps", "cde_loss", "pit_ks", "rail_outlier_fraction"} <= set(found[0])
    n = np.array([item["n"] for item in found])
    for name in ("crps", "cde_loss"):
        values = np.array([item[name] for item in found])
        assert (n * values).sum() / n.sum() == pytest.approx(whole["pooled"][name]["value"], rel=1e-12)
    here = (label >= found[2]["low"]) & (label < found[2]["high"])
    scores = [measuring.scores(np.where(here, label, np.nan), item) for item in predictions]
    assert found[2]["pit_ks"] == pytest.approx(probabilistic.pit_ks(np.concatenate([item["pit"] for item in scores])))
    points = [Prediction(point=item.point) for item in predictions]
    assert "crps" not in judged(label, points)["in_bins"]["log10_m500c"][0]


def test_few_objects_are_not_cut_into_bins_of_a_handful():
    label, predictions = gaussians(n=45)
    assert [item["n"] for item in judged(label, predictions)["in_bins"]["log10_m500c"]] == [22, 23]


def test_distributions_that_are_not_finite_leave_no_pooled_number():
    label, (good, bad) = gaussians()
    bad.point[3] = np.nan
    found = judged(label, [good, bad])
    assert found["not_finite"] == 1
    assert np.isnan(found["pooled"]["crps"]["value"])
    assert np.isnan(found["pooled"]["pit_ks"]["value"])
    assert np.isfinite(found["per_seed"]["1"]["crps"])


def probabilities(classes, n=300, seed=0):
    rng = np.random.default_rng(seed)
    label = np.random.default_rng(99).integers(0, classes, n)
    scores = 1.2 * np.eye(classes)[label] + rng.standard_normal((n, classes))
    return label.astype(float), np.round(np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), 3)


def normalised(values):
    return values / values.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("count", [2, 4])
def test_classes_are_scored_as_by_scikit_learn(count):
    label, one = probabilities(count, seed=1)
    both = [normalised(one), normalised(probabilities(count, seed=2)[1])]
    known = label.copy()
    known[:7] = -9999
    predictions = [Prediction(point=item.argmax(axis=1).astype(float), classes=item) for item in both]
    found = judging.classification(parts_of(known, predictions, name="kind"), BOOTSTRAP)
    assert (found["n"], found["not_finite"]) == (293, 0)
    true, p = np.tile(label[7:], 2), np.concatenate([item[7:] for item in both])
    said = p.argmax(axis=1)
    binary = {"y_score": p[:, 1]} if count == 2 else {"y_score": p, "multi_class": "ovr"}
    member = np.eye(count)[true.astype(int)]
    expected = {
        "accuracy": metrics.accuracy_score(true, said),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, said),
        "log_loss": metrics.log_loss(true, p),
        "roc_auc": metrics.roc_auc_score(true, **binary),
        "pr_auc": metrics.average_precision_score(member[:, 1], p[:, 1])
        if count == 2
        else metrics.average_precision_score(member, p),
    }
    pooled = found["pooled"]
    assert {name: pooled[name]["value"] for name in expected} == pytest.approx(expected, rel=1e-9)
    assert {item["n"] for item in pooled.values()} == {2 * 293}
    assert found["confusion"]["pooled"] == metrics.confusion_matrix(true, said).tolist()
    alone = metrics.confusion_matrix(label[7:], both[1][7:].argmax(axis=1))
    assert found["confusion"]["per_seed"]["2"] == alone.tolist()
    assert found["per_seed"]["2"]["accuracy"] == pytest.approx(np.trace(alone) / 293, rel=1e-12)
    for name in set(pooled) - {"ece"}:
        assert pooled[name]["low"] < pooled[name]["value"] < pooled[name]["high"], name
    assert "low" not in pooled["ece"]


def test_intervals_of_areas_are_those_of_scikit_learn_on_the_drawn_objects():
    label, one = probabilities(2, n=80, seed=3)
    both = np.stack([normalised(one), normalised(probabilities(2, n=80, seed=4)[1])])
    predictions = [Prediction(point=item.argmax(axis=1).astype(float), classes=item) for item in both]
    bootstrap = Bootstrap(draws=100, level=0.8, seed=6)
    found = judging.classification(parts_of(label, predictions), bootstrap)["pooled"]
    rng, rows = np.random.default_rng(6), []
    places = [np.flatnonzero(label == kind) for kind in (0, 1)]
    sizes = [len(item) for item in places]
    for _ in range(100):
        drawn = rng.integers(0, np.repeat(sizes, sizes))
        rows.append(np.concatenate([places[0][drawn[: sizes[0]]], places[1][drawn[sizes[0] :]]]))
    drawn = [(np.tile(label[item], 2), both[:, item, :].reshape(-1, 2)) for item in rows]
    far = stats.norm.cdf(stats.t.ppf(0.9, 79) * np.sqrt(80 / 79))
    for name, metric in (("roc_auc", metrics.roc_auc_score), ("pr_auc", metrics.average_precision_score)):
        low, high = np.quantile([metric(true, p[:, 1]) for true, p in drawn], [1 - far, far])
        assert (found[name]["low"], found[name]["high"]) == pytest.approx((low, high), rel=1e-9), name
    plain = [np.tile(item, 1) for item in np.random.default_rng(6).integers(0, 80, size=(100, 80))]
    losses = [metrics.log_loss(np.tile(label[item], 2), both[:, item, :].reshape(-1, 2)) for item in plain]
    half = stats.t.ppf(0.9, 79) * np.std(np.log(losses), ddof=1) * np.sqrt(80 / 79)
    span = found["log_loss"]
    middle = 2 * np.log(span["value"]) - np.mean(np.log(losses))
    assert (span["low"], span["high"]) == pytest.approx((np.exp(middle - half), np.exp(middle + half)), rel=1e-9)


@pytest.mark.parametrize("size", [1, 4])
def test_a_rare_class_leaves_no_area_undefined(size):
    """Two objects of 300: a tenth of plain draws has neither, and the area is not defined."""
    rng = np.random.default_rng(3)
    label = np.zeros(300)
    label[[0, 150]] = 1
    scores = rng.normal(1.2 * label, 1)
    chance = 1 / (1 + np.exp(-scores))
    predictions = [Prediction(point=(chance > 0.5).astype(float), classes=np.stack([1 - chance, chance], axis=1))]
    groups = np.arange(300) // size if size > 1 else None
    bootstrap = Bootstrap(draws=400, groups=groups)
    found = judging.classification(parts_of(label, predictions), bootstrap)["pooled"]
    for name in ("roc_auc", "pr_auc", "balanced_accuracy"):
        assert found[name]["low"] < found[name]["value"] < found[name]["high"], name


def test_all_right_of_a_few_objects_is_no_certainty():
    label = np.array([0.0] * 55 + [1.0] * 5)
    classes = np.eye(2)[label.astype(int)] * 0.9 + 0.05
    predictions = [Prediction(point=label, classes=classes)]
    found = judging.classification(parts_of(label, predictions), Bootstrap(draws=200))["pooled"]
    assert found["accuracy"]["value"] == found["balanced_accuracy"]["value"] == 1
    expected = stats.binomtest(60, 60).proportion_ci(0.95, method="wilson")
    assert (found["accuracy"]["low"], found["accuracy"]["high"]) == pytest.approx(tuple(expected), rel=1e-9)
    assert found["balanced_accuracy"]["low"] < 0.85  # the rare class rests on five objects
    assert "low" not in found["roc_auc"]  # all draws are the same: nothing is known of the scatter


def test_areas_with_ties_and_weights_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    member, scores = rng.random(60) < 0.3, rng.normal(size=(3, 60)).round(1)
    ranking = _ranking.ranking(member, scores)
    weights = _ranking.times_drawn(rng.integers(0, 60, size=(20, 60)))
    for weight, roc, pr in zip(weights, ranking.roc_auc(weights), ranking.pr_auc(weights), strict=True):
        known = {"sample_weight": np.tile(weight, 3)}
        assert roc == pytest.approx(metrics.roc_auc_score(np.tile(member, 3), scores.ravel(), **known), rel=1e-12)
        expected = metrics.average_precision_score(np.tile(member, 3), scores.ravel(), **known)
        assert pr == pytest.approx(expected, rel=1e-12)


def test_areas_of_a_draw_without_one_of_the_classes_are_not_defined():
    ranking = _ranking.ranking(np.array([True, False]), np.array([[0.8, 0.2]]))
    weights = np.array([[2.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    np.testing.assert_array_equal(ranking.roc_auc(weights), [np.nan, np.nan, 1.0])
    np.testing.assert_array_equal(ranking.pr_auc(weights), [np.nan, np.nan, 1.0])


def test_probabilities_that_are_not_finite_leave_no_pooled_number():
    label, good = probabilities(2)
    bad = good.copy()
    bad[5] = np.nan
    predictions = [Prediction(point=np.zeros(300), classes=normalised(item)) for item in (good, bad)]
    found = judging.classification(parts_of(label, predictions), BOOTSTRAP)
    assert found["not_finite"] == 1
    assert np.isnan(found["pooled"]["accuracy"]["value"])
    assert found["confusion"]["pooled"] is None
    assert found["per_seed"]["1"]["accuracy"] > 0.5
    assert np.isnan(found["per_seed"]["2"]["accuracy"])


def test_a_label_is_judged_as_its_column_says_whatever_it_is_called():
    label = np.linspace(0, 1, 50)
    predictions = [Prediction(point=label + 0.1)]
    redshift = Column("", "", "redshift", error="(predicted - true) / (1 + true)", outlier=0.05)
    found = judged(label, predictions, name="z_spec", column=redshift)["pooled"]["mean_error"]["value"]
    assert found == pytest.approx(np.mean(0.1 / (1 + label)))
    found = judged(label, predictions, name="redshift", column=MASS)["pooled"]["mean_error"]["value"]
    assert found == pytest.approx(0.1)
