"""Objects reach a network in one order, whether their images are in memory or on disk."""

import dataclasses
import json
import logging
import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from skybake import baselines, plugins
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.training import backend, epochs, feeding, runs
from skybake.training import images as image_steps
from skybake.training.checkpoints import Checkpoint
from skybake.training.images import log
from skybake.training.train import train_job
from tests.conftest import ROOT, write_dataset
from tests.training_settings import job

FILES = ["history.csv", "model.keras", "predictions.h5", "run.json", "timing.json"]
MANY = 700  # eleven chunks, the last one not full
CHUNK_MB = 64 * 16 * 16 * 2 * 4 / 1e6
ALL_MB = MANY * CHUNK_MB / 64


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """A dataset of 700 objects, 16x16x2, split at random: every chunk holds objects of all parts."""
    folder = tmp_path_factory.mktemp("many")
    path = write_dataset(folder / "dataset.h5", n=MANY, size=16, missing=[3], missing_scalars=[7])
    split = splits.make(load_dataset(path), {"strategy": "holdout", "test": 0.2, "valid": 0.2, "seed": 40})
    splits.write(folder / "split.h5", split)
    return path, folder / "split.h5"


@pytest.fixture
def small_handfuls(monkeypatch):
    """Three chunks of 16x16x2 float32 at a time."""
    monkeypatch.setattr(feeding, "HANDFUL_MB", 3 * CHUNK_MB)
    monkeypatch.setattr(feeding, "LEAST_CHUNKS", 1)


def images(many, *, disk, part="train"):
    opened = load_dataset(many[0])
    rows = getattr(splits.load(many[1], opened), part)
    return feeding.parts_of({part: rows}, opened, memory_limit_mb=0.01 if disk else 100)[part]


@pytest.mark.parametrize("shuffle", ["objects", "chunks"])
@pytest.mark.parametrize("seed", [None, 1])
def test_every_object_stands_once_in_an_epoch(shuffle, seed, many, small_handfuls):
    source = images(many, disk=True)
    orders = [np.concatenate(source.handfuls(shuffle, seed, epoch)) for epoch in (0, 1)]
    for order in orders:
        assert sorted(order) == list(range(len(source)))
    assert np.array_equal(*orders) == (seed is None)
    again = np.concatenate(source.handfuls(shuffle, seed, 1))
    assert np.array_equal(again, orders[1])


