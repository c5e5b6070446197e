"""Tables of a bake-off."""

import json
import re
import shutil

import numpy as np
import pytest
import scoringrules
from scipy import stats

from skybake.report import choosing, rows, tables
from tests.unit._synthetic_runs import WIDTH
from tests.unit.report.small_bakeoffs import (
    COMBINATIONS,
    DIVERGED,
    FAILED,
    SEEDS,
    compared,
    compile_tex,
    pooled,
    row_of,
)

FIRST_COLUMNS = (
    "dataset,split,training,model,loss,prediction,seeds,parameters,n_test,mean_error,mean_error_low,mean_error_high,std_error,std_error_low,"
    "std_error_high,nmad,outlier_fraction,crps,train_seconds,epoch_seconds,predict_objects_per_second,peak_memory_mb"
)


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
    known |= {"split": "holdout-40", "training": "mocks", "prediction": "seeds", "without_dropout": "false"}
    known |= {"reference": "simple_sequential, mean_squared_error", "baseline": "false", "status": "failed"}
    assert {name: value for name, value in line.items() if value} == known


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
    line, difference = table[place], other.std() - reference.std()
    far = stats.norm.cdf(stats.t.ppf(0.975, 116) * np.sqrt(117 / 116))
    objects = np.quantile(draws, [1 - far, far])
    assert [float(line[f"std_error_minus_best_objects_{end}"]) for end in ("low", "high")] == pytest.approx(
        objects, rel=1e-6
    )
    parts = [np.var(draws, ddof=1) * 117 / 116, reference.std(axis=1).var(ddof=1) / 3]  # ridge has the same thrice
    degrees = sum(parts) ** 2 / (parts[0] ** 2 / 116 + parts[1] ** 2 / 2)
    half = stats.t.ppf(0.975, degrees) * np.sqrt(sum(parts))
    assert float(line["std_error_minus_best_low"]) == pytest.approx(difference - half, rel=1e-6)
    assert float(line["std_error_minus_best_high"]) == pytest.approx(difference + half, rel=1e-6)
    p_value = 2 * stats.t.sf(difference / np.sqrt(sum(parts)), degrees)
    assert p_value < float(line["std_error_minus_best_p_value"]) <= 5 * p_value  # Holm's, of five comparisons
    assert float(table[place]["std_error_below_best"]) == np.mean(np.array(draws) < 0)


def test_changes_against_a_row_of_ones_choice(baked, table):
    reference, place = ("simple_sequential", "mean_squared_error"), ("nonsequential", "huber-delta=0.3")
    base, d, line = pooled(baked[0], *reference), pooled(baked[0], *place), table[place]
    expected = {
        "abs_mean_error": abs(d.mean()) / abs(base.mean()),
        "std_error": d.std() / base.std(),
        "parameters": 1,
        "train_seconds": (20 + 15 * 2 + 2) / (20 + 2),
    }
    found = {name: float(line[f"{name}_change_percent"]) for name in expected}
    assert found == pytest.approx({name: 100 * (ratio - 1) for name, ratio in expected.items()}, rel=1e-6, abs=1e-6)
    rng, draws = np.random.default_rng(0), []
    for _ in range(300):
        drawn = rng.integers(0, 117, size=117)
        draws.append(np.log(d[:, drawn].std() / base[:, drawn].std()))
    parts = [(np.var(draws, ddof=1) * 117 / 116, 116)]
    parts += [(one.std(axis=1).var(ddof=1) / one.std() ** 2 / 3, 2) for one in (base, d)]
    whole = sum(part for part, _ in parts)
    half = stats.t.ppf(0.975, whole**2 / sum(part**2 / degrees for part, degrees in parts)) * np.sqrt(whole)
    ends = [100 * np.expm1(np.log(expected["std_error"]) + sign * half) for sign in (-1, 1)]
    assert [float(line[f"std_error_change_percent_{end}"]) for end in ("low", "high")] == pytest.approx(ends, rel=1e-6)
    assert line["reference"] == "simple_sequential, mean_squared_error"
    assert float(table[reference]["std_error_change_percent"]) == 0
    assert table[FAILED]["std_error_change_percent"] == ""


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
    expected = {(line["model"], line["loss"]) for line in lines if (line["std_error_minus_best_p_value"] or 0) >= 0.05}
    first = lines[0]
    assert bold == expected | {(first["model"], first["loss"])}
    assert ("constant", "--") not in bold
    sharing = {(line["model"], line["loss"]) for line in lines if set(line["letters"] or "") & set(first["letters"])}
    assert sharing == bold


@pytest.mark.parametrize("text", [r"a_b&c%d#e$f{g}h~i^j\k", "50 % < 3 > 2 | x"])
def test_escape_leaves_no_bare_special_character(text):
    escaped = tables.escape(text)
    bare = re.sub(r"\\text[a-z]+\{\}|\\[_&%#${}]", "", escaped)
    assert not set(bare) & set(r"\_&%#${}~^<>|")


@pytest.mark.usefixtures("pdflatex")
def test_tex_compiles(out, tmp_path):
    compile_tex(out / "comparison.tex", tmp_path)
