"""The galaxies of the mock SDSS: luminosities, spectra, shapes and sizes, from which redshift can be learned.

A galaxy is a de Vaucouleurs bulge (Sersic n = 4) and an exponential disc (n = 1); early types have no disc. The bulge
has the CWW elliptical spectrum, the disc one between CWW Sbc and Im. A disc that lies edge-on is dimmed and reddened by
its own dust, so that the picture of a galaxy says more about its redshift than its five magnitudes do.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np

BANDS = "ugriz"
TEMPLATES = ("E", "Sbc", "Scd", "Im")  # Coleman, Wu & Weedman (1980), extended, as GalSim ships them
REDSHIFT_MIN, REDSHIFT_MAX = 0.005, 0.4
WAVELENGTH = np.array([3551.0, 4686.0, 6166.0, 7480.0, 8932.0])  # effective, angstrom; DR7 filter page
# System response at airmass 1.3 in units of 1e-4, every 100 angstrom from the wavelength given: Doi et al. (2010),
# table 4, every fifth line; the red leak of u is left out.
RESPONSE = {
    "u": (2900, "0 9 136 558 969 1268 1460 1570 1626 1282 407 32 3 0"),
    "g": (
        3600,
        "0 35 67 740 2081 3122 3660 3943 4161 4337 4448 4537 4611 4666 4719 4770 4672 3429 585 96 13 0",
    ),
    "r": (5300, "0 15 645 2565 3912 4344 4553 4692 4794 4841 4968 5010 5009 4968 3903 1121 175 33 0"),
    "i": (6500, "0 2 46 560 2377 4104 4706 4815 4655 4477 4335 4132 3905 3680 3539 3432 3279 1857 212 0"),
    "z": (
        7800,
        "0 6 23 105 309 570 773 871 912 906 854 772 688 612 547 487 430 379 327 276 226 176 132 99 70 47 29 21 14 10 0",
    ),
}


@dataclass(frozen=True)
class Limits:
    """Which galaxies of the sky a sample takes.

    Attributes:
        bright, faint: Limits in r magnitude, corrected for Galactic extinction.
        redshift_min: Lowest redshift.
        early_only: Take no galaxy with a disc.
    """

    bright: float
    faint: float
    redshift_min: float = REDSHIFT_MIN
    early_only: bool = False


MAIN = Limits(14.0, 17.77)  # the main galaxy sample: Strauss et al. (2002)
LUMINOUS_RED = Limits(17.0, 19.5, redshift_min=0.15, early_only=True)  # after Eisenstein et al. (2001)
NEIGHBOUR = Limits(18.0, 22.0)


@dataclass(frozen=True)
class Galaxies:
    """n galaxies, before they have a place on the sky.

    Attributes:
        redshift: (n,).
        bulge, disc: (n, 5) total fluxes in u, g, r, i, z, nanomaggies.
        bulge_radius, disc_radius: (n,) half-light radii, arcsec: of the ellipse's circle of the same area.
        bulge_ratio, disc_ratio: (n,) minor over major axis.
        angle: (n,) position angle of both, degrees.
    """

    redshift: np.ndarray
    bulge: np.ndarray
    disc: np.ndarray
    bulge_radius: np.ndarray
    disc_radius: np.ndarray
    bulge_ratio: np.ndarray
    disc_ratio: np.ndarray
    angle: np.ndarray

    def __len__(self) -> int:
        return len(self.redshift)

    def rows(self, chosen: np.ndarray | slice) -> Galaxies:
        """Return the galaxies ``chosen`` (a mask, numbers or a slice)."""
        return Galaxies(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def dimmed(self, extinction: np.ndarray) -> Galaxies:
        """Return them seen through (5,) magnitudes of Galactic extinction."""
        through = 10 ** (-0.4 * extinction)
        return replace(self, bulge=self.bulge * through, disc=self.disc * through)

    @property
    def flux(self) -> np.ndarray:
        """(n, 5) total fluxes, nanomaggies."""
        return self.bulge + self.disc

    @property
    def radius(self) -> np.ndarray:
        """(n,) half-light radius in r, arcsec: that of the components, weighted by their flux."""
        share = self.bulge[:, 2] / self.flux[:, 2]
        return share * self.bulge_radius + (1 - share) * self.disc_radius


def join(parts: list[Galaxies]) -> Galaxies:
    """Return the galaxies of all ``parts``, in their order."""
    return Galaxies(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in Galaxies.__dataclass_fields__)
    )


@functools.cache
def bandpasses() -> tuple:
    """The five SDSS bands as ``galsim.Bandpass`` with AB zero points."""
    import galsim

    bands = []
    for start, text in RESPONSE.values():
        response = [float(value) for value in text.split()]
        table = galsim.LookupTable(start + 100.0 * np.arange(len(response)), response, interpolant="linear")
        bands.append(galsim.Bandpass(table, wave_type="ang").withZeropoint("AB"))
    return tuple(bands)


@functools.cache
def redshifted_colours() -> tuple[np.ndarray, np.ndarray]:
    """Flux of each template in each band against redshift, for unit flux in the band r of its own rest frame.

    It is 10^(-0.4 K) of the K correction from rest-frame r to the observed band, K_QR of Hogg et al. (2002), eq. 8.

    Returns:
        Redshifts (k,), and fluxes (k, 4 templates, 5 bands).
    """
    import galsim

    redshift = np.arange(0, REDSHIFT_MAX + 0.015, 0.01)
    flux = np.empty((len(redshift), len(TEMPLATES), len(BANDS)))
    for column, name in enumerate(TEMPLATES):
        sed = galsim.SED(f"CWW_{name}_ext.sed", wave_type="ang", flux_type="flambda")
        rest = sed.calculateMagnitude(bandpasses()[BANDS.index("r")])
        for row, z in enumerate(redshift):
            seen = sed.atRedshift(z)
            flux[row, column] = [10 ** (-0.4 * (seen.calculateMagnitude(band) - rest)) for band in bandpasses()]
    return redshift, flux


@functools.cache
def _volume() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Redshift grid; share of the comoving volume below it; distance modulus; kpc per arcsec (H0 = 70, Om = 0.3)."""
    from astropy.cosmology import FlatLambdaCDM

    cosmology = FlatLambdaCDM(H0=70, Om0=0.3)
    redshift = np.linspace(REDSHIFT_MIN, REDSHIFT_MAX, 400)
    volume = cosmology.comoving_volume(redshift).value
    share = (volume - volume[0]) / (volume[-1] - volume[0])
    return (
        redshift,
        share,
        cosmology.distmod(redshift).value,
        cosmology.kpc_proper_per_arcmin(redshift).value / 60,
    )


