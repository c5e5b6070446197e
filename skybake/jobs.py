"""What a job asks for: memory, run time, a GPU, and the folders that its container must see.

Every bake-off has training rules of its own, so a profile cannot name them; what it gives under
``set-resources: train`` goes to all of them (see ``profiles/slurm``).
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

ENVIRONMENTS = ("data", "train-cpu", "train-gpu", "report")  # of steps; envs/ and containers/ have one of each
TRAINING_MB = {"train-cpu": 2500, "train-gpu": 4000}  # beside the data: CUDA takes its part of the host's memory
TRAININGS = "train"  # under this name a profile sets the resources of all trainings
GPU_RESOURCES = ("gpu", "gpu_model", "gres")  # how SLURM is asked for a GPU


def memory(
    base: int,
    per_input: float = 0,
    in_part: Sequence[str] = (),
    at_most: float = math.inf,
    per_process: int = 0,
) -> Callable[..., int]:
    """Return a rule's ``mem_mb``: ``base`` MB and a multiple of the input's size, more with every attempt.

    Args:
        base, per_input: In MB, and MB for each MB of input.
        in_part: Names of inputs that are never read whole, whose size does not count.
        at_most: MB beside ``base``, however large the input: what does not fit is read from disk.
        per_process: MB for each of the rule's threads, where these are processes.
    """

    def mem_mb(wildcards, input, attempt, threads=1):
        size = input.size_mb - sum(Path(getattr(input, name)).stat().st_size / 1024**2 for name in in_part)
        return attempt * (base + per_process * threads + int(min(per_input * size, at_most)))

    return mem_mb


def minutes(limit: int) -> Callable[..., int]:
    """Return a rule's ``runtime``: so many minutes, more with every attempt."""

    def runtime(wildcards, attempt):
        return attempt * limit

    return runtime


def shared_by_trainings(given: Mapping[str, Any], devices: Mapping[str, str]) -> dict[str, Any]:
    """Return what a profile sets for each rule, with what it gives ``train`` handed to every training rule.

    Args:
        given: Rule -> resource -> value, as Snakemake read it.
        devices: Bake-off -> device, as the config says; no GPU is asked for to train on ``"cpu"``.
    """
    shared = given.get(TRAININGS)
    if shared is None:
        return dict(given)
    found = {}
    for bakeoff, device in devices.items():
        taken = {name: value for name, value in shared.items() if device != "cpu" or name not in GPU_RESOURCES}
        for rule in (f"train_{bakeoff}", f"train_point_{bakeoff}", f"test_chosen_{bakeoff}"):
            found[rule] = type(shared)({**taken, **dict(given.get(rule, {}).items())})
    return {**given, **found}


def environment(given: Mapping[str, Any], device: str) -> str:
    """Return the kind of environment that a bake-off trains in: ``"train-gpu"`` or ``"train-cpu"``."""
    asked = asked_gpu({name: getattr(value, "raw", value) for name, value in given.get(TRAININGS, {}).items()})
    return "train-gpu" if device == "gpu" or (device != "cpu" and asked) else "train-cpu"


def asked_gpu(resources: Mapping[str, Any]) -> str:
    """Say how a job asked for a GPU, e.g. ``"gres=gpu:1"``; empty where it did not."""
    found = {name: resources.get(name) for name in GPU_RESOURCES}
    if "gpu" not in str(found["gres"]):
        found.pop("gres")
    return ", ".join(f"{name}={value}" for name, value in found.items() if value not in (None, 0, "", "0"))


def with_binds(arguments: str, paths: Iterable[str], seen: Sequence[str]) -> str:
    """Return Apptainer's arguments, with the folders of raw data in them that a container would not see.

    Args:
        arguments: As the profile gives them.
        paths: Files and folders, which may be links to elsewhere.
        seen: Folders that Snakemake lets a container see: the checkout and the working directory.
    """
    roots = [Path(folder).resolve() for folder in seen]
    folders = set()
    for path in map(Path, paths):
        for found in {path.absolute(), path.resolve()}:
            folder = found if found.is_dir() else found.parent
            if folder.is_dir() and not any(folder.is_relative_to(root) for root in roots):
                folders.add(str(folder))
    missing = sorted(folders - set(shlex.split(arguments)))  # a job reads the Snakefile again, with binds given
    return " ".join([arguments, *(f"--bind {shlex.quote(folder)}" for folder in missing)]).strip()
