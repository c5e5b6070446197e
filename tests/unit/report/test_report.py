import csv as csvfile
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import scoringrules
from scipy import stats
from sklearn import metrics

from skybake.data import rejections, splits
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.figures.runs import draw_run
from skybake.metrics.regression import RELATIVE
from skybake.report import choosing, page, rows, tables
from skybake.report.comparison import compare
from skybake.report.dataset_page import write_page
from skybake.report.overview import Page, join, pages_of
from skybake.report.rows import Row, rows_of
from skybake.results import identity
from tests.unit._synthetic_runs import WIDTH, read_part, write_classified, write_dataset, write_run

STATISTICS = {"draws": 300, "level": 0.95, "seed": 0}
SEEDS = (1, 2, 3)
MODELS = ("simple_sequential", "nonsequential")
LOSSES = ("mean_squared_error", "huber-delta=0.3", "gaussian_nll")
COMBINATIONS = [
    *((model, loss) for model in MODELS for loss in LOSSES),
    ("constant", "baseline"),
    ("ridge", "baseline"),
]
FAILED, DIVERGED = ("simple_sequential", "gaussian_nll"), ("simple_sequential", "huber-delta=0.3")
HOLDOUT = {"strategy": "holdout", "test": 0.1, "valid": 0.1, "seed": 40}
FIGURES = ["forest", "accuracy_against_time"]
FIRST_COLUMNS = (
    "dataset,split,training,model,loss,prediction,seeds,parameters,n_test,mean_error,mean_error_low,mean_error_high,std_error,std_error_low,"
    "std_error_high,nmad,outlier_fraction,crps,train_seconds,epoch_seconds,predict_objects_per_second,peak_memory_mb"
)


def row_of(folder: Path, model: str, loss: str, dataset: str = "efeds_mock", seeds=SEEDS) -> Row:
    here = folder / "evaluation" / model / loss
    return Row(
        dataset=dataset,
        split="holdout-40",
        training="mocks",
        model=model,
        loss=loss,
        prediction="seeds",
        seeds=seeds,
        runs={seed: folder / "runs" / model / loss / f"seed-{seed}" for seed in seeds},
        metrics=here / "metrics.json",
        figures=here / "figures",
        log=folder / "logs" / model / f"{loss}.log",
        baseline=loss == "baseline",
    )


def bake(folder: Path, *, dataset="efeds_mock", mock=True, combinations=COMBINATIONS, figures=("error_histogram",)):
    made = []
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=1000, tested=120, mock=mock))
    more = {"dataset": dataset, "mock": mock, "n": 120, "data": opened.path}
    for model, loss in combinations:
        row = row_of(folder, model, loss, dataset)
        row.log.parent.mkdir(parents=True, exist_ok=True)
        row.log.write_text("starts\n")
        if (model, loss) == FAILED:
            row.log.write_text("".join(f"line {number}\n" for number in range(40)) + "ValueError: <a> & b\n")
        else:
            for seed in SEEDS:
                bad = (model, loss) == DIVERGED and seed == 2
                write_run(row.runs[seed], model=model, loss=loss, seed=seed, diverged=bad, **more)
            judge(row.runs, opened, row.metrics, STATISTICS)
            draw_run(row.runs, opened, row.metrics, row.figures, figures)
        made.append(row)
    splits.write(folder / "split-40.h5", splits.make(opened, HOLDOUT))
    rejected = [rejections.Rejection(3, "x", "mass not positive"), rejections.Rejection(5, "y", "mass not positive")]
    rejections.write_rejected(folder / "rejected.csv", [*rejected, rejections.Rejection(7, "z", "frame <missing>")])
    return made


