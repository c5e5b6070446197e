"""The workflow on small data: from raw files to the report, and what makes it run again."""

import copy
import csv
import json
import re
import shutil
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import yaml

import skybake
from skybake.data.dataset import load_dataset
from skybake.files import read_json
from skybake.results import ensembles
from tests import witness
from tests.conftest import ROOT
from tests.workflow import notebook
from tests.workflow.conftest import CONFIG, Bakeoff, copy_checkout

CONCLUDED = {"choose": 1, "compare": 1, "write_page": 1, "join": 1, "all": 1}  # of one dataset
RESULTS = ("metrics.json", "history.csv", "predictions.h5", "model.keras", "run.json")


def table(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_every_combination_is_compared(finished):
    rows = table(finished.folder / "results" / "comparison.csv")
    found = {(row["dataset"], row["model"], row["loss"]) for row in rows}
    clusters = {
        ("clusters", model, loss)
        for model in ("deeper_sequential", "simple_sequential-filters=4")
        for loss in ("mse", "gaussian_nll")
    }
    baselines = {("clusters", "constant", "baseline"), ("clusters", "total_flux", "baseline")}
    galaxies = {("galaxies", "deeper_sequential", "huber"), ("galaxies", "ridge_bands", "baseline")}
    assert found == clusters | baselines | galaxies
    for row in rows:
        assert row["status"] == "ok"
        if float(row["n_groups"] or row["n_test"]) >= 10:
            assert float(row["mean_error_low"]) <= float(row["mean_error"]) <= float(row["mean_error_high"])
        else:
            assert (row["mean_error_low"], row["mean_error_high"]) == ("", "")
        assert float(row["train_seconds"]) > 0
        assert row["mock"] == "true"
    assert {row["error"] for row in rows if row["dataset"] == "galaxies"} == {"(predicted - true) / (1 + true)"}


@pytest.mark.parametrize(("name", "rows"), [("clusters", 90), ("galaxies", 47)])
def test_nothing_is_lost_between_catalogue_and_dataset(name, rows, finished):
    folder = finished.folder / "results" / name
    rejected = table(folder / "rejected.csv")
    assert len(load_dataset(folder / "dataset.h5")) + len(rejected) == rows
    assert all(row["reason"] for row in rejected)


def test_the_page_tells_the_layers_of_every_network(finished):
    results = finished.folder / "results/clusters"
    page = (results / "report.html").read_text(encoding="utf-8")
    networks = {path.parents[1] for path in (results / "runs").glob("*/*/seed-*/predictor.keras")}
    assert networks
    assert page.count("<summary>Layers: ") == len(networks)
    assert page.count("Drawn <a href=") + page.count("No drawing of the architecture: ") == len(networks)
    drawn = page.count("<img data-packed=")  # the same network with another loss may be the same drawing
    assert 0 < drawn <= len(networks) or "Drawn <a href=" not in page


def test_the_page_stands_alone_and_says_mock(finished):
    for path in (finished.folder / "results" / "report.html", finished.folder / "results" / "clusters" / "report.html"):
        page = path.read_text(encoding="utf-8")
        body = page[page.index("<body") :]
        assert "mock" in re.sub(r"<[^>]+>", " ", body)[:300].lower()
        markup = re.sub("<script.*?</script>", "", page, flags=re.DOTALL)  # what scripts ask for: tests/browser
        assert not re.findall(r"(?:src|href)=[\"']https?://", markup)
        assert "deeper_sequential" in body
        assert str(finished.folder) not in page


def test_every_figure_is_there_as_pdf_and_png(finished):
    results = finished.folder / "results"
    for folder in (results / "clusters" / "figures", results / "clusters/evaluation/deeper_sequential/mse/figures"):
        names = {path.stem for path in folder.iterdir() if not path.name.startswith(".")}
        assert len(names) >= 2
        for name in names:
            assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
            assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_every_job_has_log_and_benchmark(finished):
    results = finished.folder / "results"
    steps = {path.name for path in (results / "logs").iterdir()} - {"join.log", "write_config.log"}
    assert steps == {
        "simulate",
        "ingest",
        "explore",
        "split",
        "limit",
        "audit",
        "train",
        "judge",
        "draw",
        "choose",
        "compare",
        "write_page",
    }
    logs = {path.relative_to(results / "logs").with_suffix("") for path in results.glob("logs/**/*.log")}
    assert logs == {
        path.relative_to(results / "benchmarks").with_suffix("") for path in results.glob("benchmarks/**/*.tsv")
    }
    training = (results / "logs/train/clusters/deeper_sequential/mse.log").read_text()
    assert "seed 2: 100%" in training


def test_the_merged_config_runs_the_same_bakeoff(finished):
    merged = yaml.safe_load((finished.folder / "results" / "config.yaml").read_text())
    assert merged["bakeoffs"]["clusters"]["training"]["batch_size"] == 32
    assert merged["datasets"]["clusters"]["mock"]["n_clusters"] == 90


def test_a_second_run_has_nothing_to_do(finished):
    started = time.monotonic()
    assert finished.jobs() == {}
    assert time.monotonic() - started < 60  # it takes seconds; a run would take minutes


@pytest.mark.parametrize(
    ("deleted", "again"),
    [
        ("clusters/runs/deeper_sequential/mse/seed-2/predictions.h5", "train_clusters"),
        ("clusters/runs/deeper_sequential/mse/seed-2/model.keras", "train_clusters"),
        ("clusters/evaluation/constant/baseline/metrics.json", "judge"),
        ("clusters/evaluation/constant/baseline/failures.csv", "judge"),
        ("clusters/evaluation/constant/baseline/figures", "draw"),
        ("clusters/audit-40.json", "audit"),
        ("clusters/limit.csv", "limit"),
        ("clusters/chosen.json", "choose"),
        ("clusters/comparison.json", "compare"),
        ("clusters/verdict.json", "compare"),
        ("clusters/report.html", "write_page"),
        ("galaxies/comparison.tex", "compare"),
    ],
)
def test_a_deleted_result_is_made_again(deleted, again, finished):
    path = finished.folder / "results" / deleted
    aside = finished.folder / "aside"
    path.rename(aside)
    try:
        assert finished.jobs().get(again) == 1
    finally:
        aside.rename(path)


@pytest.mark.parametrize(
    ("edited", "jobs"),
    [
        (
            "skybake/models/simple_sequential.py",
            {
                "train_clusters": 2,
                "judge": 2,
                "draw": 2,
                "choose": 1,
                "compare": 1,
                "write_page": 1,
                "join": 1,
                "all": 1,
            },
        ),
        (
            "skybake/losses/huber.py",
            {
                "train_galaxies": 1,
                "judge": 1,
                "draw": 1,
                "choose": 1,
                "compare": 1,
                "write_page": 1,
                "join": 1,
                "all": 1,
            },
        ),
        ("skybake/figures/loss_curve.py", {"draw": 8, "write_page": 2, "join": 1, "all": 1}),
        ("skybake/figures/forest.py", {"write_page": 2, "join": 1, "all": 1}),
        (
            "skybake/evaluation/judge.py",
            {"judge": 8, "draw": 8, "choose": 2, "compare": 2, "write_page": 2, "join": 1, "all": 1},
        ),
        ("skybake/mock/efeds/maps.py", {"simulate": 1}),
        ("skybake/config/page.py", {}),
    ],
)
def test_an_edit_reruns_what_uses_it_and_nothing_else(edited, jobs, finished):
    path = finished.checkout / edited
    before = path.read_text()
    try:
        path.write_text(before + "\n# edited\n")
        found = finished.jobs()
    finally:
        path.write_text(before)
    if edited.startswith("skybake/mock"):  # all that follows runs again too
        assert found["simulate"] == jobs["simulate"]
        assert "train_galaxies" not in found
        assert found["train_clusters"] == 4
    else:
        assert found == jobs


def test_a_new_seed_trains_only_itself_and_more_epochs_go_on(finished, tmp_path):
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["galaxies"]["seeds"] = [1, 7]
    folder = finished.folder / "results/galaxies/runs/deeper_sequential/huber"
    before = {name: (folder / "seed-1" / name).read_bytes() for name in ("timing.json", "predictions.h5")}
    shutil.copytree(finished.folder / "results", tmp_path / "before")
    finished.write(config)
    try:
        assert finished.jobs().get("train_galaxies") == 1
        finished.snakemake("results/galaxies/evaluation/deeper_sequential/huber/metrics.json")
        assert (folder / "seed-7" / "model.keras").exists()
        assert {name: (folder / "seed-1" / name).read_bytes() for name in before} == before
        log = (finished.folder / "results/logs/train/galaxies/deeper_sequential/huber.log").read_text()
        assert "seed 1: done already" in log
        metrics = json.loads(
            (finished.folder / "results/galaxies/evaluation/deeper_sequential/huber/metrics.json").read_text()
        )
        assert metrics["seeds"] == [1, 7]
        config["bakeoffs"]["galaxies"]["training"]["epochs"] = 3  # Snakemake deletes what is there, all but .work
        finished.write(config)
        finished.snakemake("results/galaxies/runs/deeper_sequential/huber/seed-1/run.json")
        log = (finished.folder / "results/logs/train/galaxies/deeper_sequential/huber.log").read_text()
        assert "seed 1: going on after epoch 2" in log
        assert len(table(folder / "seed-1" / "history.csv")) == 3
        finished.write({**config, "compare_with_results": [str(tmp_path / "before")]})
        finished.snakemake("difference")
        lines = table(finished.folder / "results/difference/difference.csv")
        changed = [line for line in lines if line["change"] != "the same"]
        assert {(line["dataset"], line["model"]) for line in changed} == {("galaxies", "deeper_sequential")}
        (line,) = (line for line in changed if line["metric"] == "std_error")
        assert line["why_not_paired"] == "too few test objects"
        assert "training.epochs: 2 before, 3 now" in line["causes"]
        assert "seeds: 1 before, 2 now" in line["causes"]
        page = (finished.folder / "results/difference/report.html").read_text(encoding="utf-8")
        assert "bakeoffs.galaxies.training.epochs" in page.replace("<wbr>", "")
        assert (finished.folder / "results/difference/figures/1/galaxies/differences.pdf").exists()
    finally:
        finished.write(CONFIG)
        finished.snakemake()


def test_a_failed_run_is_shown_and_the_rest_is_done(finished):
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["hopeless"] = {
        "datasets": ["galaxies"],
        "models": ["simple_sequential"],
        "losses": ["mse"],
        "seeds": [1],
        "training": {"epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 1e30}, "images": "none"},
    }
    finished.write(config)
    try:
        done = finished.snakemake(check=False)
        assert done.returncode != 0
        assert "galaxies: simple_sequential, mse" in done.stdout
        rows = table(finished.folder / "results" / "comparison.csv")
        status = {(row["dataset"], row["model"], row["loss"]): row["status"] for row in rows}
        assert status.pop(("galaxies", "simple_sequential", "mse")) == "failed"
        assert set(status.values()) == {"ok"}
        page = (finished.folder / "results/galaxies/report.html").read_text()
        assert "TrainingDiverged" in page
    finally:
        finished.write(CONFIG)
        finished.snakemake()
    assert "TrainingDiverged" not in (finished.folder / "results/galaxies/report.html").read_text()


def test_the_same_config_gives_the_same_bytes_elsewhere(finished, tmp_path):
    again = Bakeoff(tmp_path / "again", finished.checkout)
    again.write(CONFIG)
    again.snakemake("results/clusters/evaluation/deeper_sequential/gaussian_nll/figures", "--cores", "1")
    compared = 0
    for path in sorted((again.folder / "results").rglob("*")):
        relative = path.relative_to(again.folder)
        if path.is_file() and ".work" not in relative.parts and not {"logs", "benchmarks"} & set(relative.parts):
            if path.name == "timing.json" or path.name.startswith(".snakemake"):
                continue
            assert path.read_bytes() == (finished.folder / relative).read_bytes(), relative
            compared += 1
    assert compared >= 20


def test_snakemakes_own_report_has_captions_and_categories(finished):
    finished.snakemake("--report", "own.zip")
    import zipfile

    with zipfile.ZipFile(finished.folder / "own.zip") as archive:
        text = "".join(archive.read(name).decode(errors="replace") for name in archive.namelist() if "html" in name)
        names = " ".join(archive.namelist())
    assert "predicted_against_true" in text + names
    assert "clusters" in text


def test_a_wrong_config_stops_before_any_job(tmp_path):
    bakeoff = Bakeoff(tmp_path)
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["clusters"]["losses"] = ["hubr"]
    bakeoff.write(config)
    done = bakeoff.snakemake(check=False)
    assert done.returncode != 0
    assert "bakeoffs.clusters.losses[0]: no loss 'hubr'" in done.stdout
    assert "Did you mean 'huber'?" in done.stdout
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_config_can_be_run(path, tmp_path):
    """A dry run; where a config's raw files are not at hand, that must be all that is wrong with it."""
    config = yaml.safe_load(path.read_text())
    missing = []
    for block in [*config["datasets"].values(), *config.get("apply", {}).values()]:
        for name, file in (block.get("raw") or {}).items():
            if (ROOT / file).exists():
                block["raw"][name] = str((ROOT / file).resolve())
            elif not (("fetch" in block and name == "frames") or name in block.get("download", {})):  # by the workflow
                missing.append(file)
        for wanted in block.get("download", {}).values():
            if "query" in wanted:
                wanted["query"] = str(ROOT / wanted["query"])
    bakeoff = Bakeoff(tmp_path)
    bakeoff.write(config)
    done = bakeoff.snakemake("--dry-run", check=False)
    if missing:
        assert done.returncode != 0
        problems = [
            line for line in done.stdout.splitlines() if line.strip().startswith(("datasets.", "bakeoffs.", "apply."))
        ]
        assert len(problems) == len(missing), done.stdout
        assert all("no file" in line for line in problems)
        pytest.skip(f"the raw files of {path.name} are not here: {', '.join(missing)}")
    assert done.returncode == 0, done.stdout[-3000:]


def test_a_new_model_is_one_file_and_one_line(tmp_path):
    """Nothing else of a checkout needs to change."""
    checkout = copy_checkout(tmp_path)
    source = '"""A model of one dense layer."""\n\nfrom keras import layers\n\n\ndef build(image, scalars=None):\n'
    source += '    """Return features."""\n    return layers.Flatten()(image)\n'
    (checkout / "skybake/models/newcomer.py").write_text(source)
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["clusters"]["models"] = ["newcomer"]
    bakeoff = Bakeoff(tmp_path / "work", checkout)
    bakeoff.write(config)
    assert bakeoff.jobs()["train_clusters"] == 2


def test_a_checkout_may_have_blanks_in_its_path(tmp_path):
    """As it is set up: the environment lies in it, and Snakemake starts there."""
    checkout = copy_checkout(tmp_path / "my checkout")
    (checkout / ".venv").symlink_to(sys.prefix)
    (checkout / "my bake-off.yaml").write_text(yaml.safe_dump(CONFIG))
    command = [".venv/bin/python", "-m", "snakemake", "--profile", "profiles/local", "--configfile", "my bake-off.yaml"]
    made = ["results/config.yaml", "results/clusters/split-40.h5"]
    done = subprocess.run([*command, "--", *made], cwd=checkout, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert all((checkout / file).exists() for file in made)


def test_a_bakeoff_on_a_real_field(tmp_path, shared_data):
    """configs/sdss_stars.yaml with one network: real frames in, a report that does not say mock out."""
    config = yaml.safe_load((ROOT / "configs/sdss_stars.yaml").read_text())
    raw = config["datasets"]["stars_4510"]["raw"]
    config["datasets"]["stars_4510"]["raw"] = {name: str((ROOT / path).resolve()) for name, path in raw.items()}
    config["results"] = "results"
    config["bakeoffs"] = {
        "stars": {
            "datasets": ["stars_4510"],
            "models": ["deeper_sequential"],
            "losses": ["mse"],
            "baselines": ["constant", "ridge_bands"],
            "seeds": [1],
            "training": {"epochs": 40, "batch_size": 16},
        }
    }
    bakeoff = Bakeoff(tmp_path)
    bakeoff.write(config)
    bakeoff.snakemake()
    rows = {row["model"]: row for row in table(tmp_path / "results/comparison.csv")}
    assert {row["mock"] for row in rows.values()} == {"false"}
    assert float(rows["deeper_sequential"]["std_error"]) < 0.6 * float(rows["constant"]["std_error"])
    assert float(rows["ridge_bands"]["std_error"]) < 0.5 * float(rows["constant"]["std_error"])
    rejected = table(tmp_path / "results/stars_4510/rejected.csv")
    assert len(load_dataset(tmp_path / "results/stars_4510/dataset.h5")) + len(rejected) == 161
    assert "MOCK" not in (tmp_path / "results/report.html").read_text()


def test_the_end_says_what_was_compared(finished, capfd):
    from skybake.config import make_plan as plan
    from skybake.report import summary

    config = yaml.safe_load((finished.folder / "results/config.yaml").read_text())
    config["results"] = str(finished.folder / "results")
    summary.say(plan(config))
    said = capfd.readouterr().err.splitlines()
    warnings = [line.removeprefix("  warning: ") for line in said if line.startswith("  warning: ")]
    audits = [read_json(finished.folder / f"results/{name}/audit-40.json") for name in ("clusters", "galaxies")]
    assert warnings == [words for audit in audits for words in audit["warnings"]]
    assert any("too few for any number" in words for words in warnings)
    lines = [line for line in said if not line.startswith("  warning: ")]
    assert lines[0].startswith("clusters: 6 of 6 rows compared; chosen on validation: ")
    assert lines[1].startswith("galaxies: 2 of 2 rows compared")
    assert lines[2] == f"The report: {finished.folder}/results/report.html"
    assert lines[3].startswith("Predictions for new objects: an `apply` block in the config")


def test_a_finished_bakeoff_is_digested(finished):
    found = witness.contents(finished.folder / "results")
    # Another test leaves a seed more behind, which the config does not ask for.
    asked = {station: [row for row in rows if not row.endswith("seed-7")] for station, rows in found.items()}
    assert {station: len(rows) for station, rows in asked.items()} == {
        **{"dataset": 2, "split": 2, "rejected": 2},
        **{"predictions": 12, "history": 12, "run": 12, "weights": 9},
        **{"metrics": 8, "comparison": 8, "joined comparison": 8},
    }
    row = found["predictions"]["clusters/deeper_sequential/gaussian_nll/seed-2"]
    assert {"valid/point", "valid/std", "test/id", "test/point", "test/std"} <= set(row)
    assert found["history"]["clusters/deeper_sequential/mse/seed-1"]["epoch"] == [1, 2]
    assert found["comparison"] == found["joined comparison"]


def test_a_notebook_reads_what_was_baked(finished):
    found = skybake.load(finished.folder / "results")
    assert found.datasets == ["clusters", "galaxies"]
    assert len(found.comparison) == 8
    with pytest.raises(ValueError, match="no dataset named; found clusters, galaxies"):
        found.dataset()
    dataset, parts = found.dataset("clusters"), found.parts("clusters")
    assert sorted(np.concatenate([*parts.values()])) == [*range(len(dataset))]
    assert dataset.images(parts["test"][:2]).shape == (2, *dataset.image_shape)
    name = dataset.label
    row = found.predictions("deeper_sequential", "gaussian_nll", dataset="clusters", seed=2)
    assert list(row.columns) == ["id", "group", "true", *dataset.scalars, "point", "std"]
    assert list(row["id"]) == list(dataset.ids[parts["test"]])
    assert list(row["true"]) == list(dataset.labels[name][parts["test"]])
    told = found.comparison.set_index(["dataset", "model", "loss"]).loc[("clusters", "constant", "baseline")]
    errors = found.predictions("constant", dataset="clusters").eval("point - true")
    assert errors.mean() == pytest.approx(told["mean_error"], rel=1e-5)
    chosen = found.chosen("galaxies")
    one = found.predictions(dataset="galaxies", part="valid")
    assert one.equals(found.predictions(chosen["model"], chosen["loss"], dataset="galaxies", part="valid", seed=1))
    with pytest.raises(ValueError, match="2 rows of clusters are deeper_sequential; expected one of: deeper_sequ"):
        found.predictions("deeper_sequential", dataset="clusters")
    with pytest.raises(ValueError, match="0 rows of clusters are deeper, mse; expected one of: deeper_sequential, mse"):
        found.predictions("deeper", "mse", dataset="clusters")
    with pytest.raises(ValueError, match=r"seed 9 .* asked for; found \[1, 2\]"):
        found.predictions("deeper_sequential", "mse", dataset="clusters", seed=9)
    with pytest.raises(FileNotFoundError, match="expected the results folder of a bake-off"):
        skybake.load(finished.folder / "nowhere")


def test_a_notebook_predicts_new_images(finished):
    notebook.check_new_images(skybake.load(finished.folder / "results"))


def test_the_notebook_of_the_docs_runs(finished):
    fresh = notebook.told(notebook.executed(finished.folder))
    bakeoff, shapes, rows, table, figure, predicted = fresh
    assert bakeoff == "<A test: clusters, galaxies; 8 rows in results>"
    assert [shapes.count(": (10, "), len(rows.splitlines())] == [3, 1 + 6]
    assert [table.split()[:5], figure[:7]] == [["id", "true", "redshift", "point", "std"], "<Figure"]
    assert {"point", "std", "quantile_0.5", "spread", "not_finite"} <= set(predicted.split())
    notebook.check_kept(fresh)


def test_seeds_are_joined_in_one_predictor(finished):
    asked = copy.deepcopy(CONFIG)
    asked["bakeoffs"]["clusters"]["ensembles"] = True
    joined = "results/clusters/runs/deeper_sequential/gaussian_nll@ensemble/predictor.keras"
    finished.write(asked)
    try:
        assert finished.jobs(joined) == {"join_seeds_clusters": 1}
        finished.snakemake(joined)
    finally:
        finished.write(CONFIG)
    found = skybake.load(finished.folder / "results")
    dataset, test = found.dataset("clusters"), found.parts("clusters")["test"]
    predictor = keras.saving.load_model(finished.folder / joined)
    names = [name for name in predictor.input if name != "image"]
    given = {name: dataset.scalars[name][test].astype(np.float32)[:, None] for name in names}
    told = predictor.predict({"image": dataset.images(test), **given}, verbose=0)
    row = {"model": "deeper_sequential", "loss": "gaussian_nll", "dataset": "clusters"}
    mean = ensembles.mean([found.predicted(**row, seed=seed).prediction for seed in (1, 2)])
    for name in ("point", "std"):
        np.testing.assert_allclose(told[name], getattr(mean, name), rtol=0, atol=3e-6, err_msg=name)
