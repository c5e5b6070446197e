"""Sweeps: which points follow from a config, and which one is chosen."""

import csv
import json

import numpy as np
import pytest

from skybake import heads
from skybake.config import make_plan, messages
from skybake.data.dataset import load_dataset
from skybake.evaluation import choice
from skybake.evaluation.choice import SweepError
from skybake.training import optimizers
from skybake.training import train as training_job
from skybake.training.runs import TrainingFailed
from skybake.training.train import train_job
from tests.training_settings import job

BAKEOFF = {"datasets": ["clusters"], "models": ["deeper_sequential"], "losses": ["mse", "huber"], "seeds": [1, 2]}


def plan(sweep, **changes):
    dataset = {"survey": "efeds", "mock": {"n_clusters": 90, "seed": 3}}
    return make_plan({"datasets": {"clusters": dataset}, "bakeoffs": {"b": {**BAKEOFF, **changes, "sweep": sweep}}})


def points(found, loss, model="deeper_sequential"):
    return found.points("clusters", model, loss)


def test_values_of_a_loss_belong_to_that_loss_alone():
    found = plan({"losses": {"huber": {"delta": [0.1, 0.5, 1]}}})
    assert list(points(found, "huber")) == ["delta=0.1", "delta=0.5", "delta=1.0"]
    assert list(points(found, "mse")) == ["as_given"]
    told = found.training_job("clusters", "deeper_sequential", "huber", point="delta=0.1")
    assert told.loss_parameters == {"delta": 0.1}
    assert told.loss == "huber"


def test_all_values_meet_all_others_and_reach_the_training_block():
    sweep = {
        "models": {"deeper_sequential": {"filters": [4, 8]}},
        "training": {"optimizer": ["adam", "sgd"], "optimizer.learning_rate": ["1e-4", 0.01], "batch_size": [16]},
    }
    found = points(plan(sweep), "mse")
    assert len(found) == len(set(found)) == 8
    point = found["filters=8-optimizer=sgd-learning_rate=0.0001-batch_size=16"]
    assert point.model.parameters == {"filters": 8}
    assert point.training.optimizer == optimizers.SGD(name="sgd", learning_rate=1e-4)
    assert point.training.batch_size == 16


def test_a_loss_with_empty_parameters_can_be_swept():
    found = plan({"losses": {"huber": {"delta": [0.5, 1.0]}}}, losses=[{"huber": None}])
    assert list(points(found, "huber")) == ["delta=0.5", "delta=1.0"]


def test_a_value_that_is_the_default_is_a_point_too():
    found = points(plan({"losses": {"huber": {"delta": [0.5, 1.0]}}}), "huber")
    assert [point.values for point in found.values()] == [{"delta": 0.5}, {"delta": 1.0}]


SEARCHED = {
    "losses": {"huber": {"delta": {"low": 0.1, "high": 2}}},
    "training": {
        "optimizer.learning_rate": {"low": "1e-4", "high": "1e-1", "log": True},
        "batch_size": {"low": 8, "high": 64, "log": True},
        "augmentation": ["none", "flips"],
    },
}


def test_a_search_draws_the_same_points_from_lists_and_ranges_by_its_seed():
    first, again, other = (
        points(plan({**SEARCHED, "search": {"trials": 12, "seed": seed}}), "huber") for seed in "112"
    )
    assert list(first) == list(again)
    assert len(first) == len(other) == 12
    assert not set(first) & set(other)
    values = [point.values for point in first.values()]
    assert {value["augmentation"] for value in values} == {"none", "flips"}
    assert all(0.1 <= value["delta"] <= 2 and 8 <= value["batch_size"] <= 64 for value in values)
    assert all(isinstance(value["batch_size"], int) for value in values)
    rates = [value["learning_rate"] for value in values]
    assert all(1e-4 <= rate <= 1e-1 and rate == float(f"{rate:.3g}") for rate in rates)
    assert sum(rate < 10**-2.5 for rate in rates) in range(2, 11)  # half of them if every factor is as probable
    assert all(point.training.optimizer.learning_rate == point.values["learning_rate"] for point in first.values())


def test_a_search_of_fewer_points_than_trials_has_each_once():
    found = plan({"losses": {"huber": {"delta": [0.1, 0.5, 1]}}, "search": {"trials": 9}})
    assert sorted(points(found, "huber")) == ["delta=0.1", "delta=0.5", "delta=1.0"]
    assert list(points(found, "mse")) == ["as_given"]


