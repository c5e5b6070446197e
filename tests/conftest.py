"""Data that several tests share."""

import importlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from skybake import plugins
from skybake.data import splits
from skybake.data.columns import Column, Schema
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset

for _name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ[_name] = "1"  # whichever test imports the framework first, it has the threads that training asks for

ROOT = Path(__file__).parents[1]
SCHEMA = Schema(
    survey="efeds",
    task="regression",
    bands=("soft", "hard"),
    image=Column("counts", "test images"),
    labels={"log10_mass": Column("log10 Msun", "test label", "mass", outlier=0.3)},
    scalars={"redshift": Column("", "test scalar", "redshift")},
    raw={"test.npy": "0" * 64},
    mock=True,
)


def write_dataset(path, *, n=120, size=32, seed=0, prefix="object", missing=(), missing_scalars=()):
    """Write blobs whose total flux and redshift tell the label, with a little noise; groups of three objects."""
    rng = np.random.default_rng(seed)
    label = rng.normal(14.2, 0.35, n)
    redshift = rng.uniform(0.1, 0.9, n)
    y, x = np.mgrid[:size, :size] - size / 2 + 0.5
    profile = np.exp(-0.5 * (x**2 + y**2) / (size / 8) ** 2)
    flux = 10 ** (label - 14.2) / (0.5 + redshift)
    image = flux[:, None, None, None] * profile[None, :, :, None] * np.array([1.0, 0.6])
    image = image + rng.normal(0, 0.05, image.shape)
    label[list(missing)] = np.nan
    redshift[list(missing_scalars)] = np.nan
    with create_dataset(path, SCHEMA) as writer:
        writer.append(
            image=image,
            id=[f"{prefix}-{i}" for i in range(n)],
            group=[f"group-{i // 3}" for i in range(n)],
            labels={"log10_mass": label},
            scalars={"redshift": redshift},
        )
    return path


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A dataset of 120 objects, 32x32x2, and its split."""
    folder = tmp_path_factory.mktemp("small")
    path = write_dataset(folder / "dataset.h5", missing=[3])
    split = splits.make(load_dataset(path), {"strategy": "holdout", "test": 0.2, "valid": 0.2, "seed": 40})
    splits.write(folder / "split.h5", split)
    return path, folder / "split.h5"


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real survey data; a test that needs it is skipped where it is missing."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real survey data are not beside the checkout, in ../shared/data")
    return folder


@pytest.fixture(scope="session")
def rsync():
    """Snakemake's plugin for storage copies with rsync: as root on Debian it is installed, else it must be there."""
    install, said = "apt-get update && apt-get install -y --no-install-recommends rsync", ""
    for _ in range(30):  # apt-get may be at work for another test
        if shutil.which("rsync"):
            return
        done = subprocess.run(install, shell=True, capture_output=True, text=True, check=False)
        said = done.stdout + done.stderr
        if "lock" not in said:
            break
        time.sleep(10)
    assert shutil.which("rsync"), f"no rsync, and it could not be installed: {said[-1000:]}"


@pytest.fixture
def new_plugin(tmp_path, monkeypatch):
    """Write a file into a room of the library, as if it lay there: ``(room, name, text)``; others stay."""
    known, added = plugins._files, {}

    def add(room, name, text):
        path = tmp_path / "rooms" / room / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        package = importlib.import_module(f"skybake.{room.replace('/', '.')}")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
        added.setdefault(room, {})[name] = path
        plugins.in_room.cache_clear()
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)

    monkeypatch.setattr(plugins, "_files", lambda room: dict(sorted({**known(room), **added.get(room, {})}.items())))
    yield add
    plugins.in_room.cache_clear()
    for room, files in added.items():
        for name in files:
            sys.modules.pop(f"skybake.{room.replace('/', '.')}.{name}", None)
            vars(importlib.import_module(f"skybake.{room.replace('/', '.')}")).pop(name, None)