@functools.cache
def _luminosities(characteristic: float, slope: float) -> tuple[np.ndarray, np.ndarray, float]:
    """Absolute magnitudes; share of a Schechter function brighter than each; number of galaxies per phi*."""
    magnitude = np.linspace(-24.5, -16.0, 800)
    ratio = 10 ** (-0.4 * (magnitude - characteristic))
    number = np.cumsum(0.4 * np.log(10) * ratio ** (slope + 1) * np.exp(-ratio)) * (magnitude[1] - magnitude[0])
    return magnitude, number / number[-1], float(number[-1])


# phi* [Mpc^-3], M*_r and slope by type, AB, h = 0.7: near the red and blue samples of Blanton et al. (2003).
EARLY, LATE = (0.0035, -21.4, -0.5), (0.0045, -21.1, -1.1)


def _candidates(rng: np.random.Generator, n: int, early_only: bool) -> Galaxies:
    """Draw n galaxies of the sky with no limit in flux."""
    grid, share, _, _ = _volume()
    redshift = np.interp(rng.random(n), share, grid)
    numbers = [phi * _luminosities(bright, slope)[2] for phi, bright, slope in (EARLY, LATE)]
    early = rng.random(n) < (1.0 if early_only else numbers[0] / sum(numbers))
    absolute = np.empty(n)
    for mask, (_, bright, slope) in ((early, EARLY), (~early, LATE)):
        magnitude, below, _ = _luminosities(bright, slope)
        absolute[mask] = np.interp(rng.random(mask.sum()), below, magnitude)
    bulge_share = np.where(early, 1.0, np.clip(rng.normal(0.22 - 0.08 * (absolute + 20.5), 0.15), 0, 0.7))
    disc_type = np.clip(rng.normal(0.75 + 0.35 * (absolute + 20.5), 0.4), 0, 2)
    inclined = np.sqrt(0.2**2 + (1 - 0.2**2) * rng.random(n) ** 2)  # oblate discs of thickness 0.2, at random
    round_ = np.clip(rng.normal(0.75, 0.14, n), 0.35, 1)
    bulge, disc = _fluxes(rng, redshift, absolute, early, bulge_share, disc_type, inclined)
    bulge_radius, disc_radius = _radii(rng, redshift, absolute, early)
    # A bulge inside a disc looks nearly as round as it is; both share their major axis.
    ratio = np.where(early, round_, 0.5 + 0.5 * inclined)
    angle = rng.uniform(0, 180, n)
    return Galaxies(redshift, bulge, disc, bulge_radius, disc_radius, ratio, inclined, angle)


