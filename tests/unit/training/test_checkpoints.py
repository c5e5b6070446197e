"""A training that dies goes on where it stopped, and nothing of the result tells."""

import dataclasses
import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from skybake.training import callbacks
from skybake.training.checkpoints import Checkpoint, Interrupted, State, sigterm_is_a_warning
from skybake.training.train import train_job
from tests.conftest import ROOT
from tests.training_settings import job

FILES = ["history.csv", "model.keras", "predictions.h5", "run.json", "timing.json"]
SAME = ("history.csv", "model.keras", "predictions.h5", "run.json")

# Dropout, augmentation, a learning rate that falls, early stopping, the best weights: all that has a memory.
DEMANDING = {
    "model": "lesson_cnn_dropout",
    "inputs": (),
    "epochs": 8,
    "checkpoint_seconds": 0,  # after every call
    "augmentation": "flips_and_turns",
    "schedule": {"name": "plateau", "factor": 0.5, "patience": 1, "minimum": 1e-6},
    "early_stopping": {"patience": 5, "min_delta": 0.0},
}


def demanding(**changes):
    given = {**DEMANDING, **changes}
    return job(given.pop("model"), **given)


def train(small, given, folder, seeds=(1,)):
    folders = {seed: folder / f"seed-{seed}" for seed in seeds}
    train_job(*small, given, folders, folder / ".work", FILES)
    return folders


@pytest.fixture(scope="module")
def uninterrupted(small, tmp_path_factory):
    return train(small, demanding(), tmp_path_factory.mktemp("uninterrupted"))[1]


STATE = State({"epoch": 3, "loss": [0.1, float("inf")]}, {"weights": [np.arange(3.0), np.array(7)], "best": []})


def test_a_state_comes_back_as_it_was(tmp_path):
    checkpoint = Checkpoint(tmp_path / "x" / "seed-1.npz", "mark")
    checkpoint.save(STATE)
    found = checkpoint.load()
    assert found.facts == STATE.facts
    assert [list(map(np.shape, found.arrays[name])) for name in STATE.arrays] == [[(3,), ()], []]
    np.testing.assert_array_equal(found.arrays["weights"][0], STATE.arrays["weights"][0])
    checkpoint.finish(goes_on=True)
    assert checkpoint.load().arrays.keys() == STATE.arrays.keys()
    checkpoint.finish(goes_on=False)
    assert checkpoint.load().facts == STATE.facts
    assert checkpoint.load().arrays == {}


