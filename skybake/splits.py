"""Splits of a dataset into train, validation and test, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skybake.dataset import Dataset, whole

FORMAT = "skybake-split"
VERSION = 1
PARTS = ("train", "valid", "test")


class SplitError(ValueError):
    """A split that cannot be made, or does not belong to the dataset."""


@dataclass(frozen=True)
class Split:
    """Row numbers of a dataset's three parts, in the order of training.

    Attributes:
        train, valid, test: Row numbers, disjoint, together all rows.
        digest: Of the ids of the dataset they belong to.
        strategy: How they were made, with its parameters.
    """

    train: np.ndarray
    valid: np.ndarray
    test: np.ndarray
    digest: str
    strategy: Mapping[str, Any]


def holdout(n: int, *, test: float, valid: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cut off the test part, then the validation part of what remains, with sklearn's ``train_test_split``."""
    from sklearn.model_selection import train_test_split

    rest, tested = train_test_split(np.arange(n), test_size=test, random_state=seed)
    trained, validated = train_test_split(rest, test_size=valid, random_state=seed)
    return trained, validated, tested


def fractions(n: int, *, train: float, valid: float, test: float, seed: int) -> tuple[np.ndarray, ...]:
    """Shuffle all rows and cut them at the cumulated fractions, as astroML's ``split_samples`` does."""
    rows = np.arange(n)
    np.random.RandomState(seed).shuffle(rows)
    cuts = (np.cumsum([train, valid]) / (train + valid + test) * n).astype(int)
    return tuple(np.split(rows, cuts))


def grouped(groups: np.ndarray, *, test: float, valid: float, seed: int) -> tuple[np.ndarray, ...]:
    """Hold out whole groups: ``test`` of the groups, then ``valid`` of those that remain.

    Raises:
        SplitError: Fewer than three groups.
    """
    from sklearn.model_selection import GroupShuffleSplit

    names = np.unique(groups)
    if len(names) < 3:
        raise SplitError(f"{len(names)} groups found, expected at least 3. Hint: split by 'holdout' or 'fractions'")
    rows = np.arange(len(groups))
    splitter = GroupShuffleSplit(n_splits=1, test_size=test, random_state=seed)
    rest, tested = next(splitter.split(rows, groups=groups))
    splitter = GroupShuffleSplit(n_splits=1, test_size=valid, random_state=seed)
    trained, validated = next(splitter.split(rest, groups=groups[rest]))
    return rest[trained], rest[validated], tested


def make(dataset: Dataset, strategy: Mapping[str, Any]) -> Split:
    """Split a dataset.

    Args:
        dataset: What is split.
        strategy: ``strategy`` (``"holdout"``, ``"fractions"`` or ``"group"``) and its parameters, as in the config.

    Raises:
        SplitError: A part would be empty, or a group would stand on both sides of a grouped split.
    """
    parameters = dict(strategy)
    name = parameters.pop("strategy")
    if name == "group":
        parts = grouped(dataset.groups, **parameters)
    elif len(dataset) < 3:
        raise SplitError(f"{dataset.path}: {len(dataset)} objects cannot be split into three parts")
    else:
        parts = {"holdout": holdout, "fractions": fractions}[name](len(dataset), **parameters)
    for part, rows in zip(PARTS, parts, strict=True):
        if not len(rows):
            raise SplitError(f"{dataset.path}: no object in the part {part!r} of {len(dataset)} split by {strategy}")
    split = Split(*parts, digest=dataset.digest, strategy=dict(strategy))
    if name == "group" and shared_groups(split, dataset.groups):
        raise SplitError(f"{dataset.path}: the group {shared_groups(split, dataset.groups)[0]!r} is on both sides")
    return split


def shared_groups(split: Split, groups: np.ndarray) -> list[str]:
    """Return the groups that have objects in more than one part: what a random split leaks."""
    parts = [set(groups[getattr(split, part)]) for part in PARTS]
    return sorted((parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2]))


def write(path: Path | str, split: Split) -> None:
    """Write a split."""
    with whole(path) as beside, h5py.File(beside, "w") as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "digest": split.digest})
        for key, value in split.strategy.items():
            file.attrs[f"split_{key}"] = value
        for part in PARTS:
            file[part] = np.asarray(getattr(split, part), dtype=np.int64)


def load(path: Path | str, dataset: Dataset) -> Split:
    """Read the split of a dataset.

    Raises:
        SplitError: It is not a split file, or was made for another dataset.
    """
    with h5py.File(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise SplitError(f"{path}: not a split file of version {VERSION}")
        if file.attrs["digest"] != dataset.digest:
            raise SplitError(
                f"{path}: made for a dataset with ids {file.attrs['digest'][:12]}..., but {dataset.path} has"
                f" {dataset.digest[:12]}.... Hint: split this dataset again"
            )
        return Split(
            *(file[part][:] for part in PARTS),
            digest=str(file.attrs["digest"]),
            strategy={
                key.removeprefix("split_"): value.item() if isinstance(value, np.generic) else value
                for key, value in file.attrs.items()
                if key.startswith("split_")
            },
        )
