"""Rows of a bake-off: what is told of each, and how rows of several datasets stand together."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.report import choosing, page, page_table, rows, tables
from skybake.report.names import Names
from skybake.report.overview import Page, join, pages_of
from skybake.report.rows import Row, rows_of
from skybake.results import identity
from tests.unit._synthetic_runs import write_dataset
from tests.unit.report.small_bakeoffs import COMBINATIONS, FAILED, HOLDOUT, Document, bake, compared, row_of


def test_a_failed_judging_shows_its_own_log(baked, tmp_path):
    row = baked[1][0]
    failed = Row(
        **{name: getattr(row, name) for name in (*identity.AXES, "seeds", "runs", "figures", "log")},
        metrics=tmp_path / "none.json",
        judge_log=tmp_path / "judge.log",
    )
    (tmp_path / "judge.log").write_text("EvaluationError: differs\n")
    assert rows.log_tail(failed) == "EvaluationError: differs"
    (tmp_path / "judge.log").unlink()
    assert rows.log_tail(failed).startswith("no log at")


def test_a_row_that_cannot_be_drawn_has_its_numbers_and_the_end_of_the_log(baked, out, tmp_path):
    """A drawing that fails costs its figures and nothing else."""
    undrawn = replace(baked[1][0], figures=tmp_path / "none", draw_log=tmp_path / "draw.log")
    undrawn.draw_log.write_text("ValueError: no room for the legend\n")
    made = compared([undrawn, *baked[1][1:]], baked[0], tmp_path / "out")
    assert (made / "comparison.csv").read_bytes() == (out / "comparison.csv").read_bytes()
    said = "could not be drawn"
    text = (made / "report.html").read_text()
    assert (text.count(said), (out / "report.html").read_text().count(said)) == (1, 0)
    assert "no room for the legend" in text


def test_a_progress_bar_leaves_its_last_state_in_the_log(baked):
    row = next(row for row in baked[1] if (row.model, row.loss) == FAILED)
    kept = row.log.read_text()
    row.log.write_text(f"\r 1/20\r 2/20\r20/20\nError: in {Path.cwd()}/skybake/x.py\n", newline="")
    assert rows.log_tail(row) == "20/20\nError: in skybake/x.py"
    row.log.write_text("")
    assert rows.log_tail(row) == "the log is empty"
    row.log.write_text(kept)


def test_the_log_of_a_failed_point_is_shown(tmp_path):
    logs = [tmp_path / f"delta={value}.log" for value in (1, 2, 3)]
    logs[0].write_text("seed 1: 100%\nfinished\n")
    logs[1].write_text("Traceback\nskybake.runs.TrainingFailed: seed 2: no memory\n")
    files = {"metrics": tmp_path / "m.json", "figures": tmp_path / "f", "log": tmp_path / "never.log"}
    row = Row(
        "d",
        "s-1",
        "t",
        "m",
        "l",
        "seeds",
        [1],
        {1: tmp_path / "run"},
        **files,
        sweep=tmp_path / "sweep.json",
        point_logs=logs,
    )
    assert rows.log_tail(row).endswith("seed 2: no memory")
    assert "never started" in rows.log_tail(replace(row, point_logs=logs[2:]))


def test_a_swept_row_says_which_point_it_is(out):
    records = [{**entry, "point": None, "points": None} for entry in tables.read_csv(out / "comparison.csv")]
    plain = page_table.table(records, anchors=False)
    records[0] |= {"point": "rate=0.3", "points": 5.0}
    swept = page_table.table(records, anchors=False)
    assert not any(line.point for line in plain.lines)
    assert swept.lines[0].point == "rate=0.3, of 5 points"
    assert len(swept.notes) == len(plain.notes) + 1


def test_rows_and_pages_of_the_files_that_snakemake_gives():
    told = [
        {"dataset": "d", "split": "s-1", "training": "t", "model": model, "loss": "l", "prediction": "seeds"}
        | {
            "folder": f"{model}/l",
            "trained": f"{model}/l",
            "predicted": f"{model}/l",
            "seeds": [1, 2],
            "log": f"{model}.log",
            "judge_log": "j.log",
            "draw_log": "d.log",
        }
        | {"baseline": False, "point_logs": ["p.log"], "inside": "inside/m/l/figures"}
        for model in ("m", "n")
    ]
    files = [f"/node/runs/{model}/l/seed-{seed}/run.json" for model in ("n", "m") for seed in (2, 1)]
    made = rows_of(
        told,
        runs=files,
        metrics=["/node/evaluation/n/l/metrics.json", "/node/evaluation/m/l/metrics.json"],
        figures=["/node/evaluation/m/l/figures", "/node/evaluation/n/l/figures"],
        sweeps=["/node/sweeps/n/l/sweep.json"],
    )
    folders = {seed: Path(f"/node/runs/m/l/seed-{seed}") for seed in (1, 2)}
    here = {"metrics": Path("/node/evaluation/m/l/metrics.json"), "figures": Path("/node/evaluation/m/l/figures")}
    logs = {"log": Path("m.log"), "judge_log": Path("j.log"), "draw_log": Path("d.log"), "point_logs": (Path("p.log"),)}
    assert made[0] == Row(
        "d", "s-1", "t", "m", "l", "seeds", [1, 2], folders, **here, **logs, inside="inside/m/l/figures"
    )
    assert made[1].runs[2] == Path("/node/runs/n/l/seed-2")
    assert [row.sweep for row in made] == [None, Path("/node/sweeps/n/l/sweep.json")]
    assert pages_of(["d", "e"], csv=["c", "k"], verdict=["v", "w"], html=["h", "i"], figures=["f", "g"]) == [
        Page("d", Path("c"), Path("v"), Path("h"), Path("f")),
        Page("e", Path("k"), Path("w"), Path("i"), Path("g")),
    ]
    with pytest.raises(ValueError, match="shorter"):
        pages_of(["d", "e"], csv=["c"], verdict=["v", "w"], html=["h", "i"], figures=["f", "g"])


def test_the_choice_is_a_file_that_later_steps_read(baked, out, tmp_path):
    told = json.loads((out / "chosen.json").read_text())
    first = tables.read_csv(out / "comparison.csv")[0]
    assert told["by"] == "valid_rmse"
    assert told["chosen"] == {axis: first[axis] for axis in identity.AXES}
    assert [row["status"] for row in told["rows"]].count("failed") == 1
    values = [row["valid_rmse"] for row in told["rows"] if row["status"] == "ok" and not row["baseline"]]
    assert values == sorted(values)
    wrong = {**told, "chosen": told["chosen"] | {"training": "gone"}}
    (tmp_path / "chosen.json").write_text(json.dumps(wrong))
    with pytest.raises(ValueError, match=r"chosen\.json: the row .*'gone'.* is none of those that have ended"):
        choosing.chosen_entry([rows.read(row, mock=True) for row in baked[1]], tmp_path / "chosen.json")


def test_a_metric_without_a_column_is_told_and_not_dropped(baked, tmp_path):
    row = baked[1][0]
    metrics = json.loads(row.metrics.read_text())
    metrics["test"]["pooled"]["skewness"] = {"value": 0.1, "n": 3}
    (tmp_path / "metrics.json").write_text(json.dumps(metrics))
    with pytest.raises(ValueError, match="no column for skewness; expected one for every metric"):
        rows.read(replace(row, metrics=tmp_path / "metrics.json"), mock=True)


def test_rows_of_the_same_model_and_loss_are_told_apart(baked, tmp_path):
    """In the page, the LaTeX table and the figures stands the training that is not that of the other."""
    row = next(row for row in baked[1] if (row.model, row.loss) == ("nonsequential", "mean_squared_error"))
    twin = replace(row, training="longer")
    words = identity.told_apart([identity.of(row), identity.of(twin)])
    assert words == ["mocks", "longer"]
    both = [replace(one, words=said) for one, said in zip((row, twin), words, strict=True)]
    made = compared([*both, row_of(baked[0], "constant", "baseline")], baked[0], tmp_path)
    records = tables.read_csv(made / "comparison.csv")
    assert [record["training"] for record in records] == ["longer", "mocks", "mocks"]
    html, tex = ((made / name).read_text() for name in ("report.html", "comparison.tex"))
    for said in words:
        assert f"<td>Mean squared error ({said})" in html
        assert f'id="run-nonsequential-mean_squared_error-{said}"' in html
        assert f"mean\\_squared\\_error ({said})" in tex
    assert "baseline (" not in html


def test_metrics_of_other_predictions_do_not_count(baked, tmp_path):
    """Whatever the times of the files: those of copies on another disk say nothing."""
    made = bake(tmp_path / "d", combinations=[COMBINATIONS[0]])[0]
    os.utime(made.metrics, (1, 1))
    assert rows.is_judged(made)
    other = baked[1][1].runs[2] / "predictions.h5"
    shutil.copy(other, made.runs[2] / "predictions.h5")
    os.utime(made.runs[2] / "predictions.h5", (0, 0))
    assert not rows.is_judged(made)


def test_rows_of_an_earlier_dataset_are_shown_and_not_compared(tmp_path):
    """A training that has failed on the new one, or has not begun, leaves its older run behind."""
    folder, made = tmp_path / "d", bake(tmp_path / "d", combinations=COMBINATIONS[3:5])
    both = tables.read_csv(compared(made, folder, folder) / "comparison.csv")
    assert [line["status"] for line in both] == ["ok", "ok"]
    assert both[1]["std_error_minus_best"] > 0
    write_dataset(folder / "dataset.h5", n=1000)
    splits.write(folder / "split-40.h5", splits.make(load_dataset(folder / "dataset.h5"), HOLDOUT))
    lines = tables.read_csv(compared(made, folder, folder) / "comparison.csv")
    assert [line["std_error"] for line in lines] == [line["std_error"] for line in both]
    assert lines[1]["std_error_minus_best"] is None


def test_nothing_has_ended(tmp_path):
    folder = tmp_path / "d"
    bake(folder, combinations=[FAILED])
    compared([row_of(folder, *FAILED), row_of(folder, "x_y", "z")], folder, folder)
    text = Document((folder / "report.html").read_text()).text
    assert "No run has ended" in text
    assert "2 failed" in text
    assert r"x\_y & z & \multicolumn{5}{c}{failed}" in (folder / "comparison.tex").read_text()
    assert [line["status"] for line in tables.read_csv(folder / "comparison.csv")] == ["failed", "failed"]


def test_one_network_alone(tmp_path):
    folder = tmp_path / "d"
    made = bake(folder, mock=False, combinations=[("nonsequential", "huber-delta=0.3")])
    compared(made, folder, folder)
    text = Document((folder / "report.html").read_text()).text
    assert "MOCK" not in text
    assert "Against" not in text
    assert "MOCK" not in (folder / "comparison.tex").read_text()


def test_rows_of_two_datasets_are_refused(baked, tmp_path):
    other = row_of(tmp_path, "a", "b", dataset="other")
    with pytest.raises(ValueError, match=r"\['efeds_mock', 'other'\] found; expected one dataset"):
        compared([*baked[1], other], baked[0], tmp_path)


def test_many_rows_keep_the_page_small_and_say_so(baked, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "ILLUSTRATED", 3)
    compared(baked[1], baked[0], tmp_path)
    text = (tmp_path / "report.html").read_text()
    assert text.count("<b>Error histogram</b>") == 3
    assert "Figures of the first 3 of 7 rows" in text


def test_join_keeps_every_row(joined):
    lines = tables.read_csv(joined / "comparison.csv")
    assert [line["dataset"] for line in lines] == ["efeds_mock"] * 8 + ["real_field"] * 3
    apart = [(joined / name / "comparison.csv").read_text().splitlines()[1:] for name in ("efeds_mock", "real_field")]
    assert (joined / "comparison.csv").read_text().splitlines()[1:] == [line for lines in apart for line in lines]


def test_joined_page_links_to_the_datasets_and_says_which_is_mock(joined):
    document = Document((joined / "report.html").read_text())
    start = Document((joined / "report.html").read_text().split("<body>")[1])
    assert start.text.startswith("MOCK data: the objects of efeds_mock are simulated.")
    links = {address.partition("#")[0] for address in document.addresses if not address.startswith("data:")}
    assert {"efeds_mock/report.html", "real_field/report.html", "comparison.csv"} <= links
    assert all((joined / link).exists() for link in links)
    assert len([address for address in document.addresses if address.startswith("data:image/png")]) == 2


def test_joined_page_compares_the_datasets(joined):
    table = (joined / "report.html").read_text().split('id="datasets-table"')[1].split("</table>")[0]
    for name in ("efeds_mock", "real_field"):
        line = Document(table.split(f'data-row="{name}"')[1].split("</tr>")[0])
        verdict = json.loads((joined / name / "verdict.json").read_text())
        best = tables.read_csv(joined / name / "comparison.csv")[0]
        assert verdict["verdict"] in line.words or verdict["verdict"] is None
        assert f"{best['std_error']:.3f}" in line.words
        assert Names().row(best["model"], best["loss"], "", baseline=False) in line.words
        if verdict["verdict"]:
            assert f"{verdict['difference']:+.3f}".replace("-", "−") in line.words
            assert f"{verdict['baseline']['std_error']:.3f}" in line.words


def test_joined_page_without_mock(joined, tmp_path):
    real = joined / "real_field"
    only = Page("real_field", *(real / file for file in ("comparison.csv", "verdict.json", "report.html", "figures")))
    join([only], csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="Real", config_text="")
    assert "MOCK" not in Document((tmp_path / "r.html").read_text()).text
    with pytest.raises(ValueError, match="no dataset to join"):
        join([], csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="", config_text="")
