"""The parts of a published split, as a column of the catalogue has them."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.columns import PART, PARTS
from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import SplitError, Strategy


class Options(Strategy):
    """The published split that the reader's option `split_column` names; where it has no validation part, one is cut
    off the training part."""

    strategy: Literal["column"]
    valid: float = Field(
        0.1, gt=0, lt=1, description="Fraction of the training part kept for validation, where the column has none."
    )
    seed: int = Field(40, ge=0, description="Seed of that validation part.")


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part.

    Raises:
        SplitError: The dataset tells no part, or not that of every object.
    """
    from sklearn.model_selection import train_test_split

    if not dataset.scalars_of(PART):
        raise SplitError(
            f"{dataset.path}: no scalar of kind {PART!r}; found {', '.join(dataset.scalars) or 'none'}. Hint: the"
            " option split_column of the reader names the catalogue's column, as in options: {split_column: split}; a"
            " survey without a published split is divided by another strategy"
        )
    part = dataset.scalars[dataset.scalars_of(PART)[0]]
    wrong = np.flatnonzero(~np.isin(part, range(len(PARTS))))
    if len(wrong):
        raise SplitError(
            f"{dataset.path}: object {dataset.ids[wrong[0]]} has the part {part[wrong[0]]:g}; expected 0, 1 or 2"
            f" ({', '.join(PARTS)}); {len(wrong)} of {len(dataset)} objects are so"
        )
    trained, validated, tested = (np.flatnonzero(part == number) for number in range(len(PARTS)))
    if not len(validated) and len(trained) > 1:
        trained, validated = train_test_split(trained, test_size=options.valid, random_state=options.seed)
    return trained, validated, tested
