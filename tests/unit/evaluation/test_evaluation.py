import json
import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from skybake import plugins
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.evaluation.trained import EvaluationError, part_errors, read
from skybake.figures.runs import draw_run
from skybake.results import predictions
from tests.unit._synthetic_runs import read_part, write_classified, write_dataset, write_run

ROOT = Path(__file__).parents[3]
STATISTICS = {"draws": 200, "level": 0.9, "seed": 5}
FIGURES = ["loss_curve", "predicted_against_true", "error_histogram"]


@pytest.fixture
def runs(tmp_path):
    return {seed: write_run(tmp_path / f"seed-{seed}", seed=seed) for seed in (3, 1, 2)}


def beside(runs):
    """The dataset of some runs."""
    return load_dataset(next(iter(runs.values())).parent / "dataset.h5")


def judged(runs, folder, names=()) -> dict:
    dataset = beside(runs)
    judge(runs, dataset, folder / "metrics.json", STATISTICS)
    draw_run(runs, dataset, folder / "metrics.json", folder / "figures", names)
    return json.loads((folder / "metrics.json").read_text())


def rewrite(run: Path, change) -> None:
    """Write the predictions of a run again, with other rows or predictions of each part."""
    path = run / "predictions.h5"
    with h5py.File(path) as file:
        facts = {name: str(file.attrs[name]) for name in ("dataset", "ids_digest", "label")}
        rows = {part: group["row"][:] for part, group in file.items()}
    given = {part: change(part, rows[part], read_part(run, part).prediction) for part in rows}
    predictions.write(path, given, **facts, strategy={"strategy": "holdout"})


def errors_of(folder: Path, part: str) -> np.ndarray:
    """What a person would compute."""
    found = read_part(folder, part)
    keep = ~np.isnan(found.label) & (found.label != -9999)
    return (found.prediction.point - found.label)[keep]


@pytest.mark.parametrize("part", ["valid", "test"])
def test_numbers_are_those_of_the_predictions(runs, tmp_path, part):
    found = judged(runs, tmp_path)[part]
    by_seed = {seed: errors_of(runs[seed], part) for seed in (1, 2, 3)}
    for seed, d in by_seed.items():
        values = found["per_seed"][str(seed)]
        assert values["mean_error"] == pytest.approx(d.mean(), rel=1e-12)
        assert values["std_error"] == pytest.approx(np.sqrt(np.mean((d - d.mean()) ** 2)), rel=1e-12)
    pooled = np.concatenate(list(by_seed.values()))
    values = found["pooled"]
    assert values["mean_error"]["value"] == pytest.approx(pooled.mean(), rel=1e-12)
    assert values["std_error"]["value"] == pytest.approx(pooled.std(), rel=1e-12)
    assert values["rmse"]["value"] == pytest.approx(np.sqrt((pooled**2).mean()), rel=1e-12)
    assert values["outlier_fraction"]["value"] == pytest.approx(np.mean(np.abs(pooled) > 0.3), rel=1e-12)
    mad = np.median(np.abs(pooled - np.median(pooled)))
    assert values["nmad"]["value"] == pytest.approx(1.4826 * mad, rel=1e-12)
    objects = {"valid": 100, "test": 200}[part]
    assert (found["objects"], found["n"], found["not_finite"]) == (objects, objects - 3, 0)
    assert values["std_error"]["n"] == 3 * (objects - 3)


def test_intervals_hold_the_values_and_are_as_wide_as_theory_says(runs, tmp_path):
    values = judged(runs, tmp_path)["test"]["pooled"]
    for name in ("mean_error", "std_error", "nmad", "rmse", "mae", "median_error", "outlier_fraction"):
        assert values[name]["low"] < values[name]["value"] < values[name]["high"], name
    d = np.concatenate([errors_of(runs[seed], "test") for seed in runs])
    expected = 2 * 1.645 * d.std() / np.sqrt(d.size)  # seeds are independent here, at a level of 90 %
    assert values["mean_error"]["high"] - values["mean_error"]["low"] == pytest.approx(expected, rel=0.2)


def test_says_what_was_judged(runs, tmp_path):
    found = judged(runs, tmp_path)
    assert found["seeds"] == [1, 2, 3]
    assert (found["dataset"], found["model"], found["loss"]) == ("efeds_mock", "nonsequential", "mean_squared_error")
    assert (found["label"], found["units"], found["task"]) == ("log10_m500c", "log10 Msun", "regression")
    assert found["mock"] is True
    assert found["error"] == "predicted - true"
    assert found["statistics"] == STATISTICS