def _fluxes(
    rng: np.random.Generator,
    redshift: np.ndarray,
    absolute: np.ndarray,
    early: np.ndarray,
    bulge_share: np.ndarray,
    disc_type: np.ndarray,
    inclined: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(n, 5) fluxes of bulge and disc, nanomaggies."""
    grid, _, modulus, _ = _volume()
    # Stars were younger: galaxies brighten by one magnitude per unit of redshift (Blanton et al. 2003: Q = 1.6 +- 0.3
    # with number evolution).
    total = 10 ** (-0.4 * (absolute - redshift + np.interp(redshift, grid, modulus) - 22.5))
    steps, colours = redshifted_colours()
    place = redshift / (steps[1] - steps[0])
    low = place.astype(int)
    part = (place - low)[:, None, None]
    shape = (1 - part) * colours[low] + part * colours[low + 1]  # (n, templates, bands)
    first = np.minimum(disc_type.astype(int), 1)
    mix = (disc_type - first)[:, None]
    rows = np.arange(len(redshift))
    old, young = shape[:, 0], (1 - mix) * shape[rows, 1 + first] + mix * shape[rows, 2 + first]
    rest = WAVELENGTH / (1 + redshift[:, None]) / WAVELENGTH[2]
    old = old * np.minimum(rest, 1) ** -0.2  # CWW E is redder in g - r than SDSS ellipticals, by 0.06
    # A slope s of the spectrum changes g - r by 1.09 ln(6166 / 4686) s = 0.3 s. The red sequence: 0.02 mag redder per
    # magnitude of luminosity, scatter 0.025 (Bernardi et al. 2003), and bluer with look-back time. Discs scatter more.
    slope = np.where(early, -0.067 * (absolute + 21.4) - 0.25 * redshift, 0.0)
    slope = slope + rng.normal(0, np.where(early, 0.083, 0.2))
    # What no family of a few templates has, and the calibration of frames (1 %: Padmanabhan et al. 2008).
    tilt = rest ** slope[:, None] * 10 ** (-0.4 * rng.normal(0, 0.01, rest.shape))
    # Dust of the disc: 0.7 mag in r per factor ten in axis ratio (Masters et al. 2010), ~ wavelength^-0.7 (Charlot &
    # Fall 2000).
    dust = 10 ** (-0.4 * 0.7 * np.log10(1 / inclined)[:, None] * rest**-0.7)
    return (
        (total * bulge_share)[:, None] * old * tilt,
        (total * (1 - bulge_share))[:, None] * young * tilt * dust,
    )


def _radii(
    rng: np.random.Generator, redshift: np.ndarray, absolute: np.ndarray, early: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) half-light radii of bulge and disc, arcsec: Shen et al. (2003), eqs. 14-16, and evolving as van der Wel et
    al. (2014).
    """
    late_log = 0.4 * 0.26 * -absolute + 0.25 * np.log10(1 + 10 ** (-0.4 * (absolute + 20.91))) - 1.71
    early_log = 0.4 * 0.65 * -absolute - 5.06
    scatter = 0.27 + (0.45 - 0.27) / (1 + 10 ** (-0.8 * (absolute + 20.91)))
    growth = ((1 + redshift) / 1.1) ** np.where(early, -1.48, -0.75)
    kpc = 10 ** np.where(early, early_log, late_log) * np.exp(rng.normal(0, scatter)) * growth
    arcsec = kpc / np.interp(redshift, _volume()[0], _volume()[3])
    return np.where(early, arcsec, 0.25 * arcsec), arcsec


def sample(rng: np.random.Generator, n: int, limits: Limits) -> Galaxies:
    """Draw the galaxies of a flux-limited sample.

    Args:
        rng: Source of randomness.
        n: How many.
        limits: What the sample takes.
    """
    parts: list[Galaxies] = []
    missing = n
    while missing > 0 or not parts:
        drawn = _candidates(rng, 20_000, limits.early_only)
        magnitude = 22.5 - 2.5 * np.log10(drawn.flux[:, 2])
        taken = (magnitude > limits.bright) & (magnitude < limits.faint) & (drawn.redshift > limits.redshift_min)
        parts.append(drawn.rows(taken))
        missing -= int(taken.sum())
    return join(parts).rows(slice(n))
