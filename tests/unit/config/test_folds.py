"""Folds in a plan: trainings of their own, and rows of all of them together."""

import pytest

from skybake.config import make_plan, messages

BAKEOFF = {"datasets": ["clusters"], "models": ["deeper_sequential"], "losses": ["mse"], "baselines": ["constant"]}


def plan(split, **changes):
    dataset = {"survey": "efeds", "mock": {"n_clusters": 90, "seed": 3}, "split": split}
    datasets = {"clusters": dataset, "once": {**dataset, "split": "group"}}
    given = {"datasets": datasets, "bakeoffs": {"b": {**BAKEOFF, "seeds": [1, 2]}}}
    return make_plan({**given, **changes})


@pytest.mark.parametrize(
    ("split", "folds", "name"),
    [
        ({"strategy": "kfold", "folds": 3}, 3, "kfold-40x3"),
        ({"strategy": "kfold", "folds": 3, "repeats": 2}, 6, "kfold-40x6"),
        ({"strategy": "holdout", "repeats": 4}, 4, "holdout-40x4"),
    ],
)
def test_each_fold_is_a_job_and_all_of_them_are_a_row(split, folds, name):
    found = plan(split)
    assert [row.identity["loss"] for row in found.compared_jobs("clusters")] == ["mse", "baseline"]
    assert {row.split for row in found.combinations} == {name}
    assert [job.loss_in_paths for job in found.trainings if job.loss] == [f"mse@fold-{i + 1}" for i in range(folds)]
    assert found.training_job("clusters", "deeper_sequential", "mse@fold-2").fold == 2
    runs = "results/clusters/runs/deeper_sequential"
    assert found.run_folders("clusters", "deeper_sequential", "mse")[1] == f"{runs}/mse/seed-1"
    files = found.fold_files("clusters", "deeper_sequential", "mse")
    assert f"{runs}/mse@fold-{folds}/seed-2/predictions.h5" in files
    trained = found.constraints("b", networks=True)["loss"]
    assert "fold\\-1" in trained
    assert "mse" not in trained.split("|")
    assert [pool["names"]["loss"] for pool in found.pools("b")] == ["baseline", "mse"]
    assert [pool["seeds"] for pool in found.pools("b")] == [(1,), (1, 2)]
    assert found.how_to_apply("clusters") == {}


def test_a_dataset_that_is_split_once_is_as_before():
    found = plan("group")
    assert found.trainings == found.combinations
    assert found.pools("b") == []
    assert found.training_job("clusters", "deeper_sequential", "mse").fold is None
    assert found.config.datasets["clusters"].split.told() == {
        **{"strategy": "group", "test": 0.1, "valid": 0.1},
        "seed": 40,
    }


def test_a_sweep_is_chosen_in_each_fold_alone():
    swept = {"b": {**BAKEOFF, "sweep": {"training": {"batch_size": [8, 16]}}}}
    found = plan({"strategy": "kfold", "folds": 3}, bakeoffs=swept)
    places = [f"results/clusters/sweeps/deeper_sequential/mse@fold-{fold}/sweep.json" for fold in (1, 2, 3)]
    assert found.sweeps("clusters") == places


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"bakeoffs": {"b": {**BAKEOFF, "datasets": ["clusters", "once"]}}},
            "folds found: 3 of 'clusters', 1 of 'once'",
        ),
        ({"apply": {"new": {"dataset": "clusters", "mock": {}}}}, "apply.new.dataset: 'clusters' is split into folds"),
        ({"bakeoffs": {"fold-1": BAKEOFF}}, "the name 'fold-1' is skybake's own"),
    ],
)
def test_what_does_not_go_with_folds_is_refused(changes, said):
    with pytest.raises(messages.ConfigError) as error:
        plan({"strategy": "kfold", "folds": 3}, **changes)
    assert said in str(error.value)