def test_same_runs_same_bytes_and_no_path_or_time_in_them(runs, tmp_path):
    judged(runs, tmp_path / "a", FIGURES)
    judged(dict(reversed(runs.items())), tmp_path / "b", FIGURES)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes(), path.name
    text = (tmp_path / "a" / "metrics.json").read_text()
    assert str(tmp_path) not in text
    assert "seconds" not in text


def test_draws_the_figures_asked_for(runs, tmp_path):
    judged(runs, tmp_path, ["error_histogram", "loss_curve"])
    names = sorted(path.name for path in (tmp_path / "figures").iterdir())
    assert names == ["error_histogram.pdf", "error_histogram.png", "loss_curve.pdf", "loss_curve.png"]


def drawn(folder: Path) -> set[str]:
    return {path.name for path in (folder / "figures").iterdir()}


def of_task(task: str) -> list[str]:
    known = plugins.in_room("figures", "draw").values()
    return [part.name for part in known if part.constants["SCOPE"] == "run" and task in part.constants["TASKS"]]


def both(*names: str) -> set[str]:
    return {f"{name}.{kind}" for name in names for kind in ("pdf", "png")}


def test_figures_that_need_what_is_not_predicted_are_left_out(runs, tmp_path):
    plain = (*FIGURES, "error_against_label", "error_against_redshift")
    judged(runs, tmp_path / "point", of_task("regression"))
    assert drawn(tmp_path / "point") == both(*plain)
    wide = {1: write_run(tmp_path / "wide", loss="gaussian_nll")}
    judged(wide, tmp_path / "gaussian", of_task("regression"))
    assert drawn(tmp_path / "gaussian") == both(
        *plain, "pit_histogram", "coverage", "example_pdfs", "distributions_against_label", "loss_against_variance"
    )
    redshifts = {1: write_run(tmp_path / "z" / "run", label="redshift")}
    judged(redshifts, tmp_path / "z", of_task("regression"))
    assert drawn(tmp_path / "z") == both(*FIGURES, "error_against_label")


def test_a_distribution_is_judged_and_a_point_is_not(tmp_path, runs):
    wide = {seed: write_run(tmp_path / f"wide-{seed}", loss="gaussian_nll", seed=seed) for seed in (1, 2)}
    found = judged(wide, tmp_path)["test"]
    part = read_part(wide[1], "test")
    pit = stats.norm.cdf(part.label[3:], part.prediction.point[3:], part.prediction.std[3:])
    assert found["per_seed"]["1"]["pit_ks"] == pytest.approx(stats.kstest(pit, "uniform").statistic, rel=1e-9)
    assert found["pooled"]["crps"]["n"] == 2 * 197
    assert found["pooled"]["crps"]["low"] < found["pooled"]["crps"]["value"] < found["pooled"]["crps"]["high"]
    assert found["pooled"]["pit_ks"]["critical"] == pytest.approx(stats.kstwo.ppf(0.9, 197))
    assert {"log10_m500c", "redshift"} == set(found["in_bins"])
    for bins in found["in_bins"].values():
        outside = sum(item["n"] * item["outlier_fraction"] for item in bins)
        assert outside / 197 == pytest.approx(found["pooled"]["outlier_fraction"]["value"])
        assert len({item["outlier_fraction"] for item in bins}) > 1
    assert not {"crps", "nll", "pit_ks"} & set(judged(runs, tmp_path)["test"]["pooled"])


