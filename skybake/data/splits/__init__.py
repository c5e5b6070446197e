"""Splits of a dataset into train, validation and test, and the file that keeps them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake import hdf5
from skybake.data.columns import OFFICIAL_TEST
from skybake.data.dataset import Dataset
from skybake.files import atomic_write
from skybake.missing import present

FORMAT = "skybake-split"
VERSION = 1
PARTS = ("train", "valid", "test")
WHOLE_GROUPS = ("group", "sky")  # strategies that never divide a group


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
        SplitError: Fewer than three groups, or too few to leave some for each part.
    """
    names = np.unique(groups)
    if len(names) < 3:
        raise SplitError(f"{len(names)} groups found, expected at least 3. Hint: split by 'holdout' or 'fractions'")
    rest, tested = _whole_groups(groups, test, seed, "test")
    trained, validated = _whole_groups(groups[rest], valid, seed, "valid")
    return rest[trained], rest[validated], tested


def _whole_groups(groups: np.ndarray, share: float, seed: int, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows (n,) of the groups that stay, and those of the share of groups that is held out for a part."""
    from sklearn.model_selection import GroupShuffleSplit

    splitter = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed)
    try:
        return next(splitter.split(groups, groups=groups))
    except ValueError:
        raise SplitError(
            f"{part}: {share:g} of {len(np.unique(groups))} groups leaves none for the other parts; expected a share"
            " that leaves at least one. Hint: smaller shares, or more groups"
        ) from None


def official(tested: np.ndarray, *, valid: float, seed: int) -> tuple[np.ndarray, ...]:
    """Keep the test set that the survey's makers set aside, and cut a random validation part off the rest.

    Args:
        tested: (N,) 1 for objects of that test set, else 0.
        valid: Fraction of the others kept for validation.
        seed: Of the cut.
    """
    from sklearn.model_selection import train_test_split

    trained, validated = train_test_split(np.flatnonzero(tested != 1), test_size=valid, random_state=seed)
    return trained, validated, np.flatnonzero(tested == 1)


def sky_cells(ra: np.ndarray, dec: np.ndarray, cell: float) -> np.ndarray:
    """Name the cell of the sky that each object lies in: rectangles in right ascension and sin(declination).

    All cells of the sky have the same area, about ``cell`` squared, since that of a strip between two declinations goes
    with the difference of their sines (Lambert's cylindrical projection); towards the poles they are narrow and high.
    The first begins at right ascension 0 and the south pole.

    Args:
        ra, dec: (N,) position [deg]; a right ascension may be any turn away from 0 to 360.
        cell: Side of a cell at the equator [deg]; rounded so that a whole number of them goes around the sky.

    Returns:
        (N,) strings.
    """
    columns, rows = max(1, round(360 / cell)), max(1, round(2 / np.radians(cell)))
    column = np.floor(np.mod(ra, 360) / 360 * columns).astype(int) % columns  # the modulus of -1e-20 is 360
    row = np.minimum(np.floor((np.sin(np.radians(dec)) + 1) / 2 * rows).astype(int), rows - 1)
    return np.array([f"sky-{row}-{column}" for row, column in zip(row, column, strict=True)], dtype=object)


def kept_together(dataset: Dataset, strategy: Mapping[str, Any], rows: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Return (n,) names of what a strategy never divides: its cells of the sky, else the groups of the dataset.

    Args:
        dataset: What is split.
        strategy: As in the config.
        rows: Which objects of the dataset; by default all.

    Raises:
        SplitError: The strategy is ``"sky"``, and the dataset does not tell where an object is.
    """
    if strategy["strategy"] != "sky":
        return dataset.groups[rows]
    names = [dataset.scalars_of(kind) for kind in ("right_ascension", "declination")]
    if not all(names):
        raise SplitError(
            f"{dataset.path}: no position among the scalars; expected right ascension and declination to split by"
            f" 'sky'; found {', '.join(dataset.scalars) or 'none'}. Hint: where the option 'scalars' chooses what is"
            " kept, add ra and dec; a survey without positions is split by another strategy"
        )
    ra, dec = (dataset.scalars[found[0]][rows] for found in names)
    bad = np.flatnonzero(~(np.isfinite(ra) & (np.abs(ra) <= 360) & (np.abs(dec) <= 90)))
    if len(bad):
        raise SplitError(
            f"{dataset.path}: object {dataset.ids[rows][bad[0]]} has ra {ra[bad[0]]} and dec {dec[bad[0]]}; expected"
            f" degrees, -360 to 360 and -90 to 90; {len(bad)} of {len(ra)} objects are so. Hint: ingest it without them"
        )
    return sky_cells(ra, dec, strategy["cell"])


def make(dataset: Dataset, strategy: Mapping[str, Any]) -> Split:
    """Split a dataset.

    Args:
        dataset: What is split.
        strategy: ``strategy`` (``"holdout"``, ``"fractions"``, ``"group"``, ``"sky"`` or ``"official"``) and its
            parameters, as in the config.

    Raises:
        SplitError: A part would be empty, a group or cell would stand on both sides of a split that keeps them whole,
            the dataset does not tell its official test set or its positions, or a class would have no object to train
            on.
    """
    parameters = dict(strategy)
    name = parameters.pop("strategy")
    together = kept_together(dataset, strategy)
    at_random: Mapping[str, Callable[..., tuple[np.ndarray, ...]]] = {"holdout": holdout, "fractions": fractions}
    if name == "group":
        parts = grouped(together, **parameters)
    elif name == "sky":
        cell = parameters.pop("cell")
        if len(set(together)) < 3:
            raise SplitError(
                f"{dataset.path}: its objects lie in {len(set(together))} cells of the sky of {cell:g} degrees,"
                " expected at least 3. Hint: a smaller 'cell'"
            )
        parts = grouped(together, **parameters)
    elif len(dataset) < 3:
        raise SplitError(f"{dataset.path}: {len(dataset)} objects cannot be split into three parts")
    elif name == "official":
        if not dataset.scalars_of(OFFICIAL_TEST):
            raise SplitError(
                f"{dataset.path}: no scalar of kind {OFFICIAL_TEST!r}; found {', '.join(dataset.scalars) or 'none'}."
                " Hint: this survey has no official test set; split by 'holdout', 'fractions' or 'group'"
            )
        parts = official(dataset.scalars[dataset.scalars_of(OFFICIAL_TEST)[0]], **parameters)
    else:
        parts = at_random[name](len(dataset), **parameters)
    for part, rows in zip(PARTS, parts, strict=True):
        if not len(rows):
            raise SplitError(f"{dataset.path}: no object in the part {part!r} of {len(dataset)} split by {strategy}")
    train, valid, test = parts
    split = Split(train, valid, test, digest=dataset.digest, strategy=dict(strategy))
    if name in WHOLE_GROUPS and shared_groups(split, together):
        raise SplitError(f"{dataset.path}: the group {shared_groups(split, together)[0]!r} is on both sides")
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


def write(path: Path | str, split: Split) -> None:
    """Write a split."""
    with atomic_write(path) as beside, hdf5.write(beside) as file:
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
    with hdf5.read(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise SplitError(f"{path}: not a split file of version {VERSION}")
        if file.attrs["digest"] != dataset.digest:
            raise SplitError(
                f"{path}: made for a dataset with ids {file.attrs['digest'][:12]}..., but {dataset.path} has"
                f" {dataset.digest[:12]}.... Hint: split this dataset again"
            )
        train, valid, test = (file[part][:] for part in PARTS)
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
