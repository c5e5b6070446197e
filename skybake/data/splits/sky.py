"""Whole cells of the sky: neighbours are on the same side, but for those across a border."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field

from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import REPEATS, SplitError, Strategy
from skybake.data.splits._whole_groups import grouped


class Options(Strategy):
    """As `group`, but by place: equal-area cells of the sky in `ra` and sin(`dec`) are never divided."""

    strategy: Literal["sky"]
    cell: float = Field(
        1.0, gt=0, le=60, description="Side of a cell at the equator [deg]; the area is its square everywhere."
    )
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of the cells that have objects, kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining cells kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")
    repeats: int = REPEATS


def groups(dataset: Dataset, options: Options) -> np.ndarray:
    """Return the name (N,) of the cell that every object lies in, which is never divided.

    Raises:
        SplitError: The dataset does not tell where an object is.
    """
    names = [dataset.scalars_of(kind) for kind in ("right_ascension", "declination")]
    if not all(names):
        raise SplitError(
            f"{dataset.path}: no position among the scalars; expected right ascension and declination to split by"
            f" 'sky'; found {', '.join(dataset.scalars) or 'none'}. Hint: where the option 'scalars' chooses what is"
            " kept, add ra and dec; a survey without positions is split by another strategy"
        )
    ra, dec = (dataset.scalars[found[0]] for found in names)
    bad = np.flatnonzero(~(np.isfinite(ra) & (np.abs(ra) <= 360) & (np.abs(dec) <= 90)))
    if len(bad):
        raise SplitError(
            f"{dataset.path}: object {dataset.ids[bad[0]]} has ra {ra[bad[0]]} and dec {dec[bad[0]]}; expected degrees,"
            f" -360 to 360 and -90 to 90; {len(bad)} of {len(dataset)} objects are so. Hint: ingest it without them"
        )
    return sky_cells(ra, dec, options.cell)


def parts(dataset: Dataset, options: Options) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the rows of the training, validation and test part.

    Raises:
        SplitError: Too few cells have objects.
    """
    cells = groups(dataset, options)
    if len(set(cells)) < 3:
        raise SplitError(
            f"{dataset.path}: its objects lie in {len(set(cells))} cells of the sky of {options.cell:g} degrees,"
            " expected at least 3. Hint: a smaller 'cell'"
        )
    return grouped(cells, test=options.test, valid=options.valid, seed=options.seed)


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