def test_a_handful_is_of_few_chunks_and_well_shuffled(many, small_handfuls):
    source = images(many, disk=True)
    handfuls = source.handfuls("chunks", 1, 0)
    assert len(handfuls) == 4  # of eleven chunks, three at a time
    for handful in handfuls:
        assert len(set(source.rows[handful] // 64)) <= 3
        assert (np.diff(source.rows[handful]) < 0).mean() > 0.3
    assert {frozenset(source.rows[piece] // 64) for piece in handfuls} != {
        frozenset(source.rows[piece] // 64) for piece in source.handfuls("chunks", 1, 1)
    }


@pytest.mark.parametrize("name", ["none", "standardise", "log", "per_pixel", "robust"])
def test_steps_fitted_from_disk_are_those_fitted_in_memory(name, many):
    held, read = (images(many, disk=disk) for disk in (False, True))
    first, second = (image_steps.fit(job(images=name).training.images, source) for source in (held, read))
    assert first.as_dict() == second.as_dict()
    if name in ("standardise", "per_pixel"):
        pixels = held.in_memory.astype(np.float64)
        axes = 0 if name == "per_pixel" else (0, 1, 2)
        np.testing.assert_allclose(first.numbers["mean"], pixels.mean(axis=axes), rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(first.numbers["std"], pixels.std(axis=axes), rtol=1e-12)
    for source, step in ((held, first), (read, second)):
        source.prepare(step)
    places = np.array([5, 3, 200, 4])
    np.testing.assert_array_equal(held.read(places), read.read(places))


def test_the_noise_of_many_pixels_is_that_of_some_spread_over_the_file(many, monkeypatch):
    source = images(many, disk=True)
    exact = log.fit(source, log.Options())["noise"]
    monkeypatch.setattr(log, "SAMPLE_PIXELS", 16 * 16 * 100)
    some = log.fit(source, log.Options())["noise"]
    np.testing.assert_allclose(some, exact, rtol=0.03)
    assert not np.array_equal(some, exact)


def test_handfuls_of_large_images_are_of_many_chunks_still(many, monkeypatch):
    monkeypatch.setattr(feeding, "HANDFUL_MB", 0.5 * CHUNK_MB)
    monkeypatch.setattr(feeding, "LEAST_CHUNKS", 4)
    source = images(many, disk=True)
    assert [len(set(source.rows[piece] // 64)) for piece in source.handfuls("chunks", 1, 0)] == [4, 4, 3]


def test_no_more_than_two_handfuls_are_held(many, small_handfuls):
    source = images(many, disk=True)
    stream, taken, buffers = feeding.Stream(source), [], set()
    for epoch in (0, 1):
        handfuls = source.handfuls("chunks", 1, epoch)
        stream.start(handfuls)
        for first in range(0, len(source), 30):
            taken.append(stream.take(first, min(first + 30, len(source))))
            assert len(stream._reading) <= 2
            buffers |= {id(buffer) for buffer in stream._buffers.values()}
            assert sum(buffer.nbytes for buffer in stream._buffers.values()) <= 2 * 3 * CHUNK_MB * 1e6
        np.testing.assert_array_equal(np.concatenate(taken), source.read(np.concatenate(handfuls)))
        taken.clear()
    assert len(buffers) <= 4


def test_what_was_taken_is_not_overwritten(many, small_handfuls):
    source = images(many, disk=True)
    stream, handfuls = feeding.Stream(source), source.handfuls("chunks", 1, 0)
    stream.start(handfuls)
    taken = [stream.take(first, first + 7) for first in range(0, 420, 7)]  # kept, as a framework may
    np.testing.assert_array_equal(np.concatenate(taken), source.read(np.concatenate(handfuls)[:420]))


def test_a_stream_can_be_taken_up_anywhere(many, small_handfuls):
    source = images(many, disk=True)
    handfuls = source.handfuls("chunks", 1, 0)
    stream, order = feeding.Stream(source), np.concatenate(handfuls)
    stream.start(handfuls)
    for first, last in ((0, 32), (32, 64), (400, 420), (0, 32), (100, 430), (0, 420)):
        np.testing.assert_array_equal(stream.take(first, last), source.read(order[first:last]))


def test_a_chunk_is_read_once_an_epoch(many, small_handfuls, monkeypatch):
    source = images(many, disk=True)
    read = []
    before = h5py.Dataset.read_direct
    monkeypatch.setattr(
        h5py.Dataset, "read_direct", lambda self, to, rows, at: (read.append(rows.start), before(self, to, rows, at))
    )
    stream = feeding.Stream(source)
    stream.start(source.handfuls("chunks", 1, 0))
    for first in range(0, len(source), 32):
        stream.take(first, min(first + 32, len(source)))
    assert sorted(read) == list(range(0, MANY, 64))


def test_another_file_under_the_same_name_does_not_come_between(many, tmp_path):
    path = write_dataset(tmp_path / "dataset.h5", n=100, size=8)
    opened = load_dataset(path)
    source = feeding.parts_of({"train": np.arange(100)}, opened, 0.01)["train"]
    before = source.read(np.arange(100))
    write_dataset(path, n=100, size=8, seed=1)
    np.testing.assert_array_equal(source.read(np.arange(100)), before)
    assert not np.array_equal(opened.images(np.arange(100)), before)


@pytest.mark.parametrize(
    ("limit", "held"), [(0.1, ""), (0.25, "valid"), (0.45, "valid test"), (1.01, "train valid test")]
)
def test_parts_are_held_while_they_are_within_the_limit(limit, held, many):
    opened = load_dataset(many[0])
    split = splits.load(many[1], opened)
    rows = {part: getattr(split, part) for part in splits.PARTS}
    found = feeding.parts_of(rows, opened, limit * ALL_MB)
    assert {part for part, source in found.items() if source.in_memory is not None} == set(held.split())


def train(many, folder, **changes):
    given = job(
        "mixed_deeper_sequential",
        parameters={"filters": 4},
        epochs=3,
        augmentation="flips",
        shuffle="chunks",
        **changes,
    )
    run = folder / "seed-1"
    train_job(*many, given, {1: run}, folder / ".work", FILES)
    return run


@pytest.fixture
def held(many, small_handfuls, tmp_path):
    return train(many, tmp_path / "held")


@pytest.mark.parametrize("limit", [0.1, 0.25], ids=["all from disk", "validation in memory"])
def test_from_disk_and_in_memory_give_the_same_weights_and_predictions(limit, held, many, tmp_path, caplog):
    caplog.set_level(logging.INFO, "skybake")
    read = train(many, tmp_path / "read", memory_limit_mb=limit * ALL_MB)
    assert "from disk" in caplog.text
    for file in ("model.keras", "predictions.h5", "history.csv"):
        assert (held / file).read_bytes() == (read / file).read_bytes(), file
    assert [json.loads((run / "run.json").read_text())["shuffle"] for run in (held, read)] == ["chunks", "chunks"]


def test_interrupted_it_goes_on_in_the_same_order(held, many, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def save(self, state, before=Checkpoint.save):
        before(self, state)
        places.append((len(state.facts["History"]["rows"]), state.facts["Place"]["step"]))
        raise Killed

    places = []
    limit = {"memory_limit_mb": 0.1, "checkpoint_seconds": 0}
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", save)
        for _ in range(4):
            with pytest.raises(Killed):
                train(many, tmp_path / "read", **limit)
    assert places == [(0, 1), (0, 2), (0, 3), (0, 4)]
    read = train(many, tmp_path / "read", **limit)
    for file in ("model.keras", "predictions.h5", "history.csv"):
        assert (held / file).read_bytes() == (read / file).read_bytes(), file


@pytest.mark.parametrize("longest", [0.0, 1e9])
def test_how_long_a_call_is_changes_no_number(longest, held, many, tmp_path, monkeypatch):
    monkeypatch.setattr(epochs, "LONGEST_CALL", longest)
    found = train(many, tmp_path / "found")
    for file in ("model.keras", "predictions.h5", "history.csv"):
        assert (held / file).read_bytes() == (found / file).read_bytes(), file


def test_a_call_ends_in_time():
    pace = epochs.Pace()
    pace.took(1, 30.0)  # it compiles
    assert pace.steps == 1
    lengths = []
    for _ in range(8):  # 0.1 s a step
        lengths.append(pace.steps)
        pace.took(pace.steps, 0.1 * pace.steps)
    assert lengths[:3] == [1, 4, 16]
    assert 0.1 * max(lengths) <= epochs.LONGEST_CALL
    pace.took(64, 640.0)  # the machine has slowed down
    assert 10.0 * pace.steps <= epochs.LONGEST_CALL


def test_images_that_the_device_cannot_hold_come_in_pieces(held, many, tmp_path, monkeypatch):
    monkeypatch.setattr(backend, "fits", lambda size: False)
    found = train(many, tmp_path / "found")
    for file in ("model.keras", "predictions.h5", "history.csv"):
        assert (held / file).read_bytes() == (found / file).read_bytes(), file


def test_with_jax_too(many, tmp_path):
    script = """
import pathlib, sys
from skybake.training import backend, feeding
from skybake.training import train as training
from tests.training_settings import job
feeding.HANDFUL_MB, feeding.LEAST_CHUNKS = 0.4, 1
for name, limit, backend.LOOP_ON_CPU in (("held", 100, False), ("read", 0.1, False), ("loop", 100, True)):
    what = job("deeper_sequential", parameters={"filters": 4}, backend="jax", shuffle="chunks", memory_limit_mb=limit,
               augmentation="flips_and_turns")
    work = pathlib.Path(sys.argv[3]) / name
    training.train_job(*sys.argv[1:3], what, {1: work / "run"}, work / ".work",
                       ["history.csv", "model.keras", "predictions.h5", "run.json", "timing.json"])
"""
    subprocess.run(
        [sys.executable, "-c", script, *map(str, many), str(tmp_path)],
        check=True,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "KERAS_BACKEND"},
    )
    for file in ("model.keras", "predictions.h5", "history.csv"):
        assert (tmp_path / "held/run" / file).read_bytes() == (tmp_path / "read/run" / file).read_bytes(), file
    step_by_step, in_a_loop = (
        np.genfromtxt(tmp_path / name / "run/history.csv", delimiter=",", names=True) for name in ("held", "loop")
    )
    for column in ("loss", "val_loss"):  # the same arithmetic, which XLA fuses otherwise
        np.testing.assert_allclose(step_by_step[column], in_a_loop[column], rtol=1e-5)


def test_only_what_exceeds_the_limit_is_read_from_disk(many):
    opened = load_dataset(many[0])
    assert feeding.from_disk(opened, 0.99 * ALL_MB)
    assert not feeding.from_disk(opened, 1.01 * ALL_MB)


@pytest.mark.parametrize("name", ["constant", "redshift_only", "ridge_bands", "total_flux"])
def test_baselines_see_some_images_at_a_time(name, many, monkeypatch):
    data = runs.load(*many, "log10_mass")
    data = dataclasses.replace(data, split=dataclasses.replace(data.split, train=data.split.train[::-1]))
    module, what = plugins.in_room("baselines", "build")[name].load(), job(name)
    columns = {name: data.dataset.columns[f"scalar/{name}"] for name in what.inputs}
    for part in splits.PARTS:
        scalars = baselines.Scalars(data.scalars(what.inputs, part), columns)
        expected = module.features(data.dataset.images(data.rows[part]), scalars)
        monkeypatch.setattr(baselines, "BLOCK", 100 * 16 * 16 * 2)
        np.testing.assert_array_equal(baselines._features(module, what, data, part), expected)


def test_predictions_stand_in_the_order_of_the_part(many, tmp_path):
    from skybake.results import predictions

    run = train(many, tmp_path, memory_limit_mb=0.1)
    opened = load_dataset(many[0])
    found = predictions.read(run / "predictions.h5", "test", opened)
    np.testing.assert_array_equal(found.ids, opened.ids[splits.load(many[1], opened).test])
    known = np.isfinite(found.label)
    assert np.corrcoef(found.label[known], found.prediction.point[known])[0, 1] > 0.5
