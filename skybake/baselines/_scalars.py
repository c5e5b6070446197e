"""Input scalars as features."""

import numpy as np


def magnitudes_and_colours(scalars) -> np.ndarray:
    """Return the scalars (N, S), then the differences of neighbours (N, S - 1).

    For magnitudes in the order of wavelength the differences are colours, which depend on redshift more than on
    distance.
    """
    columns = np.column_stack(list(scalars.values()))
    return np.hstack([columns, np.diff(columns, axis=1)])
