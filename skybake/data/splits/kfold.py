"""Folds: every object is tested once, by a network that has not seen it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import REPEATS, SplitError, Strategy

Parts = tuple[np.ndarray, np.ndarray, np.ndarray]


class Options(Strategy):
    """Cross-validation: each fold is the test part once and the validation part once, and trains a network each time.

    Objects of one group are in one fold.
    """

    strategy: Literal["kfold"]
    folds: int = Field(5, ge=3, le=100, description="Parts of about as many groups each; one is for validation.")
    seed: int = Field(40, ge=0, description="Seed of the folds.")
    repeats: int = REPEATS


def groups(dataset: Dataset, options: Options) -> np.ndarray:
    """Return the group (N,) of every object, which is never divided."""
    return dataset.groups


def parts(dataset: Dataset, options: Options) -> Parts:
    """Return the rows of the training, validation and test part of the first fold."""
    return next(folds(dataset, options))


def folds(dataset: Dataset, options: Options) -> Iterator[Parts]:
    """Yield the rows of the training, validation and test part of each fold; the next one validates.

    Raises:
        SplitError: There are fewer groups than folds.
    """
    from sklearn.model_selection import GroupKFold

    names = groups(dataset, options)
    if (found := len(np.unique(names))) < options.folds:
        raise SplitError(f"{dataset.path}: {found} groups found, expected at least {options.folds}, one for each fold")
    splitter = GroupKFold(options.folds, shuffle=True, random_state=options.seed)
    held = [rows for _, rows in splitter.split(names, groups=names)]
    for place, tested in enumerate(held):
        validated = held[(place + 1) % options.folds]
        rest = np.ones(len(names), dtype=bool)
        rest[tested] = rest[validated] = False
        yield np.flatnonzero(rest), validated, tested
