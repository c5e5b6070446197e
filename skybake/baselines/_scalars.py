"""Input scalars, and features made of them."""

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from skybake.data.columns import Column, columns_of
from skybake.missing import MAGNITUDES


class Scalars(dict[str, np.ndarray]):
    """Name -> values (N,) of input scalars, NaN where missing, with what each is.

    Attributes:
        columns: Name -> what the scalar is.
    """

    def __init__(self, values: Mapping[str, np.ndarray], columns: Mapping[str, Column]):
        super().__init__(values)
        self.columns = {name: columns[name] for name in values}

    def of_kind(self, kind: str) -> np.ndarray:
        """Return the values (N,) of the scalar of a kind.

        Raises:
            ValueError: There is none.
        """
        names = columns_of(self.columns, kind)
        if not names:
            raise ValueError(f"no scalar of kind {kind!r}; found {', '.join(self) or 'none'}")
        return self[names[0]]

    @property
    def has_magnitudes(self) -> bool:
        """Whether some scalar is a magnitude."""
        return bool(columns_of(self.columns, *MAGNITUDES))

    def with_logarithms(self) -> list[np.ndarray]:
        """Return the scalars (N,), and the logarithm of each redshift, NaN where it is not above 0."""
        redshifts = [self[name] for name in columns_of(self.columns, "redshift")]
        above = [np.where(values > 0, values, np.nan) for values in redshifts]
        return [*self.values(), *map(np.log, above)]


def magnitudes_and_colours(scalars: Scalars) -> np.ndarray:
    """Return the scalars (N, S), then the colours (N, C) that magnitudes among them make.

    Colours are the differences of neighbours in the order given, bluest first, where these are one quantity in two
    bands, as ``cModelMag_g`` and ``cModelMag_r``: they tell more of the redshift than of the distance.
    """
    found = list(scalars.values())
    quantities: dict[tuple[str, str], list[str]] = {}
    for name, column in scalars.columns.items():
        if column.band:
            quantities.setdefault((column.kind, name.removesuffix(column.band)), []).append(name)
    for names in quantities.values():
        found += [scalars[blue] - scalars[red] for blue, red in pairwise(names)]
    return np.column_stack(found)
