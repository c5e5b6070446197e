"""The simulated universe: distances, densities, and the halo mass function."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from astropy.cosmology import FlatLambdaCDM

MASS_RANGE, REDSHIFT_RANGE = (13.0, 15.0), (0.01, 1.5)


def cosmology() -> FlatLambdaCDM:
    """Return the cosmology of the simulation (Planck 2018, massless neutrinos), and make it colossus's, uncached."""
    from astropy.cosmology import FlatLambdaCDM
    from colossus.cosmology import cosmology as colossus

    cosmo = FlatLambdaCDM(H0=67.66, Om0=0.3111, Ob0=0.0490, Tcmb0=2.7255, name="skybake")
    colossus.fromAstropy(cosmo, sigma8=0.8102, ns=0.9665, persistence="")  # no files in the home directory
    return cosmo


def halo_density(log10_mass: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Number of halos per dex of mass, unit redshift and square degree.

    Args:
        log10_mass: (m,) M500c [log10 Msun].
        redshift: (k,).

    Returns:
        (k, m).
    """
    from colossus.lss import mass_function

    cosmo = cosmology()
    mass = 10**log10_mass * cosmo.h  # Msun/h
    density = np.array(
        [mass_function.massFunction(mass, z, mdef="500c", model="tinker08", q_out="dndlnM") for z in redshift]
    )
    volume = cosmo.differential_comoving_volume(redshift).to_value("Mpc3 / deg2")
    return density * cosmo.h**3 * np.log(10) * volume[:, None]


@dataclass(frozen=True)
class Geometry:
    """Distances and densities on a grid of redshifts, to interpolate in: astropy integrates for each redshift."""

    redshift: np.ndarray
    luminosity_distance: np.ndarray  # cm
    kpc_per_arcmin: np.ndarray
    efunc: np.ndarray  # H(z) / H0
    critical_density: np.ndarray  # Msun / kpc3

    def at(self, name: str, redshift: np.ndarray) -> np.ndarray:
        """Return one of the quantities at ``redshift``."""
        return np.interp(redshift, self.redshift, getattr(self, name))


@cache
def geometry() -> Geometry:
    """Return the geometry of the simulated universe."""
    cosmo, z = cosmology(), np.linspace(0.5 * REDSHIFT_RANGE[0], REDSHIFT_RANGE[1], 3000)
    return Geometry(
        redshift=z,
        luminosity_distance=cosmo.luminosity_distance(z).to_value("cm"),
        kpc_per_arcmin=cosmo.kpc_proper_per_arcmin(z).to_value("kpc / arcmin"),
        efunc=cosmo.efunc(z),
        critical_density=cosmo.critical_density(z).to_value("Msun / kpc3"),
    )