def compared(made, folder: Path, out: Path, *, title="Masses & <more>", names=FIGURES) -> Path:
    choosing.choose(made, out / "chosen.json")
    compare(
        made,
        chosen=out / "chosen.json",
        csv=out / "comparison.csv",
        tex=out / "comparison.tex",
        found=out / "comparison.json",
        dataset=load_dataset(folder / "dataset.h5"),
        statistics=STATISTICS,
    )
    write_page(
        made,
        chosen=out / "chosen.json",
        comparison=out / "comparison.json",
        html=out / "report.html",
        folder=out / "figures",
        names=names,
        title=title,
        dataset=folder / "dataset.h5",
        split=folder / "split-40.h5",
        rejected=folder / "rejected.csv",
        config_text="title: Masses & <more>\nseeds: [1, 2, 3]\n",
    )
    return out


@pytest.fixture(scope="module")
def baked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bake") / "efeds_mock"
    return folder, bake(folder)


@pytest.fixture(scope="module")
def out(baked):
    return compared(baked[1], *(baked[0],) * 2)


@pytest.fixture(scope="module")
def html(out):
    return (out / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table(out):
    with (out / "comparison.csv").open(newline="") as stream:
        return {(line["model"], line["loss"]): line for line in csvfile.DictReader(stream)}


def pooled(folder: Path, model: str, loss: str, part: str = "test") -> np.ndarray:
    """Errors (S, n), as a person would compute them."""
    found = []
    for seed in SEEDS:
        here = read_part(folder / "runs" / model / loss / f"seed-{seed}", part, folder / "dataset.h5")
        keep = ~np.isnan(here.label) & (here.label != -9999)
        found.append((here.prediction.point - here.label)[keep])
    return np.array(found)


class Document(HTMLParser):
    """The text of a page, its addresses, its tags."""

    def __init__(self, text: str):
        super().__init__()
        self.words, self.addresses, self.tags, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_data(self, data):
        if data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)


def test_columns_begin_as_documented(out):
    first = (out / "comparison.csv").read_text().splitlines()[0]
    assert first.startswith(FIRST_COLUMNS + ",")


def test_every_row_is_there_with_its_status(table):
    assert set(table) == set(COMBINATIONS)
    status = {place: line["status"] for place, line in table.items()}
    assert status.pop(FAILED) == "failed"
    assert status.pop(DIVERGED) == "not finite"
    assert set(status.values()) == {"ok"}


def test_a_failed_row_has_empty_numbers(table):
    line = table[FAILED]
    known = {"dataset": "efeds_mock", "model": FAILED[0], "loss": FAILED[1], "seeds": "3", "mock": "true"}
    known |= {"split": "holdout-40", "training": "mocks", "prediction": "seeds"}
    assert {name: value for name, value in line.items() if value} == known | {"baseline": "false", "status": "failed"}


@pytest.mark.parametrize("place", [("nonsequential", "huber-delta=0.3"), ("ridge", "baseline")])
def test_numbers_of_the_csv(baked, table, place):
    line, d = table[place], pooled(baked[0], *place)
    flat = d.ravel()
    expected = {
        "mean_error": flat.mean(),
        "std_error": flat.std(),
        "nmad": 1.4826 * np.median(np.abs(flat - np.median(flat))),
        "rmse": np.sqrt(np.mean(flat**2)),
        "outlier_fraction": np.mean(np.abs(flat) > 0.3),
        "n_test": 117,
        "n_valid": 57,
        "seeds": 3,
        "mean_error_over_seeds": d.mean(axis=1).std(ddof=1),
        "std_error_over_seeds": d.std(axis=1).std(ddof=1),
        "valid_rmse": np.sqrt(np.mean(pooled(baked[0], *place, "valid") ** 2)),
        "peak_memory_mb": 903,
        "predict_objects_per_second": 5000,
    }
    assert {name: float(line[name]) for name in expected} == pytest.approx(expected, rel=1e-7)
    assert float(line["std_error_low"]) < float(line["std_error"]) < float(line["std_error_high"])
    assert line["crps"] == ""
    assert line["baseline"] == str(place[1] == "baseline").lower()