def test_the_state_of_another_training_is_not_taken_up(tmp_path):
    Checkpoint(tmp_path / "a.npz", "one").save(STATE)
    assert Checkpoint(tmp_path / "a.npz", "other").load() is None


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "text"])
def test_a_damaged_state_is_not_taken_up(damage, tmp_path):
    checkpoint = Checkpoint(tmp_path / "a.npz", "mark")
    big = State({}, {"weights": [np.arange(1000.0)]})
    checkpoint.save(big)
    whole = bytearray(checkpoint.path.read_bytes())
    whole[len(whole) // 2] ^= 255
    content = {"cut": whole[: len(whole) // 2], "flipped": whole, "empty": b"", "text": b"no archive"}[damage]
    checkpoint.path.write_bytes(bytes(content))
    assert checkpoint.load() is None


class Killed(BaseException):
    """Ends a training as a signal would."""


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": 3},
        {"epochs": 3, "weights": "last", "schedule": {"name": "cosine", "warmup_epochs": 1.5}},
        {"early_stopping": {"patience": 2, "min_delta": 9.0}},  # it stops early, and is interrupted then too
    ],
)
def test_interrupted_after_every_call_it_gives_the_same_bytes(changes, small, tmp_path, monkeypatch):
    given = demanding(**changes)
    expected = train(small, given, tmp_path / "alone")[1]
    save = Checkpoint.save

    def and_die(self, state):
        save(self, state)
        if state.arrays:  # else the training is done
            raise Killed

    interruptions = 0
    monkeypatch.setattr(Checkpoint, "save", and_die)
    for _ in range(40):
        try:
            found = train(small, given, tmp_path / "often")[1]
            break
        except Killed:
            interruptions += 1
    record = json.loads((expected / "run.json").read_text())
    # A training that goes on makes its first call of one step: three steps, and the end of the epoch.
    assert (interruptions, record["epochs"]) == (4 * 3, 3)
    for file in SAME:
        assert (found / file).read_bytes() == (expected / file).read_bytes(), file
    assert len(json.loads((found / "timing.json").read_text())["epoch_seconds"]) == record["epochs"]
    with np.load(tmp_path / "often" / ".work" / "seed-1.npz") as left:  # more epochs of a cosine begin anew
        assert (len(left) == 1) is (given.training.schedule.name == "cosine")


def test_time_before_the_interruption_counts(small, tmp_path, monkeypatch):
    given, save = demanding(epochs=2), Checkpoint.save

    def after_an_hour(self, state):
        timing = {**state.facts["Clock"], "seconds": 3600.0}
        save(self, dataclasses.replace(state, facts={**state.facts, "Clock": timing}))
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", after_an_hour)
        with pytest.raises(Killed):
            train(small, given, tmp_path)
    found = train(small, given, tmp_path)[1]
    assert 3600 < json.loads((found / "timing.json").read_text())["train_seconds"] < 3660


@pytest.mark.parametrize("moment", ["on_train_batch_end", "on_test_batch_end", "on_epoch_end"])
def test_sigterm_at_any_moment_keeps_all(moment, small, tmp_path, monkeypatch, uninterrupted):
    """No time has passed since the start, so nothing but SIGTERM makes the state be saved."""
    given = demanding(checkpoint_seconds=3600)
    before = getattr(callbacks.StopOnSigterm, moment)
    calls = []

    def later(self, number, logs=None):
        calls.append(number)
        if len(calls) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        before(self, number, logs)

    with monkeypatch.context() as patch:
        patch.setattr(callbacks.StopOnSigterm, moment, later)
        with pytest.raises(Interrupted, match="SIGTERM came"):
            train(small, given, tmp_path)
    assert len(calls) == 3
    found = train(small, given, tmp_path)[1]
    for file in ("history.csv", "model.keras", "predictions.h5"):
        assert (found / file).read_bytes() == (uninterrupted / file).read_bytes(), file


def test_the_state_is_saved_by_time_and_at_the_end(small, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda self, state: saved.append(state.facts["Place"]["step"]))
    train(small, demanding(epochs=3, checkpoint_seconds=3600), tmp_path / "seldom")
    assert saved == [0]
    saved.clear()
    train(small, demanding(epochs=3, checkpoint_seconds=0), tmp_path / "often")
    assert saved == [1, 3, 0, 3, 0, 3, 0]  # the first call is of one step


def test_another_config_begins_anew(small, tmp_path, monkeypatch):
    save = Checkpoint.save

    def and_die(self, state):
        save(self, state)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", and_die)
        with pytest.raises(Killed):
            train(small, demanding(epochs=3, batch_size=16), tmp_path)
    found = train(small, demanding(epochs=3), tmp_path)[1]
    alone = train(small, demanding(epochs=3), tmp_path / "alone")[1]
    assert (found / "model.keras").read_bytes() == (alone / "model.keras").read_bytes()


PROGRAM = """
import sys
from pathlib import Path
from tests.unit.training.test_checkpoints import demanding, train
train((Path(sys.argv[1]), Path(sys.argv[2])), demanding(), Path(sys.argv[3]))
"""


def test_kill_9_at_random_moments(small, tmp_path, uninterrupted):
    chance = random.Random(os.getpid())
    command = [sys.executable, "-c", PROGRAM, *map(str, small), str(tmp_path)]
    checkpoint = tmp_path / ".work" / "seed-1.npz"
    killed = 0
    for _ in range(3):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None and (not checkpoint.exists() or checkpoint.stat().st_mtime_ns == before):
                time.sleep(0.01)
            delay = chance.uniform(0, 0.3)
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == -signal.SIGKILL
        print(f"killed {delay:.3f} s after a call")
    assert killed >= 2  # the last one may have ended by itself
    subprocess.run(command, cwd=ROOT, check=True)
    for file in SAME:
        assert (tmp_path / "seed-1" / file).read_bytes() == (uninterrupted / file).read_bytes(), file


def test_sigterm_ends_a_training_after_its_call(small, tmp_path, uninterrupted):
    command = [sys.executable, "-c", PROGRAM, *map(str, small), str(tmp_path)]
    checkpoint = tmp_path / ".work" / "seed-1.npz"
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        while process.poll() is None and not checkpoint.exists():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        said = process.communicate()[1]
    assert process.returncode == 1
    assert "SIGTERM came" in said.splitlines()[-1]
    assert re.search(r"stopping (after epoch \d|in epoch \d (after step \d|before its validation)); all up to", said)
    assert checkpoint.exists()
    subprocess.run(command, cwd=ROOT, check=True)
    for file in SAME:
        assert (tmp_path / "seed-1" / file).read_bytes() == (uninterrupted / file).read_bytes(), file


def test_sigterm_is_heeded_only_while_asked_to():
    before = signal.getsignal(signal.SIGTERM)
    with sigterm_is_a_warning() as came:
        assert not came()
        os.kill(os.getpid(), signal.SIGTERM)
        assert came()
    assert signal.getsignal(signal.SIGTERM) is before


def test_tensorboard_logs_are_written_if_asked_for(small, tmp_path, uninterrupted):
    old = tmp_path / ".work" / "tensorboard" / "seed-1" / "events.of.another.config"
    old.parent.mkdir(parents=True)
    old.touch()
    run = train(small, demanding(tensorboard=True), tmp_path)[1]
    (events,) = (tmp_path / ".work" / "tensorboard" / "seed-1").iterdir()
    content = events.read_bytes()
    assert all(content.count(name) == 8 for name in (b"\n\x04loss\x15", b"\n\x08val_loss\x15"))
    assert (run / "model.keras").read_bytes() == (uninterrupted / "model.keras").read_bytes()
