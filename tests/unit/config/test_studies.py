"""The configs of the five studies, whole and reduced."""

import pytest
import yaml

from skybake.config import make_plan, reduced, yaml_files
from skybake.report.settings import COSTS
from tests.conftest import ROOT

FOLDER = ROOT / "configs" / "studies"
NETWORKS = {  # as published, and the preset of the study; losses has none
    "clusters": ({"simple_sequential", "deeper_sequential", "nonsequential_reference"}, "published_clusters"),
    "losses": ({"simple_sequential"}, None),
    "stamps": ({"dense", "vgg6_reference", "resnet50_reference"}, "published_stamps"),
    "photoz": ({"inception_small_reference", "inception"}, "published_photoz"),
    "course": ({"lesson_cnn", "lesson_cnn_dropout_reference"}, "published_course"),
}


FILES = ("course.yaml", "small.yaml")


def given(study):
    return yaml_files.read(FOLDER / f"{study}.yaml")


def networks(plan):
    return {job.model.part.name for job in plan.combinations if job.loss is not None}


def losses(plan):
    return {job.loss_name for job in plan.combinations if job.loss is not None}


def test_every_study_has_a_config():
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(NETWORKS)
    makefile = (ROOT / "Makefile").read_text()
    assert all(study in makefile.split("STUDIES :=")[1].splitlines()[0].split() for study in NETWORKS)


@pytest.mark.parametrize("study", NETWORKS)
def test_a_study_names_its_networks_and_its_published_training(study):
    plan = make_plan(given(study), raw_is_here=False)
    named, preset = NETWORKS[study]
    assert named <= networks(plan)
    assert preset is None or preset in {bakeoff.training.preset for bakeoff in plan.config.bakeoffs.values()}


@pytest.mark.parametrize("study", NETWORKS)
def test_the_reduced_form_trains_every_network_and_loss_for_an_epoch(study):
    whole = make_plan(given(study), raw_is_here=False)
    small = make_plan(reduced.reduced(given(study), "results/small"), raw_is_here=False)
    assert networks(small) == networks(whole)
    assert losses(small) == losses(whole)
    assert small.paths.results == "results/small"
    trainings = [job for job in small.combinations if job.loss is not None]
    assert {len(job.seeds) for job in trainings} == {1}
    assert not any(job.points for job in trainings)
    assert {job.dataset for job in small.combinations if job.loss is None} == set(small.datasets())
    for bakeoff in small.config.bakeoffs.values():
        assert bakeoff.training.epochs == 1
    for name, block in small.config.datasets.items():
        given_mock = whole.config.datasets[name].mock
        assert block.split == whole.config.datasets[name].split
        assert given_mock is None or block.mock["seed"] == given_mock["seed"]
        assert all(value <= 100 for key, value in (block.mock or {}).items() if key.startswith("n_"))


def test_reduced_published_rows_say_what_they_are():
    small = make_plan(reduced.reduced(given("clusters"), "results/small"))
    held = [row for row in small.published("clusters") if row["model"]]
    assert len(held) == 5
    assert all(row["may_explain"].startswith("this is the reduced form: 1 epoch") for row in held)


def test_published_numbers_of_the_clusters_are_those_of_the_table():
    told = make_plan(given("clusters")).published("clusters")
    found = {(row["model"], row["loss"]): row["values"] for row in told if row["model"]}
    assert {key: (item["mean_error"]["value"], item["std_error"]["value"]) for key, item in found.items()} == {
        ("simple_sequential", "mse"): (0.25227, 0.40285),
        ("deeper_sequential", "mse"): (0.17715, 0.36279),
        ("nonsequential_reference", "mse"): (0.25971, 0.24940),
        ("nonsequential_reference", "mae"): (0.00819, 0.35067),
        ("nonsequential_reference", "huber"): (0.17451, 0.22869),
    }
    assert {name for item in found.values() for name in item} <= {"mean_error", "std_error", *COSTS}


def test_raw_files_that_are_not_there_are_simulated(tmp_path, monkeypatch):
    config = given("course")
    config["datasets"]["cifar10"]["raw"]["batches"] = str(tmp_path / "nowhere")
    (tmp_path / "course.yaml").write_text(yaml.safe_dump(config))
    monkeypatch.setattr("sys.argv", ["reduced", *(str(tmp_path / name) for name in FILES), "--results", "x"])
    reduced.main()
    small = make_plan(yaml_files.read(tmp_path / "small.yaml"))
    assert small.config.datasets["cifar10"].raw is None
    assert small.config.datasets["cifar10"].mock == {"n_train": 100, "n_test": 100}
