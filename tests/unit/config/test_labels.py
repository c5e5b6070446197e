"""Several labels of a dataset: each has a place of its own, and what does not go with them is refused."""

import copy

import pytest

from skybake.config import make_plan
from skybake.config.messages import ConfigError

GIVEN = {
    "datasets": {
        "galaxies": {
            "survey": "cutouts",
            "raw": {"images": "cube.npy", "catalogue": "table.csv"},
            "options": {"labels": ["size", "S/N"], "transform": "log10"},
            "outlier": 0.2,
        }
    },
    "bakeoffs": {
        "main": {
            "datasets": ["galaxies"],
            "models": ["lesson_cnn"],
            "losses": ["mse"],
            "baselines": ["constant"],
            "seeds": [1, 2],
            "ensembles": True,
        }
    },
}
FURTHER = "galaxies@S_N"


def plan(change=lambda given: None):
    given = copy.deepcopy(GIVEN)
    change(given)
    return make_plan(given, raw_is_here=False)


def test_one_network_is_trained_and_each_label_is_compared():
    found = plan().at("elsewhere")
    assert found.datasets() == ["galaxies", FURTHER]
    assert [found.label(name) for name in found.datasets()] == ["log10_size", "log10_S/N"]
    told = found.training_job("galaxies", "lesson_cnn", "mse")
    assert told.labels == ("log10_size", "log10_S/N")
    assert found.training_job(FURTHER, "constant", "baseline").label == "log10_S/N"
    assert found.constraints("main", networks=True)["dataset"] == "galaxies"
    assert FURTHER.replace("@", "") in found.taken("main")["dataset"].replace("\\", "").replace("@", "")
    runs = found.runs_of_all_labels(FURTHER, "lesson_cnn", "mse")
    assert "elsewhere/galaxies/runs/lesson_cnn/mse/seed-2/predictions.h5" in runs
    assert [row["prediction"] for row in found.rows(FURTHER)] == ["seeds", "ensemble", "seeds"]
    assert found.ensembles(FURTHER) == []
    assert found.config.datasets[FURTHER].outlier is None  # that of the first says nothing of another label


def test_the_merged_config_is_as_it_was_given():
    merged = plan().as_dict()
    assert list(merged["datasets"]) == merged["bakeoffs"]["main"]["datasets"] == ["galaxies"]
    assert make_plan(merged, raw_is_here=False).datasets() == ["galaxies", FURTHER]


def test_one_label_has_no_other_place():
    found = plan(lambda given: given["datasets"]["galaxies"].update(options={"label": "size"}))
    assert found.datasets() == ["galaxies"]
    assert found.training_job("galaxies", "lesson_cnn", "mse").labels == ()
    assert found.taken("main") == {}


@pytest.mark.parametrize(
    ("bakeoff", "message"),
    [
        ({"mc_dropout": 5}, "bakeoffs.main.mc_dropout found; expected none"),
        ({"inside": {}}, "bakeoffs.main.inside found"),
        ({"sweep": {"training": {"batch_size": [8, 16]}}}, "bakeoffs.main.sweep found"),
        ({"training": {"start_from": "model.keras"}}, "bakeoffs.main.training.start_from found"),
        ({"losses": [{"gaussian_nll": {"label_errors": True}}]}, r"bakeoffs.main.losses\[0\]: label_errors found"),
        ({"losses": ["categorical_crossentropy"]}, "the loss 'categorical_crossentropy' is for classification"),
    ],
)
def test_what_does_not_go_with_several_labels(bakeoff, message):
    with pytest.raises(ConfigError, match=message):
        plan(lambda given: given["bakeoffs"]["main"].update(bakeoff))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split": {"strategy": "kfold", "folds": 3}}, "datasets.galaxies.split: folds or repeats found"),
        ({"options": {"labels": ["S/N", "S N"]}}, "their paths are one"),
        ({"survey": "cifar", "raw": {"batches": "folder"}}, "datasets.galaxies.options.labels"),
    ],
)
def test_datasets_that_cannot_have_several(change, message):
    with pytest.raises(ConfigError, match=message):
        plan(lambda given: given["datasets"]["galaxies"].update(change))


def test_no_network_of_several_labels_is_applied():
    new = {"new": {"raw": {"images": "more.npy", "catalogue": "more.csv"}}}
    with pytest.raises(ConfigError, match=r"apply.new: a network of 'galaxies' found; expected one of a single label"):
        plan(lambda given: given.update(apply=new))
