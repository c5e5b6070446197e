"""Splits of a dataset into train, validation and test, and the file that keeps them.

A strategy is a file of this folder, and its name is the file's. It has:

- ``class Options(Strategy)``: its options in the config, with their limits, ``strategy: Literal["<file name>"]`` and a
  docstring, which ``docs/config.md`` shows
- ``parts(dataset, options)``: the row numbers of the training, validation and test part, every row once
- ``folds(dataset, options)``, if it divides several times: yields such parts, as many as the option ``folds``
- ``groups(dataset, options)``, if there is something that it never divides: (N,) names of it, checked after every
  split; intervals of metrics then draw whole groups
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from skybake import hdf5, plugins
from skybake.data.columns import PARTS
from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import SplitError
from skybake.files import atomic_write
from skybake.missing import present

FORMAT = "skybake-split"
VERSION = 1


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


def strategies() -> Mapping[str, plugins.PlugIn]:
    """Return the strategies by name: the files of this folder."""
    return plugins.in_room("data/splits", "parts")


def keeps_groups_whole(name: str) -> bool:
    """Tell whether a strategy never divides a group, or a cell of the sky."""
    return hasattr(strategies()[name].load(), "groups")


def kept_together(dataset: Dataset, strategy: Mapping[str, Any]) -> np.ndarray:
    """Return (N,) names of what a strategy never divides; of one that divides everything, the groups of the dataset.

    Raises:
        SplitError: The dataset does not tell what the strategy needs.
    """
    file = strategies()[strategy["strategy"]].load()
    return file.groups(dataset, file.Options(**strategy)) if hasattr(file, "groups") else dataset.groups


def make(dataset: Dataset, strategy: Mapping[str, Any]) -> Split:
    """Split a dataset; of several folds or repeats, return the first.

    Raises:
        SplitError: As :func:`make_all`.
    """
    return next(make_all(dataset, strategy))


def make_all(dataset: Dataset, strategy: Mapping[str, Any]) -> Iterator[Split]:
    """Split a dataset, into as many folds and as often as the strategy says.

    Args:
        dataset: What is split.
        strategy: ``strategy``, the name of a file of this folder, and its options, as in the config.

    Raises:
        SplitError: A part would be empty, a row would stand in two parts, a group or cell would stand on both sides of
            a split that keeps them whole, the dataset does not tell what the strategy needs, or a class would have no
            object to train on.
    """
    file = strategies()[strategy["strategy"]].load()
    whole = keeps_groups_whole(strategy["strategy"])
    if len(dataset) < 3 and not whole:
        raise SplitError(f"{dataset.path}: {len(dataset)} objects cannot be split into three parts")
    options = file.Options(**strategy)
    for repeat in range(getattr(options, "repeats", 1)):
        here = options.model_copy(update={"seed": options.seed + repeat})
        for parts in file.folds(dataset, here) if hasattr(file, "folds") else [file.parts(dataset, here)]:
            yield _checked(dataset, strategy, file, parts, whole)


def _checked(
    dataset: Dataset, strategy: Mapping[str, Any], file: ModuleType, parts: Sequence[np.ndarray], whole: bool
) -> Split:
    for part, rows in zip(PARTS, parts, strict=True):
        if not len(rows):
            raise SplitError(f"{dataset.path}: no object in the part {part!r} of {len(dataset)} split by {strategy}")
    if not np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(dataset))):
        raise SplitError(f"{file.__file__}: parts of {len(dataset)} objects found that do not have each row once")
    train, valid, test = parts
    split = Split(train, valid, test, digest=dataset.digest, strategy=dict(strategy))
    if whole and (shared := shared_groups(split, kept_together(dataset, strategy))):
        raise SplitError(f"{dataset.path}: the group {shared[0]!r} is on both sides")
    _check_classes(dataset, split)
    return split


def _check_classes(dataset: Dataset, split: Split) -> None:
    """Raise SplitError if a class that the dataset has is missing from the training part."""
    if not dataset.classes:
        return
    label = dataset.labels[dataset.label]
    for number in sorted(set(label[present(label)]) - set(label[split.train])):
        found = len(set(dataset.groups[label == number]))
        raise SplitError(
            f"{dataset.path}: no object of class {number:g} ({dataset.classes[int(number)]}) to train on, split by"
            f" {dict(split.strategy)}; they are {found} group{'' if found == 1 else 's'}. Hint: another seed, or"
            " smaller valid and test parts"
        )


def shared_groups(split: Split, groups: np.ndarray) -> list[str]:
    """Return the groups that have objects in more than one part: what a random split leaks."""
    parts = [set(groups[getattr(split, part)]) for part in PARTS]
    return sorted((parts[0] & parts[1]) | (parts[0] & parts[2]) | (parts[1] & parts[2]))


def write(path: Path | str, *folds: Split) -> None:
    """Write a split, or all of its folds."""
    split = folds[0]
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION, "digest": split.digest})
        for key, value in split.strategy.items():
            file.attrs[f"split_{key}"] = value
        for place, fold in enumerate(folds):
            for part in PARTS:
                file[f"{_folder(place + 1)}{part}"] = np.asarray(getattr(fold, part), dtype=np.int64)


def _folder(fold: int) -> str:
    """Return where the parts of a fold stand in the file, counted from 1."""
    return "" if fold == 1 else f"fold-{fold}/"


def load(path: Path | str, dataset: Dataset, fold: int = 1) -> Split:
    """Read the split of a dataset, or one of its folds, counted from 1.

    Raises:
        SplitError: It is not a split file, was made for another dataset, or has no such fold.
    """
    with hdf5.read(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise SplitError(f"{path}: not a split file of version {VERSION}")
        if file.attrs["digest"] != dataset.digest:
            raise SplitError(
                f"{path}: made for a dataset with ids {file.attrs['digest'][:12]}..., but {dataset.path} has"
                f" {dataset.digest[:12]}.... Hint: split this dataset again"
            )
        if f"{_folder(fold)}train" not in file:
            raise SplitError(f"{path}: no fold {fold}. Hint: split this dataset again")
        train, valid, test = (file[f"{_folder(fold)}{part}"][:] for part in PARTS)
        return Split(
            train,
            valid,
            test,
            digest=str(file.attrs["digest"]),
            strategy={
                key.removeprefix("split_"): value.item() if isinstance(value, np.generic) else value
                for key, value in file.attrs.items()
                if key.startswith("split_")
            },
        )


def tested(path: Path | str, dataset: Dataset) -> np.ndarray:
    """Return the rows of the test parts of all folds, each once.

    Raises:
        SplitError: As :func:`load`.
    """
    with hdf5.read(path) as file:
        folds = 1 + sum(name.startswith("fold-") for name in file)
    rows = [load(path, dataset, fold).test for fold in range(1, folds + 1)]
    return rows[0] if folds == 1 else np.unique(np.concatenate(rows))
