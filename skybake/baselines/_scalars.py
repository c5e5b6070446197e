"""Input scalars as features."""

from collections.abc import Mapping
from itertools import groupby, pairwise

import numpy as np


def magnitudes_and_colours(scalars: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scalars (N, S), then the colours (N, C) that magnitudes among them make.

    Colours are the differences of neighbours in the order given, bluest first, where these are one quantity in two
    bands, as ``cModelMag_g`` and ``cModelMag_r``: they tell more of the redshift than of the distance.
    """
    found = list(scalars.values())
    for quantity, names in groupby(scalars, key=_quantity):
        if quantity:
            found += [scalars[blue] - scalars[red] for blue, red in pairwise(names)]
    return np.column_stack(found)


def _quantity(name: str) -> str:
    """Return what a scalar measures, where a band of one letter stands at its end; nothing if there is none."""
    quantity, separator, band = name.rpartition("_")
    return quantity if separator and len(band) == 1 else ""
