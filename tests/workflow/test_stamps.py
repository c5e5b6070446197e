"""A classification end to end: simulated stamps, sources and noise."""

import csv
import json

import h5py
import numpy as np
import pytest
from astropy.table import Table

from skybake.data.dataset import load_dataset
from skybake.results import attributions
from tests.workflow.conftest import Bakeoff

STUDY = {  # the recipe of the stamps study
    **{"patch": 5, "stride": 1, "fill": "zero", "normalise_again": True},
    **{"measure": "missing_probability", "place": "centre"},
}
CONFIG = {
    "datasets": {
        "stamps": {
            "survey": "decam",
            "mock": {"n_sources": 150, "n_noise": 150, "seed": 3},
            "split": {"strategy": "group", "test": 0.3, "valid": 0.2, "seed": 40},
        }
    },
    "bakeoffs": {
        "stamps": {
            "datasets": ["stamps"],
            "models": ["dense", {"vgg6": {}}],
            "losses": [{"categorical_crossentropy": {"class_weights": "balanced"}}],
            "baselines": ["constant", "logistic_bands", {"boosted_trees": {"iterations": 20}}],
            "seeds": [1, 2],
            "training": {"epochs": 3, "images": "robust", "augmentation": "flips_and_turns"},
            "inside": {"objects": 2, "methods": ["occlusion", "grad_cam", "kernels"], "occlusion": STUDY},
            "mc_dropout": 3,
        }
    },
    "statistics": {"draws": 200},
    "apply": {"night": {"mock": {"n_sources": 20, "n_noise": 30, "seed": 9}, "jobs": 2, "batch_size": 16}},
}


@pytest.fixture(scope="module")
def stamps(tmp_path_factory):
    bakeoff = Bakeoff(tmp_path_factory.mktemp("stamps"))
    bakeoff.write(CONFIG)
    bakeoff.snakemake()
    return bakeoff.folder / "results"


def test_nothing_is_lost(stamps):
    with h5py.File(stamps / "stamps/dataset.h5") as file, (stamps / "stamps/rejected.csv").open(newline="") as stream:
        assert file.attrs["task"] == "classification"
        assert len(file["id"]) + len(list(csv.DictReader(stream))) == 300


