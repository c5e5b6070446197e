"""Trainings that start from a trained network, whole or with layers that are frozen."""

import json
from dataclasses import replace

import keras
import numpy as np
import pytest

from skybake import heads
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.files import file_digest
from skybake.training import backend, runs
from skybake.training.network import compose_network
from skybake.training.starting import begin, check_start, freeze, read_start
from skybake.training.train import train_job
from tests.conftest import write_dataset
from tests.training_settings import job

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras"]
SMALL = {"parameters": {"filters": 4}, "epochs": 1}
STILL = {"optimizer": {"name": "sgd", "learning_rate": 1e-30}}  # weights stay those of the start
SHAPES = {"image": (32, 32, 2), "scalars": (1,)}


def of(loss="mse", **changes):
    return job("deeper_sequential", loss, **{**SMALL, **changes})


def network(given, head="point"):
    keras.utils.clear_session()
    return compose_network(given, SHAPES, heads.HEADS[head]())


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    """A run."""
    backend.start("tensorflow", threads=1, precision="float32")
    folder = tmp_path_factory.mktemp("trained")
    train_job(*small, of(), {1: folder / "seed-1"}, folder / ".work", FILES)
    return folder / "seed-1"


@pytest.fixture(scope="module")
def start(trained):
    return read_start(trained / "model.keras")


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another dataset of the same kind, and its split."""
    folder = tmp_path_factory.mktemp("other")
    path = write_dataset(folder / "dataset.h5", n=60, seed=5, prefix="other")
    split = splits.make(load_dataset(path), {"strategy": "holdout", "test": 0.2, "valid": 0.2, "seed": 1})
    splits.write(folder / "split.h5", split)
    return path, folder / "split.h5"


def weights(folder):
    model = keras.saving.load_model(folder / "model.keras", compile=False)
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


def same(some, others):
    return all(np.array_equal(one, two) for one, two in zip(some, others, strict=True))


def test_it_begins_with_the_weights_and_says_so(trained, other, tmp_path, capsys):
    path = str(trained / "model.keras")
    given = of(start_from=path, **STILL)
    train_job(*other, given, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES, start=trained / "model.keras")
    before, after = weights(trained), weights(tmp_path / "seed-1")
    assert list(before) == list(after)
    assert all(same(before[name], after[name]) for name in before)
    assert f"seed 1: starting from {path}, head taken; images, scalars and labels are scaled by" in (
        capsys.readouterr().out
    )
    record = json.loads((tmp_path / "seed-1" / "run.json").read_text())
    assert record["start"] == {"dataset": "small", "model": given.model, "loss": "mse", "seed": 1, "head": "taken"}
    assert record["digests"]["start_from"] == file_digest(path)
    scaled = json.loads((trained / "run.json").read_text())["targets"]
    assert record["targets"] != scaled


def test_another_network_in_the_same_file_trains_again(trained, other, tmp_path):
    path = tmp_path / "start.keras"
    given = of(start_from=str(path), freeze=["conv2d*"])
    marks, found = [], []
    for change in (0.0, 1.0):
        model = keras.saving.load_model(trained / "model.keras", compile=False)
        model.get_layer("conv2d").bias.assign(model.get_layer("conv2d").bias + change)
        model.save(path)
        train_job(*other, given, {1: tmp_path / "seed-1"}, tmp_path / ".work", FILES, start=path)
        marks.append(json.loads((tmp_path / "seed-1" / "run.json").read_text())["fingerprint"])
        found.append(weights(tmp_path / "seed-1"))
        kept = {layer.name: same(found[-1][layer.name], layer.get_weights()) for layer in model.layers if layer.weights}
        assert kept == {name: name.startswith("conv2d") for name in kept}
    assert marks[0] != marks[1]
    record = json.loads((tmp_path / "seed-1" / "run.json").read_text())
    assert record["start"]["frozen"] == [name for name in kept if name.startswith("conv2d")]
    trained_ones = sum(weight.size for name, values in found[1].items() for weight in values if not kept[name])
    assert record["parameters"] == trained_ones


def test_a_head_of_another_kind_is_left_at_its_start(start):
    given = of("gaussian_nll")
    model = network(given, "gaussian")
    head = model.get_layer("head").get_weights()
    assert begin(model, start, given, ())["head"] == "left at its start: 'point' found, 'gaussian' expected"
    assert same(model.get_layer("head").get_weights(), head)
    assert same(model.get_layer("conv2d").get_weights(), start.layers["conv2d"])


def test_a_head_of_other_classes_is_left_at_its_start(start):
    classes = replace(start, record={**start.record, "classes": ["star", "galaxy"]})
    said = begin(network(of()), classes, of(), ("FRI", "FRII"))["head"]
    assert said == "left at its start: the classes star, galaxy found, FRI, FRII expected"
    assert begin(network(of()), classes, of(), ("star", "galaxy"))["head"] == "taken"


def test_layers_that_do_not_fit_are_named(start):
    larger = of(parameters={"filters": 8})
    with pytest.raises(
        ValueError, match=r"conv2d: \(3, 3, 2, 4\) and \(4,\) found, \(3, 3, 2, 8\) and \(8,\) expected"
    ):
        begin(network(larger), start, larger, ())
    fewer = replace(start, layers={name: found for name, found in start.layers.items() if name != "conv2d"})
    with pytest.raises(ValueError, match=r"conv2d: no such layer found, \(3, 3, 2, 4\)"):
        begin(network(of()), fewer, of(), ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inputs": {"image": (32, 32, 3), "scalars": (1,)}}, r"\(32, 32, 3\); expected \(32, 32, 2\)"),
        ({"record": {"bands": ["u", "z"]}}, r"a network of the bands \['u', 'z'\]; expected \["),
        ({"record": {"inputs": ["mag_r"]}}, r"a network of the scalars \['mag_r'\]; expected \['redshift'\]"),
        ({"inputs": {"image": (32, 32, 2)}, "record": {}}, r"a network of the scalars 0; expected \['redshift'\]"),
    ],
)
def test_a_network_of_other_inputs_is_refused(changes, words, start, small):
    with pytest.raises(ValueError, match=words):
        check_start(replace(start, **changes), of(), runs.load(*small, "log10_mass"))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"none")
    with pytest.raises(ValueError, match=r"model.keras: Keras cannot read it .*expected a network"):
        read_start(tmp_path / "model.keras")


def test_a_pattern_of_no_layer_is_refused_with_the_layers(start):
    model = network(of())
    known = ", ".join(start.layers)
    with pytest.raises(
        ValueError, match=f"no layer with weights is called 'cnv.': known: {known}".replace(":", "[:;]")
    ):
        freeze(model, ["conv2d", "cnv*"])
    with pytest.raises(ValueError, match="leaves nothing to train"):
        freeze(network(of()), ["*"])
