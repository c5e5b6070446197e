"""Input scalars as features."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np


def magnitudes_and_colours(scalars: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the scalars (N, S), then the colours (N, C) that magnitudes among them make.

    Colours are the differences of neighbours in the order given, bluest first, where these are one quantity in two
    bands, as ``cModelMag_g`` and ``cModelMag_r``: they tell more of the redshift than of the distance.
    """
    found = list(scalars.values())
    quantities: dict[str, list[str]] = {}
    for name in scalars:
        quantities.setdefault(_quantity(name), []).append(name)
    for names in (names for quantity, names in quantities.items() if quantity):
        found += [scalars[blue] - scalars[red] for blue, red in pairwise(names)]
    return np.column_stack(found)


def _quantity(name: str) -> str:
    """Return what a scalar measures, where a band of one letter stands at its end; nothing if there is none."""
    if name in tuple("ugriz"):  # SDSS's own short names of magnitudes
        return "magnitude"
    quantity, separator, band = name.rpartition("_")
    return quantity if separator and len(band) == 1 else ""