@pytest.mark.parametrize(
    ("sweep", "said"),
    [
        ({"losses": {"huber": {"delta": {"low": 1, "high": 2}}}}, "delta: a range found; expected a list of values"),
        ({"losses": {"huber": {"delta": {"low": 2, "high": 1}}}, "search": {}}, "expected low below high"),
        ({"losses": {"huber": {"delta": {"low": -1, "high": 1}}}, "search": {}}, "delta[0]: -1 found; expected"),
        ({"training": {"batch_size": {"low": 0, "high": 8}}, "search": {}}, "batch_size[0]: 0 found"),
        ({}, "bakeoffs.b.sweep: nothing is swept"),
        (
            {"losses": {"hubr": {"delta": [1]}}},
            "not among the losses of this bake-off: mse, huber. Did you mean 'huber'?",
        ),
        ({"losses": {"huber": {"delte": [1]}}}, "sweep.losses.huber.delte[0]: no parameter 'delte'"),
        ({"losses": {"huber": {"delta": ["wide"]}}}, "sweep.losses.huber.delta[0]: 'wide' found; expected a number"),
        ({"losses": {"huber": {"delta": []}}}, "sweep.losses.huber.delta: no value found"),
        ({"losses": {"huber": {"delta": [1, 1]}}}, "1 stands twice"),
        ({"losses": {"huber": {"delta": [1, 1.0]}}}, "the point 'delta=1.0' stands twice"),
        ({"training": {"batch_size": [0]}}, "sweep.training.batch_size[0]: 0 found"),
        ({"training": {"batchsize": [8]}}, "no key 'batchsize'"),
        ({"training": {"threads": [1, 2]}}, "sweep.training.threads: cannot be swept"),
        ({"training": {"optimizer": ["adam", "sgd"], "optimizer.epsilon": [0.1, 1.0]}}, "do not go together"),
    ],
)
def test_a_wrong_sweep_is_refused(sweep, said):
    with pytest.raises(messages.ConfigError) as error:
        plan(sweep)
    assert said in str(error.value)


def test_what_is_swept_is_not_given_too():
    with pytest.raises(messages.ConfigError, match="swept here and given under losses too"):
        plan({"losses": {"huber": {"delta": [0.1]}}}, losses=["mse", {"huber": {"delta": 0.2}}])


@pytest.fixture(scope="module")
def swept(small, tmp_path_factory):
    """A sweep of three points, two seeds each; the last one diverges."""
    folder = tmp_path_factory.mktemp("sweep")
    dataset, split = small
    values = {"learning_rate=0.001": 1e-3, "learning_rate=1e-06": 1e-6, "learning_rate=1e+30": 1e30}
    folders = {name: {seed: folder / name / f"seed-{seed}" for seed in (1, 2)} for name in values}
    jobs = {}
    for name, rate in values.items():
        optimizer = {"name": "adam", "learning_rate": rate}
        given = job("deeper_sequential", inputs=(), optimizer=optimizer, epochs=3)
        jobs[name] = given.model_copy(update={"point": name, "tested": False})
        files = ["history.csv", "model.keras", "predictions.h5", "run.json", "timing.json"]
        train_job(dataset, split, jobs[name], folders[name], folder / name / ".work", files)
    choice.choose(
        {name: {"learning_rate": rate} for name, rate in values.items()},
        folders,
        load_dataset(dataset),
        folder / "sweep.json",
    )
    return folder, folders, jobs


def test_a_point_writes_nothing_of_the_test_part(swept):
    import h5py

    for seeds in swept[1].values():
        with h5py.File(seeds[1] / "predictions.h5") as file:
            assert list(file) == ["valid"]
        assert "n_test" not in json.loads((seeds[1] / "run.json").read_text())


def test_the_best_on_validation_is_chosen_and_a_diverged_point_is_not(swept):
    said = json.loads((swept[0] / "sweep.json").read_text())
    means = [point["mean"] for point in said["points"]]
    assert said["chosen"] == "learning_rate=0.001"
    assert said["score"] == "valid_rmse"
    assert means[0] < means[1]
    assert means[2] is None
    assert set(said["points"][2]["diverged"]) == {"1", "2"}
    for point in said["points"][:2]:
        each = list(point["seeds"].values())
        assert point["mean"] == pytest.approx(np.mean(each))
        assert point["std_over_seeds"] == pytest.approx(np.std(each, ddof=1))
    with (swept[0] / "sweep.csv").open(newline="") as stream:
        assert [row["chosen"] for row in csv.DictReader(stream)] == ["true", "false", "false"]


def test_no_point_can_be_chosen(swept, small):
    folder, folders, _ = swept
    name = "learning_rate=1e+30"
    with pytest.raises(SweepError, match="in each a seed diverged"):
        choice.choose(
            {name: {"learning_rate": 1e30}}, {name: folders[name]}, load_dataset(small[0]), folder / "none.json"
        )
    assert not (folder / "none.json").exists()


