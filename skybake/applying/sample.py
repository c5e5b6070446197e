"""What new objects are compared with: the training and validation part as the network sees them, in ``samples/``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake import hdf5
from skybake.files import atomic_write
from skybake.missing import present

FORMAT = "skybake-sample"
VERSION = 1


@dataclass(frozen=True)
class Sample:
    """What is remembered of the objects that a network was trained with.

    Attributes:
        ranges: Name of each scalar that the network takes -> the least and the greatest known value of the training
            part; NaN where none is known.
        seed: Of the network whose features are compared.
        familiarity: Name -> array, as :mod:`skybake.applying.familiarity` has fitted them.
    """

    ranges: Mapping[str, tuple[float, float]]
    seed: int
    familiarity: Mapping[str, np.ndarray]


def ranges(scalars: Mapping[str, np.ndarray], names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Return the range of the known values of some scalars (n,)."""
    known = {name: scalars[name][present(scalars[name])] for name in names}
    return {
        name: (float(values.min()), float(values.max())) if values.size else (np.nan, np.nan)
        for name, values in known.items()
    }


def write(path: Path | str, sample: Sample) -> None:
    """Write a sample."""
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "seed": sample.seed})
        file.create_group("range")
        for name, values in sample.ranges.items():
            file[f"range/{hdf5.key_of(name)}"] = np.asarray(values, dtype=np.float64)
        file.create_group("familiarity")
        for name, array in sample.familiarity.items():
            file[f"familiarity/{name}"] = array


def read(path: Path | str) -> Sample:
    """Read a sample.

    Raises:
        ValueError: It is none, or of another version.
    """
    with hdf5.read(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise ValueError(f"{path}: not a sample of version {VERSION}. Hint: delete it, and it is made again")
        found = {hdf5.name_of(key): values[:].tolist() for key, values in file["range"].items()}
        return Sample(
            ranges={name: (low, high) for name, (low, high) in found.items()},
            seed=int(file.attrs["seed"]),
            familiarity={name: values[()] for name, values in file["familiarity"].items()},
        )
