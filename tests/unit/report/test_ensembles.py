"""A comparison in which the means of seeds are rows of their own."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.figures.runs import draw_run
from skybake.results import identity, run_folder
from tests.unit.report.small_bakeoffs import SEEDS, STATISTICS, Document, bake, compared, row_of

NETWORK, GAUSSIAN, CONSTANT = (
    ("nonsequential", "mean_squared_error"),
    ("nonsequential", "gaussian_nll"),
    ("constant", "baseline"),
)


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    """A comparison of two networks, their ensembles and a baseline; its folder."""
    folder = tmp_path_factory.mktemp("ensembles")
    made = bake(folder, combinations=(NETWORK, GAUSSIAN, CONSTANT), figures=())
    opened = load_dataset(folder / "dataset.h5")
    for model, loss in (NETWORK, GAUSSIAN):
        row = row_of(folder, model, loss, prediction="ensemble")
        worst = row.metrics.with_name("failures.csv")
        judge(row.runs, opened, row.metrics, STATISTICS, worst=worst, prediction="ensemble")
        draw_run(row.runs, opened, row.metrics, row.figures, ["error_histogram", "loss_curve"], "ensemble")
        made.append(row)
    words = identity.told_apart([identity.of(row) for row in made])
    made = [replace(row, words=said) for row, said in zip(made, words, strict=True)]
    compared(made, folder, folder, names=["forest", "overlaid_loss_curves"])
    return folder


def read(folder, name="comparison.csv"):
    with (folder / name).open(newline="") as stream:
        return {(row["model"], row["loss"], row["prediction"]): row for row in csv.DictReader(stream)}


def test_errors_of_an_ensemble_are_those_of_the_mean(baked):
    opened = load_dataset(baked / "dataset.h5")
    folders = [baked / "runs" / "/".join(NETWORK) / f"seed-{seed}" for seed in SEEDS]
    parts = [run_folder.read_predictions(one, "test", opened) for one in folders]
    known = np.isfinite(parts[0].label) & (parts[0].label != -9999)
    errors = (np.mean([part.prediction.point for part in parts], axis=0) - parts[0].label)[known]
    row = read(baked)[(*NETWORK, "ensemble")]
    assert float(row["std_error"]) == pytest.approx(errors.std(), rel=1e-6)
    assert float(row["rmse"]) < float(read(baked)[(*NETWORK, "seeds")]["rmse"])


def test_an_ensemble_has_no_scatter_over_seeds_and_the_costs_of_all(baked):
    alone, row = (read(baked)[(*NETWORK, name)] for name in ("seeds", "ensemble"))
    assert row["status"] == "ok"
    assert [name for name, value in row.items() if name.endswith("_over_seeds") and value] == []
    assert int(float(row["seeds"])) == 3
    for name, factor in (("train_seconds", 3), ("parameters", 3), ("predict_objects_per_second", 1 / 3)):
        assert float(row[name]) == pytest.approx(factor * float(alone[name]), rel=1e-6)


def test_metrics_name_the_seeds_and_tell_of_none(baked):
    found = json.loads((baked / "evaluation/nonsequential/gaussian_nll@ensemble/metrics.json").read_text())
    assert (found["prediction"], found["seeds"], list(found["predictions"])) == ("ensemble", [1, 2, 3], ["1", "2", "3"])
    assert found["test"]["per_seed"] == {}
    assert found["test"]["pooled"]["crps"]["value"] > 0
    assert found["test"]["pooled"]["crps"]["n"] == found["test"]["n"]
    alone = json.loads((baked / "evaluation/nonsequential/gaussian_nll/metrics.json").read_text())
    assert "prediction" not in alone
    assert found["test"]["pooled"]["crps"]["value"] < alone["test"]["pooled"]["crps"]["value"]


def test_an_ensemble_is_chosen_as_any_row(baked):
    found = json.loads((baked / "chosen.json").read_text())
    assert (found["chosen"]["prediction"], found["chosen"]["model"]) == ("ensemble", "nonsequential")
    assert len(found["rows"]) == 5
    verdict = json.loads((baked / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["chosen"]["prediction"]) == ("better", "ensemble")
    assert verdict["over"] == "test objects, of networks as trained"


def test_differences_with_an_ensemble_are_over_objects_alone(baked):
    pairs = json.loads((baked / "comparison.json").read_text())["pairs"]
    assert len(pairs) == 4
    assert not any(pair["with_seeds"] for of_row in pairs.values() for pair in of_row.values())


def test_the_page_says_what_an_ensemble_is(baked):
    text = Document((baked / "report.html").read_text()).text
    assert "The mean of what 3 networks predict, those of the seeds 1, 2, 3." in text
    assert "Differences with an ensemble are over objects alone" in text
    assert "Where a network was trained once" not in text
    assert "An ensemble is the mean of what all seeds of its row predict" in text
    assert "(ensemble)" in text


@pytest.mark.parametrize(
    ("loss", "score", "names"),
    [
        ("mean_squared_error", "absolute", {"seeds": ["1", "2", "3"], "ensemble": ["ensemble"]}),
        ("gaussian_nll", "normalised", {"seeds": ["1", "2", "3"]}),
        ("gaussian_nll", "quantiles", {"ensemble": ["ensemble"]}),
    ],
)
def test_conformal_intervals_are_calibrated_on_validation_and_judged_on_the_test(baked, loss, score, names):
    for prediction, seeds in names.items():
        folder = loss if prediction == "seeds" else f"{loss}@{prediction}"
        found = json.loads((baked / "evaluation/nonsequential" / folder / "metrics.json").read_text())
        told, pooled = found["conformal"], found["test"]["pooled"]
        assert (told["score"], told["levels"], told["n"]) == (score, [0.68, 0.95], found["valid"]["n"])
        assert list(told["thresholds"]) == seeds
        if score != "quantiles":  # there a threshold is what the interval of its own level lacks
            assert all(small < large for small, large in told["thresholds"].values())
        covered = pooled["conformal_coverage_95"]
        assert 0.9 < covered["value"] <= 1
        assert 0 < covered["low"] < covered["value"] <= covered["high"] <= 1
        assert pooled["conformal_width_68"]["value"] < pooled["conformal_width_95"]["value"]
        assert "conformal_coverage_95" not in found["valid"]["pooled"]
        row = read(baked)["nonsequential", loss, prediction]
        assert float(row["conformal_width_95"]) == pytest.approx(pooled["conformal_width_95"]["value"])


def test_absolute_intervals_are_twice_the_threshold_wide(baked):
    found = json.loads((baked / "evaluation/nonsequential/mean_squared_error@ensemble/metrics.json").read_text())
    ((_, threshold),) = found["conformal"]["thresholds"].values()
    assert found["test"]["pooled"]["conformal_width_95"]["value"] == pytest.approx(2 * threshold)


def test_the_page_says_what_conformal_intervals_are(baked):
    text = Document((baked / "report.html").read_text()).text
    assert "Conformal intervals are made as wide as the validation part asks for" in text
    assert "Conformal coverage [%]" in text


def test_failures_of_an_ensemble_have_no_spread(baked):
    with (baked / "evaluation/nonsequential/gaussian_nll@ensemble/failures.csv").open(newline="") as stream:
        assert {row["error_over_seeds"] for row in csv.DictReader(stream)} == {""}


def test_figures_of_an_ensemble_are_drawn(baked):
    folder = baked / "evaluation/nonsequential/gaussian_nll@ensemble/figures"
    assert sorted(path.name for path in folder.glob("*.png")) == ["error_histogram.png", "loss_curve.png"]
