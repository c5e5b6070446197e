"""What a job finds where it runs; the packages that every image has are enough for it."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skybake import hdf5

# What a job asks SLURM for, in the words of Snakemake's resources.
ASKED = (
    *("slurm_account", "slurm_partition", "qos", "constraint", "gpu", "gpu_model", "gres"),
    *("mem_mb", "mem_mb_per_cpu", "runtime", "slurm_extra"),
)
GIVEN = ("SLURM_JOB_ID", "SLURM_JOB_ACCOUNT", "SLURM_JOB_PARTITION", "SLURM_JOB_QOS", "CUDA_VISIBLE_DEVICES")


def write(path: Path, resources: Mapping[str, Any], **more: Any) -> None:
    """Look around and write what was found as JSON.

    Args:
        path: The file; the folder of results is two levels above it.
        resources: What the job asks for, as Snakemake knows it.
        more: What else was found.
    """
    results = path.parents[1]
    found = {
        "asked": {name: resources.get(name) for name in ASKED if resources.get(name) is not None},
        "given": {name: os.environ[name] for name in GIVEN if name in os.environ},
        "node": platform.node(),
        "image": os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER", ""),
        "prefix": sys.prefix,
        "python": platform.python_version(),
        "compiled": Path(importlib.util.cache_from_source(np.__file__)).exists(),
        "locks": lock_error(results),
        "free": {"/tmp": free_gb(Path("/tmp")), "results": free_gb(results)},
        "ahead": seconds_ahead(results),
        "time": time.time(),
        **more,
    }
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def lock_error(folder: Path) -> str:
    """Write an HDF5 file and read it as the steps do; return what HDF5 says if that fails, else an empty text."""
    path = folder / f".doctor-{platform.node()}-{os.getpid()}.h5"
    try:
        with hdf5.write(path) as file:
            file["number"] = 1.0
        with hdf5.read(path) as file:
            return "" if file["number"][()] == 1.0 else "the file does not hold what was written"
    except OSError as error:
        return str(error)
    finally:
        path.unlink(missing_ok=True)


def free_gb(folder: Path) -> float:
    """Return the free space of a folder's file system in GB; a quota may leave less."""
    return shutil.disk_usage(folder).free / 1e9


def seconds_ahead(folder: Path) -> float:
    """Return by how many seconds the clock of a folder's file system is ahead of this machine's."""
    path = folder / f".doctor-{platform.node()}-{os.getpid()}.time"
    try:
        before = time.time()
        path.write_text("what time is it?", encoding="utf-8")
        stamp, after = path.stat().st_mtime, time.time()
    finally:
        path.unlink(missing_ok=True)
    return stamp - min(max(stamp, before), after)