def test_numbers_of_predicted_distributions(baked, table):
    line, d = table["nonsequential", "gaussian_nll"], pooled(baked[0], "nonsequential", "gaussian_nll")
    d = -d.ravel() / WIDTH
    crps, nll = WIDTH * scoringrules.crps_normal(d, 0, 1), -stats.norm.logpdf(d) + np.log(WIDTH)
    ks = stats.kstest(stats.norm.cdf(d), "uniform").statistic
    expected = {
        **{"crps": crps.mean(), "nll": nll.mean(), "pit_ks": ks, "pit_ks_critical": stats.kstwo.ppf(0.95, 117)},
        **{"pit_ks_p_value": stats.kstwo.sf(ks, 117), "mean_std": WIDTH},
        **{"sharpness": 2 * stats.norm.ppf(0.84) * WIDTH, "coverage_95": np.mean(np.abs(d) <= stats.norm.ppf(0.975))},
    }
    assert {name: float(line[name]) for name in expected} == pytest.approx(expected, rel=1e-5)  # widths are float32
    assert float(line["crps_low"]) < float(line["crps"]) < float(line["crps_high"])
    for other in (("ridge", "baseline"), ("nonsequential", "huber-delta=0.3")):
        assert [table[other][name] for name in (*expected, "crps_low", "valid_nll")] == [""] * 10
        assert float(table[other]["rail_outlier_fraction"]) >= 0
        assert float(table[other]["mae"]) > 0


def test_times_are_means_over_seeds(table):
    line = table["nonsequential", "gaussian_nll"]
    assert float(line["train_seconds"]) == pytest.approx(20 + 15 * 2 + 2)
    assert float(line["epoch_seconds"]) == pytest.approx((20 + 15 * 2 + 2) / 20)
    assert table["ridge", "baseline"]["epoch_seconds"] == ""


def test_rows_stand_in_the_order_of_validation(out):
    lines = tables.read_csv(out / "comparison.csv")
    networks = [line["valid_rmse"] for line in lines if line["status"] == "ok" and not line["baseline"]]
    assert networks == sorted(networks)
    kinds = [(line["status"], line["baseline"]) for line in lines]
    assert kinds == [("ok", False)] * 4 + [("ok", True)] * 2 + [("not finite", False), ("failed", False)]


def test_the_choice_looks_at_validation_only(baked):
    entries = [rows.read(row, mock=True) for row in baked[1]]
    names = {entry.row.name: entry for entry in entries}
    worst = names["simple_sequential, mean_squared_error"]
    worst.record["valid_rmse"] = 1e-6
    assert choosing.best(entries) is worst
    for entry in entries:
        entry.record["rmse"] = entry.record["std_error"] = 0.0
    assert choosing.best(entries) is worst


def test_a_row_that_left_a_gpu_unused_is_marked(baked, tmp_path):
    folder = shutil.copytree(baked[0], tmp_path / "efeds_mock")
    model, loss = COMBINATIONS[0]
    for seed in SEEDS:
        path = row_of(folder, model, loss).runs[seed] / "run.json"
        run = json.loads(path.read_text())
        run["hardware"]["device"] = {"kind": "cpu", "name": "cpu", "gpu_not_used": "The driver cannot be loaded."}
        path.write_text(json.dumps(run))
    out = compared([row_of(folder, *names) for names in COMBINATIONS], folder, tmp_path / "out")
    marked = {line["model"]: line["gpu_not_used"] for line in tables.read_csv(out / "comparison.csv") if line["device"]}
    assert marked == {model: "The driver cannot be loaded."}
    page = (out / "report.html").read_text()
    assert page.count('<span class="badge bad">GPU not used</span>') == 1
    assert "trained on a CPU although a GPU was there. The driver cannot be loaded." in page


