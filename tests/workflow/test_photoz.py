"""Photometric redshifts end to end: simulated frames, whole fields held out, inception with and without magnitudes."""

import csv
import json
import zipfile

import numpy as np
import pytest

from skybake.data.dataset import load_dataset
from skybake.results import predictions
from tests.workflow.conftest import Bakeoff

MODELS = ("inception_small", "mixed_inception_small")
LOSS = "bin_crossentropy"
COUNT = 10
MOCK = {"n_objects": 45, "objects_per_field": 15, "stars_per_field": 5, "neighbours_per_field": 0, "traps": 0}
CONFIG = {
    "datasets": {
        "galaxies": {
            "survey": "sdss",
            "mock": MOCK,
            "inputs": [*(f"cModelMag_{band}" for band in "ugriz"), "dereddened"],
            "derived": {"dereddened": "cModelMag_r - extinction_r"},
            "split": {"strategy": "group", "test": 0.3, "valid": 0.5, "seed": 1},
        }
    },
    "bakeoffs": {
        "photoz": {
            "datasets": ["galaxies"],
            "models": list(MODELS),
            "losses": [{LOSS: {"count": COUNT}}],
            "baselines": ["nearest_neighbours", "boosted_trees"],
            "seeds": [1],
            "training": {"epochs": 1, "augmentation": "flips_and_turns", "schedule": "cosine"},
        }
    },
    "statistics": {"draws": 100},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    bakeoff = Bakeoff(tmp_path_factory.mktemp("photoz"))
    bakeoff.write(CONFIG)
    bakeoff.snakemake()
    return bakeoff.folder / "results"


def run_folder(results, model):
    return results / "galaxies/runs" / model / f"{LOSS}-count={COUNT}" / "seed-1"


def test_networks_and_baselines_on_magnitudes_are_compared(results):
    with (results / "comparison.csv").open(newline="") as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream)}
    assert set(rows) == {*MODELS, "nearest_neighbours", "boosted_trees"}
    for row in rows.values():
        assert all(np.isfinite(float(row[name])) for name in ("mean_error", "std_error", "nmad", "outlier_fraction"))
    for model in MODELS:
        assert 0 < float(rows[model]["pit_ks"]) <= 1
        assert 0 < float(rows[model]["crps"]) < 0.2
    assert float(rows["mixed_inception_small"]["parameters"]) > float(rows["inception_small"]["parameters"])


@pytest.mark.parametrize("model", MODELS)
def test_a_redshift_is_a_distribution_over_bins(model, results):
    path = run_folder(results, model) / "predictions.h5"
    dataset = load_dataset(results / "galaxies/dataset.h5")
    found = {part: predictions.read(path, part, dataset) for part in ("valid", "test")}
    fields = [set(part.groups) for part in found.values()]
    assert len(set(dataset.groups)) == 3
    assert [len(each) for each in fields] == [1, 1]
    assert fields[0].isdisjoint(fields[1])
    for part in found.values():
        assert part.prediction.probabilities.shape == (15, COUNT)
        assert part.prediction.probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("model", MODELS)
def test_a_predictor_takes_the_magnitudes_of_which_inputs_are_made(model, results):
    record = json.loads((run_folder(results, model) / "run.json").read_text())
    assert record["derived"] == {"dereddened": "cModelMag_r - extinction_r"}
    with zipfile.ZipFile(run_folder(results, model) / "predictor.keras") as file:
        inputs = json.loads(file.read("config.json"))["config"]["input_layers"]
    expected = {"image", "extinction_r", *(f"cModelMag_{band}" for band in "ugriz")}
    assert set(inputs) == expected
    page = (results / "galaxies/report.html").read_text()
    assert "dereddened = cModelMag_r - extinction_r" in page


@pytest.mark.parametrize("model", MODELS)
def test_its_figures_are_drawn(model, results):
    folder = results / "galaxies/evaluation" / model / f"{LOSS}-count={COUNT}" / "figures"
    drawn = {path.stem for path in folder.glob("*.png")}
    of_errors, of_distributions = (
        {f"{what}_against_{which}" for which in ("label", "magnitude")} for what in ("error", "distributions")
    )
    assert {*of_errors, *of_distributions, "example_pdfs", "pit_histogram"} <= drawn


def test_of_one_held_out_field_no_interval_is_told(results):
    page = (results / "galaxies/report.html").read_text()
    assert "The test part has fewer than ten objects or groups, of which no interval is told" in page
    assert "percentile intervals" not in page
    with (results / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["std_error_low"] for row in rows} == {""}
    assert "\\pm" not in (results / "galaxies/comparison.tex").read_text()
