"""Spectra of gas, point sources and background, through the telescope into the ten bands."""

from __future__ import annotations

from functools import cache

import numpy as np

from skybake.mock.efeds.halos import COUNTS_PER_FLUX, Halos, soft_flux
from skybake.raw.efeds.images import BAND_EDGES

KEV = 1.602e-9  # erg


def effective_area(energy: np.ndarray) -> np.ndarray:
    """Shape of the effective area of the seven eROSITA telescopes; peak near 1.4 keV, edges at 0.54 and 2.2 keV."""
    at = [0.15, 0.25, 0.35, 0.5, 0.53, 0.55, 0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.15, 2.25, 2.4, 2.6]
    area = [0.05, 0.16, 0.36, 0.62, 0.64, 0.56, 0.80, 0.91, 0.98, 1.0, 0.98, 0.90, 0.84, 0.74, 0.45, 0.36, 0.33]
    return np.interp(energy, at, area)


def absorption(energy: np.ndarray) -> np.ndarray:
    """Cross section per hydrogen atom [1e-20 cm2] (Morrison & McCammon 1983, table 2)."""
    starts = np.array([0.100, 0.284, 0.400, 0.532, 0.707, 0.867, 1.303, 1.840])  # keV
    c0 = np.array([34.6, 78.1, 71.4, 95.5, 308.9, 120.6, 141.3, 202.7])
    c1 = np.array([267.9, 18.8, 66.8, 145.8, -380.6, 169.3, 146.8, 104.7])
    c2 = np.array([-476.1, 4.3, -51.4, -61.1, 294.0, -47.7, -31.5, -17.0])
    i = np.searchsorted(starts, energy, side="right") - 1
    return 1e-4 * (c0[i] + c1[i] * energy + c2[i] * energy**2) / energy**3


def plasma(energy: np.ndarray, temperature: np.ndarray, metals: np.ndarray) -> np.ndarray:
    """Photon spectrum of hot gas, any normalisation: bremsstrahlung, and line complexes that fade as it gets hotter.

    Args:
        energy: Rest-frame [keV], broadcast against the others.
        temperature: kT [keV].
        metals: Relative to 0.3 solar.
    """
    kt = np.maximum(temperature, 0.4)
    lines = sum(
        strength * kt**fading * np.exp(-0.5 * ((energy - centre) / width) ** 2)
        for centre, width, strength, fading in (
            (0.80 + 0.25 * np.clip((kt - 0.5) / 2.5, 0, 1), 0.11, 3.5, -2.2),  # Fe-L moves up with the temperature
            (1.40, 0.05, 0.5, -1.5),  # Mg
            (1.93, 0.06, 0.5, -1.2),  # Si
        )
    )
    return (energy / kt) ** -0.4 / energy * np.exp(-energy / kt) * (1 + metals * lines)


ENERGY = np.arange(0.155, 2.6, 0.01)  # keV, observed
SOFT = (ENERGY > 0.5) & (ENERGY < 2.0)
_STEP = 0.01


@cache
def _response() -> np.ndarray:
    """(energies, bands): chance that a photon is counted in a band, times the effective area [cm2]."""
    from scipy.special import ndtr

    sigma = 0.025 + 0.006 * ENERGY  # keV; FWHM of 80 eV at 1.5 keV
    below = ndtr((np.array(BAND_EDGES)[None, :] - ENERGY[:, None]) / sigma[:, None])
    reference = plasma(ENERGY * 1.3, np.array(4.0), np.array(1.0))
    seen = reference * np.exp(-3.0 * absorption(ENERGY)) * effective_area(ENERGY)
    peak = COUNTS_PER_FLUX * KEV * (reference * ENERGY)[SOFT].sum() / seen[SOFT].sum()  # cm2
    return np.diff(below, axis=1) * effective_area(ENERGY)[:, None] * peak


def cluster_rates(halos: Halos, column: np.ndarray) -> np.ndarray:
    """Counts per second and band.

    Args:
        halos: n clusters.
        column: (n,) hydrogen column [1e20 / cm2].

    Returns:
        (n, bands).
    """
    rest = np.linspace(0.5, 2.0, 151)
    temperature, metals, stretch = (x[:, None] for x in (halos.temperature, halos.metals, 1 + halos.redshift))
    norm = soft_flux(halos) / KEV / (np.trapezoid(plasma(rest, temperature, metals) * rest, rest))
    # F(E) = L(E (1+z)) (1+z) / (4 pi d^2), and photons are F(E) / E
    photons = norm[:, None] * plasma(ENERGY * stretch, temperature, metals) * stretch**2
    return (photons * np.exp(-column[:, None] * absorption(ENERGY))) @ _response() * _STEP


@cache
def point_source_rates() -> np.ndarray:
    """(bands,) counts per second of an active nucleus of unit 0.5-2 keV flux [erg/s/cm2]; photon index 1.9."""
    photons = ENERGY**-1.9
    norm = 1 / (KEV * (photons * ENERGY)[SOFT].sum() * _STEP)
    return (norm * photons * np.exp(-3.0 * absorption(ENERGY))) @ _response() * _STEP


@cache
def background_shape() -> np.ndarray:
    """(bands,) background, relative to its sum over 0.5-2 keV: unresolved nuclei, the Galaxy, particles."""
    dimmed = np.exp(-3.0 * absorption(ENERGY))
    galaxy = plasma(ENERGY, np.array(0.2), np.array(0.0)) * (
        1 + 6 * np.exp(-0.5 * ((ENERGY - 0.57) / 0.02) ** 2) + 6 * np.exp(-0.5 * ((ENERGY - 0.654) / 0.02) ** 2)
    )
    skies = [(0.4, ENERGY**-1.45 * dimmed), (0.35, galaxy * dimmed)]
    counted = [share * (sky @ _response()) / (sky[SOFT] @ _response()[SOFT]).sum() for share, sky in skies]
    particles = 0.25 * np.diff(BAND_EDGES) / 1.5
    return sum(counted) + particles
