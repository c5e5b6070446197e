"""The test part that the survey's makers set aside, and a random validation part of the rest."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.columns import OFFICIAL_TEST
from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import SplitError, Strategy


class Options(Strategy):
    """The test part is the one that the survey's makers set aside; a validation part is cut off the rest."""

    strategy: Literal["official"]
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the other objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the validation part.")


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part.

    Raises:
        SplitError: The dataset does not tell its official test set.
    """
    from sklearn.model_selection import train_test_split

    if not dataset.scalars_of(OFFICIAL_TEST):
        raise SplitError(
            f"{dataset.path}: no scalar of kind {OFFICIAL_TEST!r}; found {', '.join(dataset.scalars) or 'none'}."
            " Hint: this survey has no official test set; split by 'holdout', 'fractions' or 'group'"
        )
    tested = dataset.scalars[dataset.scalars_of(OFFICIAL_TEST)[0]]
    trained, validated = train_test_split(
        np.flatnonzero(tested != 1), test_size=options.valid, random_state=options.seed
    )
    return trained, validated, np.flatnonzero(tested == 1)