def test_paired_columns_are_against_the_choice(baked, out, table):
    best = tables.read_csv(out / "comparison.csv")[0]
    assert best["std_error_minus_best"] == 0
    place = ("ridge", "baseline")
    reference, other = pooled(baked[0], best["model"], best["loss"]), pooled(baked[0], *place)
    assert float(table[place]["std_error_minus_best"]) == pytest.approx(other.std() - reference.std(), rel=1e-6)
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(300):
        drawn = rng.integers(0, 117, size=117)
        draws.append(other[:, drawn].std() - reference[:, drawn].std())
    low, high = np.quantile(draws, [0.025, 0.975])
    assert float(table[place]["std_error_minus_best_low"]) == pytest.approx(low, rel=1e-6)
    assert float(table[place]["std_error_minus_best_high"]) == pytest.approx(high, rel=1e-6)
    assert float(table[place]["std_error_below_best"]) == np.mean(np.array(draws) < 0)


def test_csv_reads_back(out, tmp_path):
    lines = tables.read_csv(out / "comparison.csv")
    tables.write_csv(tmp_path / "again.csv", lines)
    assert (tmp_path / "again.csv").read_bytes() == (out / "comparison.csv").read_bytes()
    (tmp_path / "old.csv").write_text("dataset,model\na,b\n")
    with pytest.raises(ValueError, match=r"old.csv: columns .* expected .*Hint"):
        tables.read_csv(tmp_path / "old.csv")


def test_tex_has_the_numbers_escaped(baked, out, table):
    text = (out / "comparison.tex").read_text()
    d = pooled(baked[0], "nonsequential", "huber-delta=0.3")
    line = next(line for line in text.splitlines() if line.startswith(r"nonsequential & huber-delta=0.3"))
    half = float(table["nonsequential", "huber-delta=0.3"]["mean_error_high"]) - float(
        table["nonsequential", "huber-delta=0.3"]["mean_error_low"]
    )
    assert rf"${d.mean():+.3f} \pm {half / 2:.3f}$" in line
    assert f"{d.std():.3f}" in line
    assert f"& {100 * np.mean(np.abs(d) > 0.3):.1f} & -- & -- & -- & 52 " in line
    assert r"simple\_sequential & gaussian\_nll & \multicolumn{8}{c}{failed} \\" in text
    wide = table["nonsequential", "gaussian_nll"]
    line = next(line for line in text.splitlines() if line.startswith(r"nonsequential & gaussian\_nll"))
    nll = float(wide["nll"])
    shown = f"{nll:.3f}" if nll > 0 else f"${nll:.3f}$"
    assert f"& {float(wide['crps']):.3f} & {shown} & {float(wide['pit_ks']):.3f} & " in line
    assert f"have a PIT-KS below {stats.kstwo.ppf(0.95, 117):.3f}." in text
    assert "MOCK DATA" in text
    assert not re.search(r"(?<!\\)_", text.replace("tab:efeds_mock", ""))
    assert [text.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 3, 1]


def test_bold_are_those_not_shown_to_be_worse_than_the_choice(out):
    bold = {
        tuple(line.replace(r"\_", "_").split(" & ")[:2])
        for line in (out / "comparison.tex").read_text().splitlines()
        if r"\boldmath" in line
    }
    lines = tables.read_csv(out / "comparison.csv")
    expected = {(line["model"], line["loss"]) for line in lines if (line["std_error_minus_best_low"] or 1) <= 0}
    first = lines[0]
    assert bold == expected | {(first["model"], first["loss"])}
    assert ("constant", "--") not in bold


@pytest.mark.parametrize("text", [r"a_b&c%d#e$f{g}h~i^j\k", "50 % < 3 > 2 | x"])
def test_escape_leaves_no_bare_special_character(text):
    escaped = tables.escape(text)
    bare = re.sub(r"\\text[a-z]+\{\}|\\[_&%#${}]", "", escaped)
    assert not set(bare) & set(r"\_&%#${}~^<>|")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_compiles(out, tmp_path):
    compile_tex(out / "comparison.tex", tmp_path)


