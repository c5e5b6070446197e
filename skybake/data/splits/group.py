"""Whole groups of the dataset: objects of one group are never on both sides."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import REPEATS, Strategy
from skybake.data.splits._whole_groups import grouped


class Options(Strategy):
    """As `holdout`, but whole groups: objects of one group are never on both sides."""

    strategy: Literal["group"]
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all groups kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining groups kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")
    repeats: int = REPEATS


def groups(dataset: Dataset, options: Options) -> np.ndarray:
    """Return the group (N,) of every object, which is never divided."""
    return dataset.groups


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part."""
    return grouped(groups(dataset, options), test=options.test, valid=options.valid, seed=options.seed)