def test_classes_are_compared(stamps):
    with (stamps / "comparison.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    baselines = {"constant", "logistic_bands", "boosted_trees-iterations=20"}
    assert {(row["model"], row["status"]) for row in rows} == {(name, "ok") for name in ("dense", "vgg6", *baselines)}
    assert {row["model"] for row in rows if row["baseline"] == "true"} == baselines
    for row in rows:
        assert 0 <= float(row["accuracy_low"]) <= float(row["accuracy"]) <= float(row["accuracy_high"]) <= 1
        assert float(row["log_loss"]) > 0
        assert row["std_error"] == ""


def test_a_baseline_that_uses_no_seed_has_one_and_no_spread(stamps):
    with (stamps / "comparison.csv").open(newline="") as stream:
        rows = {row["model"]: row for row in csv.DictReader(stream)}
    for model, row in rows.items():
        once = model in ("constant", "logistic_bands")
        assert row["seeds"] == ("1" if once else "2"), model
        assert (row["log_loss_over_seeds"] == "") == once, model
    assert [path.name for path in (stamps / "stamps/runs/constant/baseline").glob("seed-*")] == ["seed-1"]
    assert float(rows["logistic_bands"]["log_loss"]) < float(rows["constant"]["log_loss"])
    assert float(rows["boosted_trees-iterations=20"]["log_loss_over_seeds"]) > 0


def test_every_run_has_the_figures_of_a_classification(stamps):
    for folder in (stamps / "stamps/evaluation").glob("*/*/figures"):
        drawn = {path.stem for path in folder.glob("*.png")}
        assert drawn == {path.stem for path in folder.glob("*.pdf")}
        trained = (
            folder.parent.name != "baseline" and "@" not in folder.parent.name
        )  # passes with dropout train nothing
        assert ("accuracy_curve" in drawn) == trained
        assert {
            *("loss_curve", "confusion_matrix", "galleries", "completeness_and_purity"),
            *("reliability", "roc", "precision_recall"),
        } <= drawn


def test_models_are_compared_in_figures(stamps):
    drawn = {path.stem for path in (stamps / "stamps/figures").glob("*.png")}
    assert drawn == {
        *("forest", "accuracy_against_time", "overlaid_roc", "overlaid_precision_recall"),
        *("overlaid_loss_curves", "overlaid_accuracy_curves", "overlaid_reliability"),
    }
    page = (stamps / "stamps/report.html").read_text()
    assert all(f'alt="{title}' in page for title in ("ROC of all models", "Reliability of all models"))


def test_one_can_look_inside(stamps):
    for model in ("dense", "vgg6"):
        (folder,) = (stamps / "stamps/inside" / model).iterdir()
        assert (folder / "inside.h5").exists()
        assert (folder / "figures/attribution_maps.png").exists()
        assert (folder / "figures/occlusion_overlay.png").exists()
        found = attributions.read(folder / "inside.h5")
        assert found.occluded == "1 - p of source"
        assert np.all((found.occlusion >= 0) & (found.occlusion <= 1))
        assert (found.grad_cam is None) == (model == "dense")
    assert "data:image" in (stamps / "stamps/report.html").read_text()


def test_passes_with_dropout_are_a_row_where_there_is_dropout(stamps):
    with (stamps / "comparison.csv").open(newline="") as stream:
        rows = {(row["model"], row["prediction"]): row for row in csv.DictReader(stream)}
    assert ("vgg6", "mc_dropout") in rows
    assert ("dense", "mc_dropout") not in rows
    assert (rows["dense", "seeds"]["without_dropout"], rows["vgg6", "seeds"]["without_dropout"]) == ("true", "false")
    passes, plain = rows["vgg6", "mc_dropout"], rows["vgg6", "seeds"]
    assert float(passes["mutual_information"]) > 0
    assert (plain["mutual_information"], passes["n_test"]) == ("", plain["n_test"])
    assert passes["log_loss"] != plain["log_loss"]
    page = (stamps / "stamps/report.html").read_text()
    assert "No dropout in these networks, so no rows of mc_dropout: dense, " in page
    figures = {path.stem for path in (stamps / "stamps/evaluation/vgg6").glob("*@mc_dropout/figures/*.png")}
    assert "uncertainty_parts" in figures
    (log,) = (stamps / "logs/predict_with_dropout/stamps/dense").glob("*.log")
    assert "no dropout in this network" in log.read_text()


def test_class_weights_come_from_the_training_part_and_are_kept(stamps):
    (path,) = (stamps / "stamps/runs/dense").glob("*balanced/seed-1/run.json")
    record = json.loads(path.read_text())
    assert record["classes"] == ["noise", "source"]
    weights = record["class_weights"]
    assert len(weights) == 2
    assert min(weights) < 1 < max(weights) or weights == [1.0, 1.0]


def test_the_chosen_network_predicts_new_objects(stamps):
    folder = stamps / "apply/night"
    known = load_dataset(folder / "dataset.h5")
    table = Table.read(folder / "catalogue.fits")
    assert list(table["id"]) == list(known.ids)
    assert len(table) + len((folder / "rejected.csv").read_text().splitlines()) - 1 == 50
    probabilities = np.column_stack([table["probability_noise"], table["probability_source"]])
    assert probabilities.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert list(table["class"]) == [known.classes[number] for number in probabilities.argmax(axis=1)]
    assert (table["spread"] >= 0).all()
    assert table["spread"].max() > 0
    chosen = json.loads((stamps / "stamps/chosen.json").read_text())["chosen"]
    assert chosen["model"] in ("dense", "vgg6")
    assert sorted(path.name for path in (folder / "parts").iterdir()) == ["0.h5", "1.h5"]


def test_the_page_of_new_objects_tells_which_network_predicted_them(stamps):
    folder = stamps / "apply/night"
    chosen = json.loads((stamps / "stamps/chosen.json").read_text())["chosen"]
    text = (folder / "report.html").read_text()
    assert f"{chosen['model']}, categorical_crossentropy" in text
    assert 'Table.read("results/apply/night/catalogue.fits")' in text
    assert {path.stem for path in (folder / "figures").iterdir()} >= {"applied_predictions", "applied_examples"}
    table = Table.read(folder / "catalogue.fits")
    with h5py.File(folder / "distributions.h5") as file:
        assert file.attrs["form"] == "classes"
        assert file["classes"].attrs["names"].tolist() == ["noise", "source"]
        assert file["classes"][:, 1] == pytest.approx(np.asarray(table["probability_source"]), abs=1e-6)
    with h5py.File(folder / "distributions_qp.hdf5") as file:
        assert "no distribution" in file.attrs["empty"]
