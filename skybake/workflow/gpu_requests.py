"""How a job asks SLURM for a GPU: by Snakemake's resources, or by options of ``sbatch`` in ``slurm_extra``."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RESOURCES = ("gpu", "gpu_model", "gres", "slurm_extra")
KINDS = ("gpu", "shard", "mps")  # SLURM's names of a GPU and of a part of one; a MIG slice is a gpu
DEPENDENT = ("--gpu-", "--mem-per-gpu")  # options that mean nothing without a GPU


@dataclass(frozen=True)
class Option:
    """An option of ``sbatch``: its name, its value (empty if it has none), and the words that it is written with."""

    name: str
    value: str
    words: tuple[str, ...]


def options(extra: str) -> list[Option]:
    """Return the options of ``slurm_extra``: ``--x=v``, ``--x v``, ``-xv`` and ``-x v``.

    Raises:
        ValueError: A quote that is not closed.
    """
    words, found = shlex.split(extra), []
    while words:
        used = [words.pop(0)]
        name, _, value = used[0].partition("=")
        if name.startswith("-") and not name.startswith("--"):
            name, value = used[0][:2], used[0][2:]
        if name.startswith("-") and len(used[0]) == len(name) and words and not words[0].startswith("-"):
            value = words.pop(0)
            used.append(value)
        found.append(Option(name, value, tuple(used)))
    return found


def asked(resources: Mapping[str, Any]) -> list[str]:
    """Return how a job asks for a GPU, e.g. ``["gpu=1"]`` or ``["--gpus-per-node=a100:1"]``; empty if it does not."""
    found = [f"{name}={resources.get(name)}" for name in ("gpu", "gpu_model") if _counts(resources.get(name))]
    if any(map(_is_gpu, _items(resources.get("gres")))):
        found.append(f"gres={resources.get('gres')}")
    return found + [" ".join(option.words) for option in options(resources.get("slurm_extra") or "") if _asks(option)]


def without(extra: str) -> str:
    """Return ``slurm_extra`` without the options that ask for a GPU, or depend on one."""
    kept, found = [], options(extra)
    if not any(_asks(option) or option.name.startswith(DEPENDENT) for option in found):
        return extra
    for option in found:
        if option.name.startswith("--tres-per-") and _asks(option):
            rest = ",".join(item for item in _items(option.value) if not _is_gpu(item))
            kept += [f"{option.name}={rest}"] if rest else []
        elif not _asks(option) and not option.name.startswith(DEPENDENT):
            kept += option.words
    return shlex.join(kept)


def _asks(option: Option) -> bool:
    if option.name in ("-G", "--gpus") or option.name.startswith("--gpus-per-"):
        return _counts(re.split("[:,]", option.value)[-1])
    listed = option.name == "--gres" or option.name.startswith("--tres-per-")
    return listed and any(map(_is_gpu, _items(option.value)))


def _items(value: Any) -> list[str]:
    return [item for item in re.split(r"[,\s]+", str(value or "")) if item]


def _is_gpu(item: str) -> bool:
    """Tell whether one generic resource is a GPU: ``gpu``, ``shard:2``, ``gpu:a100:1``, ``gres/gpu=1``."""
    name, *rest = re.split("[:=]", re.sub("^gres[/:]", "", item))
    return name in KINDS and (not rest or _counts(rest[-1]))


def _counts(number: Any) -> bool:
    return number not in (None, 0, "", "0")