def test_the_chosen_point_predicts_as_if_it_had_never_been_in_a_sweep(swept, small, tmp_path, monkeypatch):
    _, folders, jobs = swept
    name = "learning_rate=0.001"
    files = ["history.csv", "model.keras", "predictions.h5", "run.json", "timing.json"]
    chosen, alone = {1: tmp_path / "chosen"}, {1: tmp_path / "alone"}
    tested = jobs[name].model_copy(update={"tested": True})
    with monkeypatch.context() as patch:
        patch.setattr(heads, "fit", None)  # it is read from the run, and not fitted again
        more = [*files, "summary.csv", "architecture.dot", "predictor.keras"]
        training_job.test_chosen(*small, tested, folders[name], chosen, tmp_path / ".work", more, asked_gpu="")
    train_job(*small, tested.model_copy(update={"point": ""}), alone, tmp_path / ".alone", more)
    for file in ("model.keras", "predictions.h5", "history.csv", "summary.csv", "architecture.dot"):
        assert (chosen[1] / file).read_bytes() == (alone[1] / file).read_bytes(), file
    assert json.loads((chosen[1] / "run.json").read_text())["point"] == name


def test_a_model_that_does_not_predict_what_it_did_is_refused(swept, small, tmp_path):
    import shutil

    _, folders, jobs = swept
    name, other = "learning_rate=0.001", "learning_rate=1e-06"
    shutil.copytree(folders[name][1], tmp_path / "run")
    shutil.copy(folders[other][1] / "model.keras", tmp_path / "run" / "model.keras")
    tested = jobs[name].model_copy(update={"tested": True})
    with pytest.raises(TrainingFailed, match="does not predict what it did"):
        training_job.test_chosen(
            *small,
            tested,
            {1: tmp_path / "run"},
            {1: tmp_path / "out"},
            tmp_path / ".work",
            ["run.json"],
            asked_gpu="",
        )


def test_a_trial_of_successive_halving_has_three_rungs_in_one_folder():
    sweep = {"losses": {"huber": {"delta": [0.1, 0.5, 1]}}, "search": {"trials": 3, "halving": True}}
    found = plan(sweep, training={"epochs": 20})
    names = ("clusters", "deeper_sequential", "huber")
    rungs = [name for name in points(found, "huber") if name.startswith("delta=0.5-")]
    assert rungs == ["delta=0.5-epochs=2", "delta=0.5-epochs=6", "delta=0.5-epochs=20"]
    assert [found.training_job(*names, point=name).training.epochs for name in rungs] == [2, 6, 20]
    folder = "results/clusters/sweeps/deeper_sequential/huber"
    assert {found.point_work(*names, point=name) for name in rungs} == {f"{folder}/delta=0.5/.work"}
    waits = [[], [f"{folder}/rung-1.json"], [f"{folder}/rung-2.json"]]
    assert [found.survivors(*names, point=name) for name in rungs] == waits
    assert f"{folder}/delta=0.5-epochs=2/seed-1/run.json" in found.before(*names, point=rungs[1])
    assert list(points(found, "mse")) == ["as_given"]
    for wrong, said in (
        ({"epochs": 8}, "8 epochs found; expected at least 9"),
        ({"epochs": 20}, "training.epochs: swept here and set by search.halving"),
    ):
        swept = {**sweep, "training": {"epochs": [9, 20]}} if wrong["epochs"] == 20 else sweep
        with pytest.raises(messages.ConfigError, match=said):
            plan(swept, training=wrong)


def test_a_third_of_the_trials_goes_on_from_a_rung_and_the_others_leave_what_they_had(swept, small, tmp_path):
    _, folders, _ = swept
    trials = {point: f"trial {point}" for point in folders}
    choice.end_rung(trials, folders, 1, load_dataset(small[0]), tmp_path / "rung-1.json")
    assert json.loads((tmp_path / "rung-1.json").read_text())["goes_on"] == ["trial learning_rate=0.001"]
    name, left = "learning_rate=1e-06", {seed: tmp_path / f"seed-{seed}" for seed in (1, 2)}
    training_job.leave_out(folders[name], left)
    both = {"learning_rate=0.001": folders["learning_rate=0.001"], name: left}
    choice.choose({one: {} for one in both}, both, load_dataset(small[0]), tmp_path / "sweep.json")
    (said,) = json.loads((tmp_path / "sweep.json").read_text())["points"]
    assert said["point"] == "learning_rate=0.001"
    assert json.loads((left[1] / "run.json").read_text())["left_out"] == "not continued after 3 epochs"
    left_out = {"learning_rate=1e-06": left}
    choice.end_rung(trials, left_out, 2, load_dataset(small[0]), tmp_path / "rung-2.json")
    assert json.loads((tmp_path / "rung-2.json").read_text())["goes_on"] == []
