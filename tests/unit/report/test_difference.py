"""What changed between two states of a bake-off."""

import csv
import json
import shutil

import numpy as np
import pytest

from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.report import difference
from tests.unit._synthetic_runs import write_run
from tests.unit.report.small_bakeoffs import SEEDS, STATISTICS, Document, bake, compared, in_table, pooled

SAME, OTHER = ("simple_sequential", "mean_squared_error"), ("nonsequential", "mean_squared_error")
GONE, NEW, BASELINE = ("nonsequential", "huber-delta=0.3"), ("nonsequential", "gaussian_nll"), ("ridge", "baseline")


def told(folder, made):
    """Return what the config tells of a state that lies in a folder."""
    rows = [
        {
            **{"dataset": row.dataset, "split": row.split, "training": row.training, "model": row.model},
            **{"loss": row.loss, "prediction": row.prediction, "seeds": list(row.seeds), "baseline": row.baseline},
            **dict.fromkeys(("folder", "trained", "predicted"), f"{row.model}/{row.loss}"),
            **dict.fromkeys(("log", "judge_log", "draw_log"), "no.log"),
            **{"point_logs": [], "inside": ""},
        }
        for row in made
    ]
    files = ("predictions.h5", "run.json", "timing.json", "history.csv")
    runs = [str(path / name) for row in made for path in row.runs.values() for name in files]
    found = {"csv": str(folder / "comparison.csv"), "dataset": str(folder / "dataset.h5"), "rows": rows, "runs": runs}
    found["metrics"] = [str(row.metrics) for row in made]
    return {"results": str(folder), "problem": "", "datasets": {"efeds_mock": found}}


@pytest.fixture(scope="module")
def states(tmp_path_factory):
    """Two states: OTHER predicts otherwise, GONE and NEW are in one of them; the folder of what is written."""
    before, now, out = (tmp_path_factory.mktemp(name) for name in ("before", "now", "out"))
    old = bake(before, combinations=(SAME, OTHER, GONE, BASELINE), figures=())
    compared(old, before, before, names=[])
    made = bake(now, combinations=(SAME, OTHER, NEW, BASELINE), figures=())
    (other,) = (row for row in made if (row.model, row.loss) == OTHER)
    opened = load_dataset(now / "dataset.h5")
    for seed in SEEDS:  # as another network would predict
        shutil.rmtree(other.runs[seed])
        write_run(other.runs[seed], model="deeper_sequential", loss=OTHER[1], seed=seed, n=120, data=opened.path)
        record = json.loads((other.runs[seed] / "run.json").read_text())
        (other.runs[seed] / "run.json").write_text(json.dumps({**record, "model": OTHER[0]}))
    judge(other.runs, opened, other.metrics, STATISTICS)
    compared(made, now, now, names=[])
    write(out, told(now, made), told(before, old))
    return before, now, out


def write(out, now, *earlier):
    difference.write(
        now,
        earlier,
        html=out / "report.html",
        csv_file=out / "difference.csv",
        folder=out / "figures",
        names={"efeds_mock": ["differences"]},
        title="Masses",
        statistics=STATISTICS,
    )


def lines(out, metric="std_error"):
    with (out / "difference.csv").open(newline="") as stream:
        return {(row["model"], row["loss"]): row for row in csv.DictReader(stream) if row["metric"] == metric}


def test_rows_are_the_same_new_gone_or_other(states):
    kinds = {row: line["change"] for row, line in lines(states[2]).items()}
    assert kinds.pop(OTHER) in ("better", "worse", "not told apart")
    assert kinds == {SAME: "the same", BASELINE: "the same", NEW: "new", GONE: "gone"}


def test_the_same_objects_are_compared_by_pairs(states):
    before, now, out = states
    line = lines(out)[OTHER]
    errors = [pooled(folder, *OTHER) for folder in (before, now)]
    assert float(line["difference"]) == pytest.approx(errors[1].std() - errors[0].std(), rel=1e-6)
    assert line["paired"] == "true"
    rng = np.random.default_rng(1)
    places = rng.integers(0, errors[0].shape[1], (2000, errors[0].shape[1]))
    drawn = np.array([errors[1][:, rows].std() - errors[0][:, rows].std() for rows in places])
    half = (float(line["high"]) - float(line["low"])) / 2
    assert half > 0.9 * 1.96 * drawn.std()  # of objects alone; that of seeds is added
    assert float(line["low"]) < float(line["difference"]) < float(line["high"])


def test_a_state_of_another_version_is_compared_by_its_table(states, tmp_path):
    before = states[0]
    old = {"results": str(before), "problem": "this version cannot read its config: sweeps", "datasets": {}}
    old["datasets"] = {"efeds_mock": {"csv": str(tmp_path / "comparison.csv")}}
    with (before / "comparison.csv").open(newline="") as stream:
        rows = [{name: text for name, text in row.items() if name != "pit_ks"} for row in csv.DictReader(stream)]
    with (tmp_path / "comparison.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    made = bake(tmp_path / "again", combinations=(SAME, OTHER, NEW, BASELINE), figures=())
    compared(made, tmp_path / "again", tmp_path / "again", names=[])
    write(tmp_path, told(tmp_path / "again", made), old)
    line = lines(tmp_path)[OTHER]
    row = next(row for row in rows if (row["model"], row["loss"]) == OTHER)
    assert line["paired"] == "false"
    assert float(line["difference"]) == 0
    lower, upper = (
        float(row["std_error"]) - float(row["std_error_low"]),
        float(row["std_error_high"]) - float(row["std_error"]),
    )
    assert float(line["high"]) == pytest.approx(np.hypot(lower, upper), rel=1e-6)
    text = Document((tmp_path / "report.html").read_text(encoding="utf-8")).text
    assert "this version cannot read its config: sweeps" in text
    assert "the earlier runs cannot be read" in text


def test_other_test_objects_are_not_pairs(tmp_path):
    made = bake(tmp_path / "now", combinations=(SAME,), figures=())
    for run in made[0].runs.values():
        shutil.rmtree(run)
    (tmp_path / "now" / "dataset.h5").unlink()
    for seed, run in made[0].runs.items():
        write_run(run, model=SAME[0], loss=SAME[1], seed=seed, n=110, data=tmp_path / "now" / "dataset.h5")
    opened = load_dataset(tmp_path / "now" / "dataset.h5")
    judge(made[0].runs, opened, made[0].metrics, STATISTICS)
    in_table(made, *(tmp_path / "now",) * 2, reference={})
    old = bake(tmp_path / "before", combinations=(SAME,), figures=())
    in_table(old, *(tmp_path / "before",) * 2, reference={})
    write(tmp_path, told(tmp_path / "now", made), told(tmp_path / "before", old))
    line = lines(tmp_path)[SAME]
    assert line["paired"] == "false"
    assert line["why_not_paired"].startswith("other test objects: 110, of which 110 of the 120 before")
    assert "n_test: 120 before, 110 now" in line["causes"]


def test_the_page_stands_alone_and_the_figure_shows_what_changed(states):
    out = states[2]
    text = (out / "report.html").read_text(encoding="utf-8")
    page = Document(text)
    assert "5 rows: " in page.text
    assert "2 the same, byte for byte, 1 new, 1 gone" in page.text
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert (out / "figures" / "1" / "efeds_mock" / "differences.png").exists()
