"""A random test part, then a random validation part of what remains."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import REPEATS, Strategy


class Options(Strategy):
    """A test part is cut off, then a validation part of what remains: sklearn's `train_test_split` twice."""

    strategy: Literal["holdout"] = "holdout"
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")
    repeats: int = REPEATS


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part."""
    from sklearn.model_selection import train_test_split

    rest, tested = train_test_split(np.arange(len(dataset)), test_size=options.test, random_state=options.seed)
    trained, validated = train_test_split(rest, test_size=options.valid, random_state=options.seed)
    return trained, validated, tested