def compile_tex(table: Path, folder: Path) -> None:
    shutil.copy(table, folder)
    preamble = r"\documentclass{article}\usepackage{booktabs}\setlength{\textwidth}{17cm}"  # a journal's two columns
    (folder / "main.tex").write_text(preamble + r"\begin{document}\input{comparison.tex}\end{document}")
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"], cwd=folder, capture_output=True
    )
    assert ended.returncode == 0, ended.stdout.decode()[-2000:]
    assert b"Overfull \\hbox" not in ended.stdout


def test_page_needs_nothing_else(html):
    document = Document(html)
    assert all(address.startswith(("#", "data:image/png;base64,")) for address in document.addresses)
    assert "link" not in document.tags
    assert "iframe" not in document.tags
    assert "@import" not in html
    assert "url(" not in html
    anchors = {address[1:] for address in document.addresses if address.startswith("#")}
    assert anchors <= set(document.ids)
    assert len(document.ids) == len(set(document.ids))


def test_page_says_mock_on_its_first_line(html):
    assert Document(html[html.index("<body>") :]).text.startswith("MOCK data: every object on this page is simulated.")
    assert "<title>MOCK: " in html


def test_page_shows_the_numbers(baked, html):
    text = Document(html).text
    d = pooled(baked[0], "nonsequential", "huber-delta=0.3")
    assert f"{d.mean():+.3f}".replace("-", "−") in text
    for seed in range(3):
        assert f"{d[seed].std():.3f}" in text
    assert "1,000: 810 to train, 90 for validation, 100 for the test" in text
    assert "mass not positive 2" in text
    assert "frame <missing> 1" in text
    assert "0.25-0.5 keV, 0.5-2 keV" in text
    assert "d" * 64 not in text  # digests are those of the files at hand
    assert "a" * 64 in text
    assert "3.15.0" in text
    assert "A & B <fast> processor" in text
    assert "Masses & <more>" in text
    assert "seeds: [1, 2, 3]" in text


def test_page_shows_how_distributions_are_calibrated(html, table):
    document = Document(html)
    for head in ("CRPS", "NLL", "PIT-KS", "Coverage [%]"):
        assert head in document.words
    assert "RAIL outliers [%]" not in document.words  # errors are not those of a redshift
    assert f"Of calibrated ones 95 % have a PIT-KS below {stats.kstwo.ppf(0.95, 117):.3f}." in document.text
    assert f"{float(table['nonsequential', 'gaussian_nll']['pit_ks']):.3f}" in document.words


def test_columns_of_distributions_stand_only_where_some_row_predicts_one(baked):
    records = [rows.read(row, mock=True).record for row in baked[1]]
    points = [record for record in records if record["loss"] != "gaussian_nll"]
    heads = [head for head, _ in page.table(points, anchors=False).heads]
    assert heads[:5] == ["Mean error", "Std", "NMAD", "Outliers [%]", "Training [s]"]
    heads = [head for head, _ in page.table(records, anchors=False).heads]
    assert heads[4:9] == ["CRPS", "NLL", "PIT-KS", "Coverage [%]", "Training [s]"]
    of_redshifts = [record | {"label": "redshift", "error": RELATIVE} for record in points]
    assert "RAIL outliers [%]" in [head for head, _ in page.table(of_redshifts, anchors=False).heads]


def test_page_shows_failed_rows_with_the_end_of_their_log(html):
    text = Document(html).text
    assert "1 failed" in text
    assert "ValueError: <a> & b" in text
    assert "line 39" in text
    assert "line 25" not in text


def test_page_escapes_what_others_wrote(html):
    assert "<a>" not in html
    assert "<more>" not in html
    assert "<fast>" not in html


def test_page_has_the_figures(html):
    pictures = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="([^:]+):', html)
    titles = [title for _, title in pictures]
    assert titles.count("Error histogram") == 7
    assert titles[:2] == ["Errors with intervals", "Accuracy against training time"]
    assert all(data.startswith("iVBORw0KGgo") for data, _ in pictures)


