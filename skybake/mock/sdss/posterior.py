"""How well redshifts can be known from catalogue magnitudes at all: the posterior over the simulation's own galaxies.

Many galaxies are drawn as those of the catalogue are. Each is as likely to have given an object's measured fluxes as
photon noise and the scatter of model fits say, band by band, behind the object's own extinction; so weighted, their
redshifts are the posterior, and its mean squared error, at the best estimate of it, is what remains. Pictures tell more
than magnitudes do (the axis ratio, the bulge), so a network that sees them may come below this line.
"""

from __future__ import annotations

import numpy as np

LIBRARY = 60_000  # galaxies; half as many change the mean by 1 %
MAGNITUDE = np.log(10) / 2.5


def estimates(
    flux: np.ndarray, error: np.ndarray, model_scatter: np.ndarray, library: np.ndarray, redshift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the best redshift of each object, and the root mean square of (estimate - z) / (1 + z) that remains.

    Args:
        flux, error: (n, 5) measured, without extinction; NaN where a band is missing.
        model_scatter: (5,) of fits [mag].
        library: (M, 5) fluxes of galaxies, without extinction.
        redshift: (M,) of them.
    """
    spread = np.square(library * model_scatter * MAGNITUDE)
    weight_of_error = 1 / np.square(1 + redshift)
    best, left = np.empty(len(flux)), np.empty(len(flux))
    for row, (measured, noise) in enumerate(zip(flux, error, strict=True)):
        bands = np.isfinite(measured)
        variance = spread[:, bands] + noise[bands] ** 2
        log = -0.5 * (np.square(measured[bands] - library[:, bands]) / variance + np.log(variance)).sum(axis=1)
        weight = np.exp(log - log.max())
        relative = weight * weight_of_error
        best[row] = relative @ redshift / relative.sum()
        left[row] = np.sqrt(relative @ np.square(best[row] - redshift) / weight.sum())
    return best, left
