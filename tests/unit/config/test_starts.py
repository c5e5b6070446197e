"""Trainings that start from a trained network: which file that is, and what is wrong with it."""

import json

import pytest

from skybake.config import make_plan
from skybake.config.messages import ConfigError

JOB = ("d", "dense", "mse")


def plan(start, folder, *, raw_is_here=True, **changes):
    """Return the plan of two bake-offs, of which ``tuned`` starts from a network."""
    block = {"survey": "efeds", "mock": {"n_clusters": 90, "seed": 3}}
    first = {"datasets": ["e"], "models": ["dense"], "losses": ["mse"], "seeds": [1]}
    tuned = {**first, "datasets": ["d"], "training": {"start_from": str(start)}, **changes}
    given = {"results": str(folder / "results"), "datasets": {"d": block, "e": block}}
    return make_plan({**given, "bakeoffs": {"first": first, "tuned": tuned}}, raw_is_here=raw_is_here)


def run(folder, **record):
    folder.mkdir(parents=True)
    (folder / "model.keras").touch()
    told = {"library_model": "dense", "model_parameters": {}, **record}
    (folder / "run.json").write_text(json.dumps(told))
    return folder


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("NETWORKS", str(tmp_path))


def test_a_run_and_a_file_are_inputs_that_containers_see(tmp_path):
    folder = run(tmp_path / "other" / "seed-1")
    found = plan("$NETWORKS/other/seed-1/", tmp_path)
    assert found.start(*JOB) == [f"{folder}/model.keras", f"{folder}/run.json"]
    assert found.start("e", "dense", "mse") == []
    assert f"{folder}/model.keras" in found.given_files()
    (tmp_path / "mine.keras").touch()
    assert plan(tmp_path / "mine.keras", tmp_path).start(*JOB) == [f"{tmp_path}/mine.keras"]


def test_a_run_of_the_same_config_is_made_first(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "results")
    found = plan(tmp_path / "link" / "e" / "runs" / "dense" / "mse" / "seed-1", tmp_path)
    folder = f"{tmp_path}/results/e/runs/dense/mse/seed-1"  # as its rule has it
    assert found.start(*JOB) == [f"{folder}/model.keras", f"{folder}/run.json"]


def test_each_point_of_a_sweep_has_its_own_start(tmp_path):
    (tmp_path / "mine.keras").touch()
    path = f"{tmp_path}/mine.keras"
    sweep = {"training": {"start_from": [None, path]}}
    found = plan("", tmp_path, training={}, sweep=sweep)
    assert [found.start(*JOB, point) for point in found.points(*JOB)] == [[], [path]]
    assert path in found.given_files()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("{0}/othr/seed-1", "training.start_from: no file '{0}/othr/seed-1/model.keras'; expected a run's folder, or"),
        ("{0}/mien.keras", "Near it: mine.keras"),
        ("$NO_SUCH_THING/a.keras", "the environment has no variable $NO_SUCH_THING"),
        (
            "{0}/large",
            "is a network of the model dense {{'units': [8]}}, and would start dense; expected the same model",
        ),
        ("{0}/broken", "not a JSON file"),
        (
            "{0}/results/e/runs/dense/mse/seed-2",
            "makes no such network; expected one of its runs, e.g. '{0}/results/e/",
        ),
        ("{0}/results/d/runs/dense/mse/seed-1", "bakeoffs.tuned.training.start_from: d/dense/mse would start from"),
    ],
)
def test_what_cannot_be_a_start_is_said(start, words, tmp_path):
    (tmp_path / "mine.keras").touch()
    run(tmp_path / "large", model_parameters={"units": [8]})
    (run(tmp_path / "broken") / "run.json").write_text("{")
    with pytest.raises(ConfigError) as caught:
        plan(start.format(tmp_path), tmp_path)
    assert words.format(tmp_path) in str(caught.value)


def test_a_file_in_a_storage_is_not_looked_for(tmp_path):
    assert plan("far/away", tmp_path, raw_is_here=False).start(*JOB) == ["far/away/model.keras"]


def test_layers_are_frozen_only_where_they_were_trained(tmp_path):
    with pytest.raises(ConfigError, match="freeze goes with start_from: random weights would stay random"):
        plan("", tmp_path, training={"freeze": ["dense"]})