def test_headings_are_buttons(html):
    head = html[html.index("<thead>") : html.index("</thead>")]
    assert head.count('<button type="button"') == head.count("<th ")
    assert 'data-key="' in html


def test_same_files_same_bytes(baked, out, tmp_path):
    again = compared(list(reversed(baked[1])), baked[0], tmp_path)
    for path in [*again.glob("*.*"), *(again / "figures").iterdir()]:
        assert path.read_bytes() == (out / path.relative_to(again)).read_bytes(), path.name
    assert str(tmp_path) not in (again / "report.html").read_text()


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
    plain = page.table(records, anchors=False)
    records[0] |= {"point": "rate=0.3", "points": 5.0}
    swept = page.table(records, anchors=False)
    assert not any(line.point for line in plain.lines)
    assert swept.lines[0].point == "rate=0.3, of 5 points"
    assert len(swept.notes) == len(plain.notes) + 1


def test_rows_and_pages_of_the_files_that_snakemake_gives():
    told = [
        {"dataset": "d", "split": "s-1", "training": "t", "model": model, "loss": "l", "prediction": "seeds"}
        | {"folder": f"{model}/l", "seeds": [1, 2], "log": f"{model}.log", "judge_log": "j.log", "draw_log": "d.log"}
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
    assert pages_of(["d", "e"], csv=["c", "k"], html=["h", "i"], figures=["f", "g"]) == [
        Page("d", Path("c"), Path("h"), Path("f")),
        Page("e", Path("k"), Path("i"), Path("g")),
    ]
    with pytest.raises(ValueError, match="shorter"):
        pages_of(["d", "e"], csv=["c"], html=["h", "i"], figures=["f", "g"])


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
        assert f"mean_<wbr>squared_<wbr>error ({said})" in html
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
    assert text.count("Error histogram.</b>") == 3
    assert "Figures of the first 3 of 7 rows" in text


@pytest.fixture(scope="module")
def joined(baked, out, tmp_path_factory):
    results = out.parent
    real = results / "real_field"
    compared(bake(real, dataset="real_field", mock=False, combinations=COMBINATIONS[3:6]), real, real)
    pages = [
        Page(name, results / name / "comparison.csv", results / name / "report.html", results / name / "figures")
        for name in ("efeds_mock", "real_field")
    ]
    join(pages, csv=results / "comparison.csv", html=results / "report.html", title="Both", config_text="a: 1\n")
    return results


def test_join_keeps_every_row(joined):
    lines = tables.read_csv(joined / "comparison.csv")
    assert [line["dataset"] for line in lines] == ["efeds_mock"] * 8 + ["real_field"] * 3
    apart = [(joined / name / "comparison.csv").read_text().splitlines()[1:] for name in ("efeds_mock", "real_field")]
    assert (joined / "comparison.csv").read_text().splitlines()[1:] == [line for lines in apart for line in lines]


def test_joined_page_links_to_the_datasets_and_says_which_is_mock(joined):
    document = Document((joined / "report.html").read_text())
    start = Document((joined / "report.html").read_text().split("<body>")[1])
    assert start.text.startswith("MOCK data: the objects of efeds_mock are simulated.")
    links = {address for address in document.addresses if not address.startswith("data:")}
    assert links == {"efeds_mock/report.html", "real_field/report.html"}
    assert all((joined / link).exists() for link in links)
    assert len([address for address in document.addresses if address.startswith("data:image/png")]) == 4


def test_joined_page_without_mock(joined, tmp_path):
    real = joined / "real_field"
    only = Page("real_field", real / "comparison.csv", real / "report.html", real / "figures")
    join([only], csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="Real", config_text="")
    assert "MOCK" not in Document((tmp_path / "r.html").read_text()).text
    with pytest.raises(ValueError, match="no dataset to join"):
        join([], csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="", config_text="")


CLASSIFIED = [
    ("simple_sequential", "categorical_crossentropy"),
    ("nonsequential", "categorical_crossentropy"),
    ("nonsequential", "focal"),
    ("deeper_sequential", "focal"),
]
NAN, CRASHED = ("deeper_sequential", "focal"), ("simple_sequential", "focal")


def bake_classes(folder: Path) -> list[Row]:
    made = []
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=1000, tested=200, classes=3))
    more = {"classes": 3, "data": opened.path}
    for model, loss in CLASSIFIED:
        row = row_of(folder, model, loss, "stamps")
        for seed in SEEDS:
            bad = (model, loss) == NAN and seed == 2
            write_classified(row.runs[seed], model=model, loss=loss, seed=seed, diverged=bad, **more)
        judge(row.runs, opened, row.metrics, STATISTICS)
        draw_run(row.runs, opened, row.metrics, row.figures, ["reliability", "roc"])
        made.append(row)
    splits.write(
        folder / "split-40.h5", splits.make(opened, {"strategy": "holdout", "test": 0.1, "valid": 0.1, "seed": 4})
    )
    rejections.write_rejected(folder / "rejected.csv", [])
    return [*made, row_of(folder, *CRASHED, "stamps")]


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes") / "stamps"
    made = bake_classes(folder)
    compared(made, folder, folder, title="Stamps", names=[])
    return folder


