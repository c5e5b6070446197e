"""Locks of HDF5 files."""

import os
import subprocess
import sys

import h5py
import numpy as np
import pytest

from skybake import hdf5
from skybake.data import splits
from skybake.data.dataset import load_dataset
from skybake.results import attributions
from tests.conftest import ROOT
from tests.unit._synthetic_runs import read_part, write_dataset, write_run

TEXTS = dict.fromkeys(attributions.TEXTS, "") | {"model": "m"}
INSIDE = attributions.Attributions(
    **TEXTS,
    **{"seed": 1, "mock": True, "bands": ("g",), "classes": (), "ids": np.array(["a"], dtype=object)},
    **dict.fromkeys(("true", "predicted", "explained", "blank"), np.zeros(1)),
    images=np.zeros((1, 4, 4, 1)),
)
HOLDS = "import h5py, sys; files = [h5py.File(path, 'r+') for path in sys.argv[1:]]; print(1, flush=True); input()"


@pytest.fixture
def held(monkeypatch):
    """Open files for writing in another process, whose locks they have until the test ends."""
    monkeypatch.delenv("HDF5_USE_FILE_LOCKING", raising=False)
    holders = []

    def hold(*paths):
        environment = {name: value for name, value in os.environ.items() if name != "HDF5_USE_FILE_LOCKING"}
        command = [sys.executable, "-c", HOLDS, *map(str, paths)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        holders.append(subprocess.Popen(command, cwd=ROOT, env=environment, **pipes))
        assert holders[-1].stdout.readline() == b"1\n"
        for path in paths:  # else the test shows nothing
            with pytest.raises(OSError, match="unable to lock file"):
                h5py.File(path, "r", locking=True)

    yield hold
    for holder in holders:
        holder.communicate(b"\n", timeout=30)


def test_files_are_read_whoever_has_locked_them(tmp_path, held):
    opened = load_dataset(write_dataset(tmp_path / "d.h5", n=40))
    split = splits.make(opened, {"strategy": "holdout", "test": 0.2, "valid": 0.2, "seed": 1})
    splits.write(tmp_path / "s.h5", split)
    attributions.write(tmp_path / "i.h5", INSIDE)
    run = write_run(tmp_path / "run", n=20)
    held(tmp_path / "d.h5", tmp_path / "s.h5", tmp_path / "i.h5", run / "predictions.h5")
    found = load_dataset(tmp_path / "d.h5")
    assert found.images(np.arange(3)).shape == (3, 4, 4, 2)
    assert splits.load(tmp_path / "s.h5", found).digest == split.digest
    assert attributions.read(tmp_path / "i.h5").model == "m"
    assert len(read_part(run, "test").ids) == 20


def test_a_lock_that_is_refused_is_named_when_writing(tmp_path, held):
    path = write_dataset(tmp_path / "d.h5", n=40)
    held(path)
    for mode in ("r+", "w"):
        with (
            pytest.raises(hdf5.LockError, match=r"file locks are refused .*HDF5_USE_FILE_LOCKING=FALSE") as error,
            hdf5.write(path, mode),
        ):
            pass
        assert str(error.value).startswith(f"{path}: ")


def test_other_errors_in_writing_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError), hdf5.write(tmp_path / "nowhere/d.h5"):
        pass


def test_all_files_are_opened_in_one_place():
    """Else the next reader would lock again."""
    others = [path for path in (ROOT / "skybake").rglob("*.py") if path.name != "hdf5.py"]
    assert len(others) > 50
    assert [path.name for path in others if "h5py.File(" in path.read_text(encoding="utf-8")] == []
