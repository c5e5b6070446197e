"""Bake-offs of classifications."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from skybake.data import audit, rejections, splits
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.figures.runs import draw_run
from skybake.report import tables
from skybake.report.names import Names
from skybake.report.overview import Page, join
from skybake.report.rows import Row
from tests.unit._synthetic_runs import read_part, write_classified, write_dataset
from tests.unit.report.small_bakeoffs import REFERENCE, SEEDS, STATISTICS, Document, compared, compile_tex, row_of

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
        judge(row.runs, opened, row.metrics, STATISTICS, worst=row.metrics.with_name("failures.csv"))
        draw_run(row.runs, opened, row.metrics, row.figures, ["reliability", "roc"])
        made.append(row)
    splits.write(
        folder / "split-40.h5", splits.make(opened, {"strategy": "holdout", "test": 0.1, "valid": 0.1, "seed": 4})
    )
    audit.write(folder / "audit-40.json", opened, splits.load(folder / "split-40.h5", opened))
    rejections.write_rejected(folder / "rejected.csv", [])
    return [*made, row_of(folder, *CRASHED, "stamps")]


@pytest.fixture(scope="module")
def classified(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes") / "stamps"
    made = bake_classes(folder)
    reference = {**REFERENCE, "dataset": "stamps", "model": "nonsequential", "loss": "focal"}
    compared(made, folder, folder, title="Stamps", names=["overlaid_roc"], reference=reference)
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


def test_a_page_has_a_table_for_each_class_and_the_worst_failures(classified):
    text = (classified / "report.html").read_text()
    name = next(row for row in tables.read_csv(classified / "comparison.csv") if row["status"] == "ok")
    label, each = probabilities(classified, name["model"], name["loss"])
    recall = metrics.recall_score(np.tile(label, 3), each.argmax(axis=-1).ravel(), average=None)
    shown = Names().row(name["model"], name["loss"], "", baseline=name["baseline"])
    table = text.split(f'aria-label="Classes of {shown}"')[1].split("</table>")[0]
    assert all(f'<th scope="row">{kind}</th>' in table for kind in load_dataset(classified / "dataset.h5").classes)
    assert all(f">{value:.3f}</td>" in table for value in recall)
    address = f"evaluation/{name['model']}/{name['loss']}/failures.csv"
    assert f'href="{address}"' in text
    assert (classified / address).exists()


def test_a_page_begins_with_the_warnings_of_the_audit_and_shows_its_leaks(classified):
    text = (classified / "report.html").read_text()
    known = audit.read(classified / "audit-40.json")
    number = known["leaks"]["train/test"]["pixels"]["objects"]
    assert number > 0  # its images are all the same
    leak = next(words for words in known["warnings"] if "the same pixels as one of the training part" in words)
    assert text.index("</h1>") < text.index(leak) < text.index('<section id="comparison">')
    section = text.split("<h3>Leaks</h3>")[1].split("<h3>")[0]
    line = section.split('<th scope="row">the same pixels</th>')[1].split("</tr>")[0]
    assert line.split('<td class="number">')[1].startswith(f"{number}<")  # test, as in train
    assert "not known" in section.split("the same place on the sky")[1].split("</tr>")[0]


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
    far = stats.norm.cdf(stats.t.ppf(0.975, 196) * np.sqrt(197 / 196))
    low, high = np.quantile(draws, [1 - far, far])
    assert lines[2]["log_loss_minus_best_objects_low"] == pytest.approx(low, rel=1e-5)
    assert lines[2]["log_loss_minus_best_objects_high"] == pytest.approx(high, rel=1e-5)
    parts = [(np.var(draws, ddof=1) * 197 / 196, 196)]
    parts += [(losses_of(classified, *row).mean(axis=1).var(ddof=1) / 3, 2) for row in (last, best)]
    whole = sum(part for part, _ in parts)
    half = stats.t.ppf(0.975, whole**2 / sum(part**2 / degrees for part, degrees in parts)) * np.sqrt(whole)
    assert lines[2]["log_loss_minus_best_low"] == pytest.approx(difference.mean() - half, rel=1e-5)
    assert lines[2]["log_loss_minus_best_high"] == pytest.approx(difference.mean() + half, rel=1e-5)
    assert lines[2]["log_loss_below_best"] == 0
    text = (classified / "comparison.tex").read_text()
    bold = [line.split(" & ")[0] for line in text.splitlines() if r"\boldmath" in line]
    tied = [
        line["model"].replace("_", r"\_") for line in lines if (line["log_loss_minus_best_p_value"] or 1.0) >= 0.05
    ][:2]
    assert bold[: len(tied)] == tied
    assert r"simple\_sequential" not in bold


def test_changes_of_a_classification_are_told_in_per_cent(classified):
    lines = {(line["model"], line["loss"]): line for line in tables.read_csv(classified / "comparison.csv")}
    reference, other = ("nonsequential", "focal"), ("simple_sequential", "categorical_crossentropy")
    rates = [
        np.mean(classes.argmax(axis=-1) != label)
        for label, classes in (probabilities(classified, *place) for place in (reference, other))
    ]
    line = lines[other]
    assert line["error_rate_change_percent"] == pytest.approx(100 * (rates[1] / rates[0] - 1), rel=1e-6)
    means = [losses_of(classified, *place).mean() for place in (reference, other)]
    assert line["log_loss_change_percent"] == pytest.approx(100 * (means[1] / means[0] - 1), rel=1e-6)
    for name in ("error_rate", "log_loss"):
        change = line[f"{name}_change_percent"]
        assert line[f"{name}_change_percent_low"] < change < line[f"{name}_change_percent_high"]
    assert line["reference"] == "nonsequential, focal"
    assert line["std_error_change_percent"] is None
    assert lines[reference]["error_rate_change_percent"] == lines[reference]["parameters_change_percent"] == 0


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
    assert document.tags.count("img") == 2 * 4 + 1 + 1  # and the sheet of thumbnails


def test_datasets_of_both_tasks_are_joined(joined, classified, tmp_path):
    pages = [
        Page(name, *(folder / file for file in ("comparison.csv", "verdict.json", "report.html", "figures")))
        for name, folder in (("efeds_mock", joined / "efeds_mock"), ("stamps", classified))
    ]
    join(pages, csv=tmp_path / "c.csv", html=tmp_path / "r.html", title="Both tasks", config_text="")
    lines = tables.read_csv(tmp_path / "c.csv")
    assert {line["task"] for line in lines} == {"regression", "classification", None}
    text = Document((tmp_path / "r.html").read_text()).text
    assert "Of a regression, rows are chosen by the RMSE of the validation part" in text
    assert "Of a classification, rows are chosen by the log loss of the validation part" in text
    best = next(line for line in lines if line["dataset"] == "stamps")
    assert f"{best['accuracy']:.3f}" in text


@pytest.mark.usefixtures("pdflatex")
def test_tex_with_long_names_compiles(out, tmp_path):
    records = tables.read_csv(out / "comparison.csv")
    records[0]["loss"] = "median_absolute_percentage_error"
    records[1]["loss"] = "quantile-levels=0.01+0.05+0.16+0.5+0.84+0.95+0.99"
    tables.write_tex(tmp_path / "comparison.tex", records, "a, b")
    folder = tmp_path / "tex"
    folder.mkdir()
    compile_tex(tmp_path / "comparison.tex", folder)


@pytest.mark.usefixtures("pdflatex")
def test_tex_of_a_classification_compiles(classified, tmp_path):
    compile_tex(classified / "comparison.tex", tmp_path)
