"""Three random parts by their fractions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import REPEATS, Strategy


class Options(Strategy):
    """Three parts by their fractions, shuffled once: astroML's `split_samples`."""

    strategy: Literal["fractions"]
    train: float = Field(0.7, gt=0, lt=1, description="Fraction of all objects to train on.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for validation.")
    test: float = Field(0.2, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    seed: int = Field(40, ge=0, description="Seed of the split.")
    repeats: int = REPEATS

    @model_validator(mode="after")
    def _add_up(self) -> Options:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"the fractions train {self.train}, valid {self.valid} and test {self.test} add up to {total:g},"
                " expected 1"
            )
        return self


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part: all rows shuffled, and cut at the fractions' sums."""
    rows = np.arange(len(dataset))
    np.random.RandomState(options.seed).shuffle(rows)
    shares = np.cumsum([options.train, options.valid]) / (options.train + options.valid + options.test)
    trained, validated, tested = np.split(rows, (shares * len(rows)).astype(int))
    return trained, validated, tested