def test_a_calibrated_prediction_is_told_from_an_overconfident_one(tmp_path):
    scatter = 0.36 * 0.97  # of the errors that are written for this model, which has no bias, and loss
    for width, calibrated in ((scatter, True), (scatter / 2, False)):
        folder = tmp_path / f"{width:.3f}"
        found = judged(
            {1: write_run(folder / "run", model="constant", loss="gaussian_nll", n=500, width=width)}, folder
        )
        ks = found["test"]["pooled"]["pit_ks"]
        assert (ks["value"] < ks["critical"]) == calibrated


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classification(tmp_path, classes):
    runs = {seed: write_classified(tmp_path / f"seed-{seed}", seed=seed, classes=classes) for seed in (2, 1)}
    found = judged(runs, tmp_path, of_task("classification"))
    assert (found["task"], found["label"], found["error"], found["outlier_threshold"]) == (
        "classification",
        "kind",
        None,
        None,
    )
    parts = [read_part(runs[seed], "test") for seed in (1, 2)]
    known = np.isfinite(parts[0].label)
    true, p = np.tile(parts[0].label[known], 2), np.concatenate([part.prediction.classes[known] for part in parts])
    p /= p.sum(axis=1, keepdims=True)  # the file holds float32
    test = found["test"]
    assert (test["objects"], test["n"], test["not_finite"]) == (200, 197, 0)
    accuracy = test["pooled"]["accuracy"]
    assert accuracy["value"] == pytest.approx(np.mean(p.argmax(axis=1) == true), rel=1e-12)
    assert accuracy["low"] < accuracy["value"] < accuracy["high"]
    assert test["pooled"]["log_loss"]["value"] == pytest.approx(metrics.log_loss(true, p), rel=1e-6)
    assert test["confusion"]["pooled"] == metrics.confusion_matrix(true, p.argmax(axis=1)).tolist()
    assert drawn(tmp_path) == both(
        "loss_curve", "reliability", "roc", "precision_recall", "confusion_matrix", "galleries"
    )


def test_a_classification_without_probabilities_is_refused(tmp_path):
    run = write_classified(tmp_path / "seed-1")
    rewrite(run, lambda part, rows, prediction: (rows, predictions.Prediction(prediction.point)))
    with pytest.raises(EvaluationError, match=r"seed-1/predictions.h5: no probabilities of classes .*Hint"):
        judged({1: run}, tmp_path)


def test_a_classification_that_diverged_is_counted(tmp_path):
    runs = {seed: write_classified(tmp_path / f"seed-{seed}", seed=seed, diverged=seed == 2) for seed in (1, 2)}
    found = judged(runs, tmp_path, of_task("classification"))["test"]
    assert found["not_finite"] == 1
    assert found["pooled"]["accuracy"] == {"value": None, "n": 394}
    assert found["per_seed"]["1"]["accuracy"] > 0.5


def test_a_baseline_has_no_history(tmp_path):
    runs = {1: write_run(tmp_path / "seed-1", model="ridge", loss="baseline")}
    found = judged(runs, tmp_path, FIGURES)
    assert found["seeds"] == [1]
    assert (tmp_path / "figures" / "loss_curve.pdf").exists()


def test_redshift_errors_are_relative(tmp_path):
    runs = {1: write_run(tmp_path / "seed-1", label="redshift")}
    found = judged(runs, tmp_path)
    part = read_part(tmp_path / "seed-1", "test")
    d = ((part.prediction.point - part.label) / (1 + part.label))[3:]
    assert found["error"] == "(predicted - true) / (1 + true)"
    assert found["outlier_threshold"] == 0.05
    assert found["test"]["pooled"]["std_error"]["value"] == pytest.approx(d.std(), rel=1e-12)


def test_another_threshold_of_outliers(runs, tmp_path):
    judge(runs, beside(runs), tmp_path / "metrics.json", STATISTICS, outlier=0.1)
    found = json.loads((tmp_path / "metrics.json").read_text())
    d = np.concatenate([errors_of(runs[seed], "test") for seed in runs])
    assert found["outlier_threshold"] == 0.1
    value = found["test"]["pooled"]["outlier_fraction"]
    assert value["value"] == pytest.approx(np.mean(np.abs(d) > 0.1), rel=1e-12)
    assert value["low"] < value["value"] < value["high"]
    assert not (tmp_path / "figures").exists()  # judging draws nothing
    draw_run(runs, beside(runs), tmp_path / "metrics.json", tmp_path / "figures", ())
    assert (tmp_path / "figures").is_dir()


def test_figures_take_threshold_and_level_from_the_metrics(runs, tmp_path, monkeypatch):
    judge(runs, beside(runs), tmp_path / "metrics.json", STATISTICS, outlier=0.1)
    given = []
    monkeypatch.setattr("skybake.figures.draw", lambda name, data, folder: given.append((name, data)))
    draw_run(runs, beside(runs), tmp_path / "metrics.json", tmp_path / "figures", ["loss_curve", "pit_histogram"])
    ((name, data),) = given  # these runs predict no distributions
    assert (name, data.outlier_threshold, data.level) == ("loss_curve", 0.1, STATISTICS["level"])


