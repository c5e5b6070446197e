"""Versions and hardware, as a run's record keeps them."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import skybake


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of skybake, Python and those of the packages that are installed."""
    found = {"skybake": skybake.__version__, "python": platform.python_version()}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the processor's name and the vector instructions that change the bits of a training."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    flags = fields.get("flags", "").split()
    vector = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    return " ".join([fields.get("model name", platform.machine()), *vector])


def nvidia_driver() -> str:
    """Return the version of the NVIDIA driver; empty where there is none."""
    try:
        line = Path("/proc/driver/nvidia/version").read_text(encoding="utf-8").splitlines()[0]
        return next(word for word in line.split() if word[:1].isdigit())
    except (OSError, IndexError, StopIteration):
        pass
    try:
        command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.split("\n")[0].strip() if done.returncode == 0 else ""


def nvidia_libraries() -> dict[str, str]:
    """Return the versions of CUDA's libraries that were installed as Python packages."""
    names = {distribution.metadata["Name"] or "" for distribution in metadata.distributions()}
    return {name: metadata.version(name) for name in sorted(names) if name.startswith("nvidia-")}