def probabilities(folder: Path, model: str, loss: str, part: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Return labels (n,) and probabilities (S, n, K), as a person would read them."""
    place = folder / "runs" / model / loss
    found = [read_part(place / f"seed-{seed}", part, folder / "dataset.h5") for seed in SEEDS]
    known = np.isfinite(found[0].label)
    classes = np.stack([item.prediction.classes[known] for item in found])
    return found[0].label[known], classes / classes.sum(axis=-1, keepdims=True)


def losses_of(folder: Path, model: str, loss: str, part: str = "test") -> np.ndarray:
    """Return -ln p of the true class, (S, n)."""
    label, classes = probabilities(folder, model, loss, part)
    return -np.log(classes[:, np.arange(len(label)), label.astype(int)])


def test_classifications_are_chosen_by_validation_log_loss(classified):
    lines = tables.read_csv(classified / "comparison.csv")
    assert [line["status"] for line in lines] == ["ok"] * 3 + ["not finite", "failed"]
    expected = [losses_of(classified, line["model"], line["loss"], "valid").mean() for line in lines[:3]]
    assert [line["valid_log_loss"] for line in lines[:3]] == pytest.approx(expected, rel=1e-6)
    assert expected == sorted(expected)
    assert lines[0]["model"] == "nonsequential"
    assert lines[2]["model"] == "simple_sequential"


def test_numbers_of_a_classification(classified):
    lines = {(line["model"], line["loss"]): line for line in tables.read_csv(classified / "comparison.csv")}
    place = ("nonsequential", "focal")
    label, classes = probabilities(classified, *place)
    true, p = np.tile(label, 3), classes.reshape(-1, 3)
    accuracy = (classes.argmax(axis=-1) == label).mean(axis=1)
    expected = {
        "accuracy": metrics.accuracy_score(true, p.argmax(axis=1)),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, p.argmax(axis=1)),
        "log_loss": metrics.log_loss(true, p),
        "roc_auc": metrics.roc_auc_score(true, p, multi_class="ovr"),
        "accuracy_over_seeds": accuracy.std(ddof=1),
        "n_test": 197,
    }
    assert {name: lines[place][name] for name in expected} == pytest.approx(expected, rel=1e-6)
    assert lines[place]["task"] == "classification"
    empty = ("mean_error", "std_error", "rmse", "crps", "outlier_threshold", "valid_rmse", "error")
    assert [lines[place][name] for name in empty] == [None] * len(empty)


def test_classifications_are_compared_in_pairs(classified):
    lines = tables.read_csv(classified / "comparison.csv")
    best, last = ((line["model"], line["loss"]) for line in (lines[0], lines[2]))
    assert (lines[0]["log_loss_minus_best"], lines[0]["std_error_minus_best"]) == (0, None)
    difference = losses_of(classified, *last) - losses_of(classified, *best)
    assert lines[2]["log_loss_minus_best"] == pytest.approx(difference.mean(), rel=1e-6)
    rng = np.random.default_rng(0)
    draws = [difference[:, rng.integers(0, 197, size=197)].mean() for _ in range(300)]
    low, high = np.quantile(draws, [0.025, 0.975])
    assert lines[2]["log_loss_minus_best_low"] == pytest.approx(low, rel=1e-5)
    assert lines[2]["log_loss_minus_best_high"] == pytest.approx(high, rel=1e-5)
    assert lines[2]["log_loss_below_best"] == 0
    text = (classified / "comparison.tex").read_text()
    bold = [line.split(" & ")[0] for line in text.splitlines() if r"\boldmath" in line]
    tied = [line["model"].replace("_", r"\_") for line in lines if (line["log_loss_minus_best_low"] or 0.0) <= 0][:2]
    assert bold[: len(tied)] == tied
    assert r"simple\_sequential" not in bold


def test_tables_of_a_classification_have_its_columns(classified):
    document = Document((classified / "report.html").read_text())
    for head in (
        "Accuracy",
        "Balanced accuracy",
        "Log loss",
        "ROC AUC",
        "ECE",
        "Validation log loss",
        "Log loss difference",
    ):
        assert head in document.words, head
    for head in ("Std", "NMAD", "RMSE", "Mean error", "CRPS"):
        assert head not in document.words, head
    label, classes = probabilities(classified, "nonsequential", "focal")
    assert f"{np.mean(classes.argmax(axis=-1) == label):.3f}" in document.text
    assert "lowest" not in document.text
    results = (classified / "report.html").read_text().split('<section id="dataset">')[0]
    assert ">None<" not in results
    assert "order of validation log loss" in document.text
    text = (classified / "comparison.tex").read_text()
    assert r"Model & Loss & Accuracy & Balanced & Log loss & ROC AUC & ECE & Time [s] \\" in text
    assert r"simple\_sequential & focal & \multicolumn{6}{c}{failed}" in text
    assert "(lowest log loss)" in text
    assert "None" not in text
    assert document.tags.count("img") == 2 * 4


def test_datasets_of_both_tasks_are_joined(joined, classified, tmp_path):
    pages = [
        Page(name, folder / "comparison.csv", folder / "report.html", folder / "figures")
        for name, folder in (("efeds_mock", joined / "efeds_mock"), ("stamps", classified))
    ]
    join(pages, csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="Both tasks", config_text="")
    lines = tables.read_csv(tmp_path / "c.csv")
    assert {line["task"] for line in lines} == {"regression", "classification", None}
    text = Document((tmp_path / "r.html").read_text()).text
    assert "chosen by the RMSE of the validation part" in text
    assert "chosen by the log loss of the validation part" in text
    best = next(line for line in lines if line["dataset"] == "stamps")
    assert f"{best['accuracy']:.3f}" in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_with_long_names_compiles(out, tmp_path):
    records = tables.read_csv(out / "comparison.csv")
    records[0]["loss"] = "median_absolute_percentage_error"
    records[1]["loss"] = "quantile-levels=0.01+0.05+0.16+0.5+0.84+0.95+0.99"
    tables.write_tex(tmp_path / "comparison.tex", records, "a, b")
    folder = tmp_path / "tex"
    folder.mkdir()
    compile_tex(tmp_path / "comparison.tex", folder)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tex_of_a_classification_compiles(classified, tmp_path):
    compile_tex(classified / "comparison.tex", tmp_path)