def test_a_diverged_seed_is_counted_and_makes_pooled_values_empty(tmp_path):
    runs = {seed: write_run(tmp_path / f"seed-{seed}", seed=seed, diverged=seed == 2) for seed in (1, 2)}
    found = judged(runs, tmp_path, FIGURES)["test"]
    assert found["not_finite"] == 197
    assert found["pooled"]["std_error"] == {"value": None, "n": 394, "low": None, "high": None}
    assert found["per_seed"]["2"]["std_error"] is None
    assert found["per_seed"]["1"]["std_error"] > 0


def test_seeds_must_have_the_same_objects(tmp_path):
    runs = {seed: write_run(tmp_path / f"seed-{seed}", seed=seed) for seed in (1, 2)}
    rewrite(runs[2], lambda part, rows, prediction: (rows[:-10], prediction.select(np.arange(len(rows) - 10))))
    with pytest.raises(
        EvaluationError, match=r"seed-2/predictions.h5: the valid objects .* \(90 for 100 objects\).*Hint"
    ):
        judged(runs, tmp_path)
    assert not (tmp_path / "metrics.json").exists()


def test_predictions_of_another_dataset_are_refused(tmp_path, runs):
    other = load_dataset(write_dataset(tmp_path / "other" / "dataset.h5", n=300))
    expected = r"seed-1/predictions.h5: predictions for the dataset 'efeds_mock' with ids .*other/dataset.h5 has .*Hint"
    with pytest.raises(ValueError, match=expected):
        judge(runs, other, tmp_path / "metrics.json", STATISTICS)
    assert not (tmp_path / "metrics.json").exists()


def test_the_order_of_objects_matters(tmp_path, runs):
    def swapped(part, rows, prediction):
        if part == "test":
            rows[[10, 11]] = rows[[11, 10]]
        return rows, prediction

    rewrite(runs[3], swapped)
    with pytest.raises(EvaluationError, match="first at object 10"):
        judged(runs, tmp_path)


def test_seeds_must_be_of_one_model_and_what_they_say(tmp_path):
    runs = {1: write_run(tmp_path / "seed-1", seed=1), 2: write_run(tmp_path / "seed-2", seed=2, loss="gaussian_nll")}
    with pytest.raises(EvaluationError, match=r"loss 'gaussian_nll' found, expected 'mean_squared_error'"):
        judged(runs, tmp_path)
    with pytest.raises(EvaluationError, match="seed 1 found, expected 7"):
        judged({7: runs[1]}, tmp_path)
    with pytest.raises(EvaluationError, match="no run given"):
        judge({}, beside(runs), tmp_path / "metrics.json", STATISTICS)


def test_a_part_without_labels_is_an_error(tmp_path):
    runs = {1: write_run(tmp_path / "seed-1", missing=100)}
    with pytest.raises(EvaluationError, match="none of 100 valid objects has a label"):
        judged(runs, tmp_path)


def test_errors_of_a_part(runs):
    found = part_errors(read(runs, beside(runs)), "test")
    np.testing.assert_array_equal(found, np.stack([errors_of(runs[seed], "test") for seed in (1, 2, 3)]))


def test_no_deep_learning_framework_is_imported(tmp_path):
    write_run(tmp_path / "seed-1", loss="gaussian_nll")
    program = """
import importlib, sys
from pathlib import Path
from skybake import plugins
from skybake.data.dataset import load_dataset
from skybake.evaluation import bootstrap, choice, judge
from skybake.figures import runs
from skybake.report import dataset_page, overview, unfinished
from skybake.metrics import regression
for part in plugins.in_room("figures").values():
    part.load()
here = Path(sys.argv[1])
names = [name for name, part in plugins.in_room("figures", "draw").items() if part.constants["SCOPE"] == "run"]
names = [name for name in names if "regression" in plugins.in_room("figures", "draw")[name].constants["TASKS"]]
seeds = {1: here / "seed-1"}
data = load_dataset(here / "dataset.h5")
judge.judge(seeds, data, here / "metrics.json", {"draws": 100, "level": 0.9})
runs.draw_run(seeds, data, here / "metrics.json", here, names)
print([name for name in ("keras", "tensorflow", "jax", "torch") if name in sys.modules])
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "[]\n"
