"""Derived inputs on their way through a job: training, the test of a chosen point, attributions, starts, baselines."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from skybake import baselines
from skybake.baselines import nearest_neighbours
from skybake.data.dataset import load_dataset
from skybake.results import run_folder
from skybake.training import attribution, backend, runs, train
from skybake.training.prepared import prepare
from skybake.training.starting import check_start, read_start
from tests.training_settings import baseline, job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]
INPUTS = {"inputs": ("ln_z", "redshift"), "derived": {"ln_z": "ln(redshift)"}}
JOB = job("mixed_deeper_sequential", parameters={"filters": 4}, epochs=1).model_copy(update=INPUTS)


@pytest.fixture(scope="module")
def tested(small, tmp_path_factory):
    """Train a point of a sweep, and test it as the chosen one."""
    backend.start("tensorflow", threads=1, precision="float32")
    folder = tmp_path_factory.mktemp("derived")
    point = JOB.model_copy(update={"point": "epochs=1", "tested": False})
    train.train_job(*small, point, {1: folder / "point"}, folder / ".point", FILES)
    chosen = [*FILES, "predictor.keras"]
    train.test_chosen(*small, JOB, {1: folder / "point"}, {1: folder / "seed-1"}, folder / ".work", chosen, "")
    return folder / "seed-1"


def test_the_network_sees_them_and_its_predictor_makes_them(small, tested):
    dataset = load_dataset(small[0])
    test = run_folder.read_predictions(tested, "test", dataset)
    rows = np.flatnonzero(np.isin(dataset.ids, test.ids))
    rows = rows[np.argsort([list(test.ids).index(name) for name in dataset.ids[rows]])]
    given = {"image": dataset.images(rows), "redshift": dataset.scalars["redshift"][rows][:, None]}
    predictor = keras.saving.load_model(tested / "predictor.keras")
    assert {tensor.name for tensor in predictor.inputs} == set(given)
    assert predictor.predict(given, verbose=0)["point"] == pytest.approx(test.prediction.point, abs=1e-5)
    moved = predictor.predict({**given, "redshift": given["redshift"] * 2}, verbose=0)["point"]
    assert np.abs(moved - test.prediction.point).max() > 1e-3
    record = run_folder.read_record(tested)
    assert (record.inputs, record.derived) == (("ln_z", "redshift"), INPUTS["derived"])
    assert record.described_inputs == ["ln_z = ln(redshift)", "redshift"]
    training = dataset.scalars["redshift"][runs.load(*small, JOB.label).split.train]
    assert record.preprocessing["scalars"]["mean"] == pytest.approx([np.log(training).mean(), training.mean()])


def test_it_is_looked_into(small, tested):
    found = attribution.look(tested, *small, objects=1, seed=1, ids=None, methods=["saliency"])
    assert found.explained == pytest.approx(found.predicted, rel=1e-5)


def test_a_network_of_another_formula_is_no_start(small, tested):
    start, data = read_start(tested / "model.keras"), runs.load(*small, JOB.label)
    check_start(start, JOB, data)
    other = JOB.model_copy(update={"derived": {"ln_z": "log10(redshift)"}})
    with pytest.raises(ValueError, match=r"scalars \['ln_z = ln\(redshift\)', .*expected \['ln_z = log10\(redshift\)'"):
        check_start(start, other, data)
    check_start(replace(start, record={}), other, data)  # nobody can tell


def test_another_formula_is_another_training(small):
    data = runs.load(*small, JOB.label)
    other = JOB.model_copy(update={"derived": {"ln_z": "log10(redshift)"}})
    assert runs.fingerprint(JOB, data, 1, {}) != runs.fingerprint(other, data, 1, {})


def test_a_baseline_sees_them(small, tmp_path, monkeypatch):
    seen, made = [], nearest_neighbours.features
    monkeypatch.setattr(nearest_neighbours, "features", lambda _, scalars: seen.append(scalars) or made(_, scalars))
    given = baseline("nearest_neighbours").model_copy(update=INPUTS)
    baselines.fit_job(*small, given, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES[:-1])
    for scalars in seen:
        assert list(scalars) == ["ln_z", "redshift"]
        np.testing.assert_array_equal(scalars["ln_z"], np.log(scalars["redshift"]))
        assert scalars.columns["ln_z"].description == "ln(redshift)"
    assert json.loads((tmp_path / "seed-1/run.json").read_text())["derived"] == INPUTS["derived"]


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("ln(redshfit)", r"dataset\.h5: derived\.ln_z: no scalar 'redshfit' of .*; found redshift\. Did you mean"),
        ("ln(-redshift)", r"dataset\.h5: inputs: 'ln_z', 'ln\(-redshift\)', has no known value in the training part"),
    ],
)
def test_a_formula_that_does_not_suit_the_dataset_is_named(formula, words, small):
    with pytest.raises(ValueError, match=words):
        prepare(runs.load(*small, JOB.label), JOB.model_copy(update={"derived": {"ln_z": formula}}))
