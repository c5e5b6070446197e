"""A run's folder comes back as it was written."""

import json
from dataclasses import replace

import numpy as np
import pytest

from skybake.data.dataset import load_dataset
from skybake.files import file_digest
from skybake.results import run_folder
from skybake.results.predictions import Prediction
from skybake.results.run_folder import Record, Timing

FILES = ["model.keras", "history.csv", "predictions.h5", "timing.json", "run.json"]
RECORD = Record(
    **{"dataset": "d", "model": "dense", "loss": "huber-delta=0.3", "seed": 1, "task": "regression", "label": "y"},
    **{"units": "dex", "mock": True, "library_model": "dense", "library_loss": "huber"},
    loss_parameters={"delta": 0.3},
    n_train=3,
    n_valid=2,
    fingerprint="ab",
)
TIMING = Timing(train_seconds=2.5, epoch_seconds=(1.0, 1.5), epoch_seconds_median=1.25)
ROWS = [{"epoch": 1, "loss": 0.1 + 0.2, "val_loss": 1 / 3}, {"epoch": 2, "loss": 0.2, "val_loss": float("nan")}]


@pytest.fixture
def written(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"network")
    part = np.array([7, 4]), Prediction(point=np.array([0.5, 1.5]))
    run_folder.write(tmp_path, RECORD, TIMING, ROWS, {"valid": part}, ids_digest="ab")
    return tmp_path


def test_what_is_written_is_read(written):
    record = run_folder.read_record(written)
    assert record.files == {
        name: file_digest(written / name) for name in ("history.csv", "model.keras", "predictions.h5")
    }
    assert replace(record, files={}) == RECORD
    assert run_folder.read_timing(written) == TIMING
    history = run_folder.read_history(written)
    assert history[0] == ROWS[0]
    assert np.isnan(history[1]["val_loss"])


def test_what_a_run_does_not_have_is_not_written(written):
    names = json.loads((written / "run.json").read_text())
    assert not {"n_test", "classes", "point", "diverged", "class_weights"} & set(names)
    assert names["best_epoch"] is None


def test_a_label_without_units_has_a_record_too(tmp_path):
    given = replace(RECORD, units="", library_loss=None)
    run_folder.write(tmp_path, given, TIMING, [], {}, ids_digest="ab")
    assert replace(run_folder.read_record(tmp_path), files={}) == given


def test_a_baseline_has_a_history_without_epochs(tmp_path):
    run_folder.write(tmp_path, RECORD, TIMING, [], {}, ids_digest="ab")
    assert (tmp_path / "history.csv").read_text() == "epoch,loss,val_loss\n"
    assert run_folder.read_history(tmp_path) == []


def test_predictions_are_read_with_their_dataset(small, tmp_path):
    dataset = load_dataset(small[0])
    record = replace(RECORD, label="log10_mass", split={"strategy": "group"})
    part = np.array([7, 4]), Prediction(point=np.array([0.5, 1.5]))
    run_folder.write(tmp_path, record, TIMING, [], {"valid": part}, dataset.digest)
    found = run_folder.read_predictions(tmp_path, "valid", dataset)
    assert list(found.prediction.point) == [0.5, 1.5]
    assert list(found.ids) == ["object-7", "object-4"]
    assert list(found.groups) == ["group-2", "group-1"]


@pytest.mark.parametrize("change", [{"unknown": 1}, {"library_model": None}])
def test_a_record_of_another_version_is_refused(change, written):
    values = json.loads((written / "run.json").read_text()) | change
    (written / "run.json").write_text(json.dumps({key: value for key, value in values.items() if value is not None}))
    with pytest.raises(ValueError, match=r"run\.json: not written by this version.*Hint: train again"):
        run_folder.read_record(written)


def test_a_whole_run_is_known_by_its_fingerprint_and_digests(written):
    assert run_folder.is_whole(written, "ab", FILES)
    assert not run_folder.is_whole(written, "cd", FILES)
    (written / "model.keras").write_bytes(b"another")
    assert not run_folder.is_whole(written, "ab", FILES)


@pytest.mark.parametrize("name", ["run.json", "timing.json"])
def test_a_run_cut_short_is_not_whole(name, written):
    (written / name).write_text("{")
    assert not run_folder.is_whole(written, "ab", FILES)
