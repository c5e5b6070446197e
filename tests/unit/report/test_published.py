"""Published numbers beside ours."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from skybake.report import published
from tests.unit.report.small_bakeoffs import Document, bake, compared, pooled

NETWORK, CONSTANT = ("nonsequential", "mean_squared_error"), ("constant", "baseline")
TOLD = {
    "training": "mocks",
    "model": "nonsequential",
    "loss": "mean_squared_error",
    "name": "",
    "values": {"std_error": {"value": 0.17, "uncertainty": None}, "mean_error": {"value": 0.3, "uncertainty": 0.01}},
    "source": "A & B 2023, table <1>",
    "n_train": 6435,
    "n_test": 795,
    "may_explain": "they kept the last weights",
    "note": "its relu can stop a training",
}
ALONE = {**TOLD, "model": "", "loss": "", "name": "Others 2019", "may_explain": "", "note": ""}
OUTLIERS = {
    **ALONE,
    "name": "Outliers of others",
    "values": {"outlier_fraction": {"value": 0.0031, "uncertainty": None}},
}
COSTS = {**TOLD, "values": {"train_seconds": {"value": 30.7, "uncertainty": None}}}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    folder = tmp_path_factory.mktemp("published") / "efeds_mock"
    made = bake(folder, combinations=(NETWORK, CONSTANT), figures=())
    return compared(made, folder, folder, names=[], told=[TOLD, ALONE, COSTS, OUTLIERS])


@pytest.fixture(scope="module")
def lines(out):
    with (out / "published.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_published_number_is_held_against_ours(out, lines):
    std, mean = lines[:2]
    errors = pooled(out, *NETWORK)
    assert float(std["ours"]) == pytest.approx(errors.std(), rel=1e-6)
    assert (std["verdict"], std["over"], std["seeds"]) == ("inside", "test objects and seeds", "3")
    assert (mean["verdict"], mean["metric"]) == ("outside", "mean_error")


def test_the_interval_is_that_of_one_more_training(out, lines):
    by_seed = pooled(out, *NETWORK).std(axis=1)
    half = stats.t.ppf(0.975, 2) * np.std(by_seed, ddof=1) * np.sqrt(1 + 1 / 3)
    found = {name: float(lines[0][name]) for name in ("low", "ours", "high")}
    with (out / "comparison.csv").open(newline="") as stream:
        row = next(line for line in csv.DictReader(stream) if line["model"] == "nonsequential")
    for end in ("low", "high"):
        objects = float(row[f"std_error_{end}"]) - found["ours"]
        assert abs(found[end] - found["ours"]) == pytest.approx(np.hypot(objects, half), rel=1e-5)


def test_what_may_explain_a_difference_follows_from_the_data(lines):
    said = lines[0]["may_explain"]
    assert said.startswith("they kept the last weights; our objects are simulated")
    assert "tested on 117 objects, published on 795" in said
    assert "whole groups" not in said  # holdout
    assert "one seed" not in said


def test_groups_and_single_seeds_are_said():
    run = SimpleNamespace(mock=False, split={"strategy": "group"}, n_train=6000)
    row = SimpleNamespace(training="a", model="m", loss="l", prediction="seeds", split="group-40")
    record = {"std_error": 0.2, "std_error_low": 0.18, "std_error_high": 0.23, "n_test": 790}
    metrics = {"test": {"per_seed": {"1": {"std_error": 0.2}}}}
    entry = SimpleNamespace(row=row, record=record, metrics=metrics, runs={1: run}, status="ok")
    told = {
        **TOLD,
        "training": "a",
        "model": "m",
        "loss": "l",
        "values": {"std_error": {"value": 0.24, "uncertainty": 0.02}},
    }
    held = published.hold([told], [entry], 0.95)[0]
    assert (held.low, held.high, held.over) == (pytest.approx(0.18), pytest.approx(0.23), "test objects")
    assert held.verdict == "inside"  # by its uncertainty
    assert "whole groups out (group-40)" in held.may_explain
    assert "one seed" in held.may_explain
    assert "published on" not in held.may_explain  # within a tenth
    failed = SimpleNamespace(**{**vars(entry), "status": "failed"})
    assert published.hold([told], [failed], 0.95)[0].ours is None


def test_rows_that_nothing_repeats_and_costs_are_shown_and_not_judged(lines):
    alone, seconds = lines[2], lines[4]
    assert (alone["name"], alone["ours"], alone["verdict"], alone["seeds"]) == ("Others 2019", "", "", "")
    assert (seconds["metric"], seconds["verdict"], seconds["low"]) == ("train_seconds", "", "")
    assert float(seconds["ours"]) > 0


def test_the_page_shows_published_rows_as_rows_of_their_own(out):
    text = Document((out / "report.html").read_text()).text
    assert text.count("published Others 2019") == 0
    table = text[text.index("All models and losses") : text.index("Beside the published numbers")]
    assert table.index("Constant") < table.index("Others 2019")
    assert "Rows marked 'published' are numbers of papers" in table
    section = text[text.index("Beside the published numbers") : text.index("published.csv")]
    assert "A & B 2023, table <1>" in section
    assert "outside" in section
    assert "Outliers of others Outliers [%] 0.31" in section
    assert "its relu can stop a training" in section
    assert "2 rows" in text
