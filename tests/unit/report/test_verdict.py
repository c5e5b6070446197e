"""The verdict: the chosen network against the best baseline."""

import json
from dataclasses import replace

import numpy as np
import pytest

from skybake.evaluation.pairs import Paired
from skybake.report import rows, verdict
from tests.unit.report.small_bakeoffs import Document, bake, compared, pooled

NETWORK, POOR = ("nonsequential", "mean_squared_error"), ("simple_sequential", "mean_squared_error")
RIDGE, CONSTANT = ("ridge", "baseline"), ("constant", "baseline")


def reached(folder, *combinations):
    """Bake these rows; return their verdict, and the words of the page."""
    made = bake(folder, combinations=combinations, figures=())
    out = compared(made, folder, folder, names=[])
    return json.loads((out / "verdict.json").read_text()), Document((out / "report.html").read_text()).text


def test_a_better_network_and_its_numbers(tmp_path):
    found, page = reached(tmp_path, NETWORK, RIDGE, CONSTANT)
    assert found["verdict"] == "better"
    network, ridge = pooled(tmp_path, *NETWORK), pooled(tmp_path, *RIDGE)
    assert found["difference"] == pytest.approx(network.std() - ridge.std(), rel=1e-6)
    assert found["low"] < found["difference"] < found["high"] < 0
    assert (found["chosen"]["model"], found["baseline"]["model"]) == ("nonsequential", "ridge")
    assert found["chosen"]["std_error"] == pytest.approx(network.std(), rel=1e-6)
    assert (found["metric"], found["chosen_by"], found["over"]) == ("std_error", "valid_rmse", "test objects and seeds")
    assert found["sentence"].startswith("nonsequential, mean_squared_error is better than the best baseline, ridge:")
    assert "Both were chosen on the validation part" in found["sentence"]
    first = page[page.index("Masses & <more>", page.index("simulated")) :]
    assert first.split("better", 1)[1].strip().startswith("Nonsequential, Mean squared error is better than")
    assert page.index("is better than") < page.index("Warnings") < page.index("Comparison")
    assert "No limit of these objects is known; no published value stands beside it." in page


def test_a_network_that_loses_is_called_worse(tmp_path):
    found, page = reached(tmp_path, POOR, RIDGE)
    network, ridge = pooled(tmp_path, *POOR), pooled(tmp_path, *RIDGE)
    assert network.std() > ridge.std()
    assert found["low"] < found["difference"] < found["high"]
    assert found["verdict"] == ("worse" if found["low"] > 0 else "not distinguishable")
    words = {"worse": "is worse than", "not distinguishable": "cannot be told from"}[found["verdict"]]
    assert words in page


def test_the_baseline_is_chosen_on_validation_and_not_on_the_test(tmp_path):
    made = bake(tmp_path, combinations=(NETWORK, RIDGE, CONSTANT), figures=())
    entries = rows.ordered(rows.read(row, mock=True) for row in made)
    for entry in entries:
        entry.record["std_error"] = 0.0 if entry.row.model == "constant" else 1.0
    best = verdict.best_baseline(entries)
    assert best is not None
    assert best.row.model == "ridge"
    by_validation = {name: np.sqrt(np.mean(pooled(tmp_path, *name, "valid") ** 2)) for name in (RIDGE, CONSTANT)}
    assert min(by_validation, key=by_validation.get) == RIDGE
    pair = Paired(0.1, 0.05, 0.15, 0.06, 0.14, 0.0, 0.001, 3, with_seeds=True)  # of the baseline minus the network
    for low, high, expected, said in (
        (0.05, 0.15, "better", "is better than the best baseline, ridge"),
        (-0.01, 0.15, "not distinguishable", "cannot be told from the best baseline, ridge"),
        (-0.15, -0.05, "worse", "is worse than the best baseline, ridge"),
    ):
        pairs = {"ridge": {"std_error": replace(pair, low=low, high=high)}}
        told = verdict.reach(entries, entries[0], pairs, 0.95)
        assert (told["verdict"], told["low"], told["high"]) == (expected, -high, -low)
        assert said in told["sentence"]
    told = verdict.reach(entries, entries[0], {}, 0.95)  # nothing is paired where objects or groups are too few
    assert told["verdict"] is None
    assert "fewer than ten objects or groups" in told["sentence"]


def test_without_a_baseline_there_is_no_verdict(tmp_path):
    found, page = reached(tmp_path, NETWORK)
    assert found["verdict"] is None
    assert "No verdict: no baseline has ended, or none was asked for." in page


def test_without_a_network_there_is_no_verdict(tmp_path):
    assert reached(tmp_path, RIDGE)[0]["sentence"] == "No verdict: no network has ended."
