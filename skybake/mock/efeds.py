"""Simulated eFEDS clusters, in the raw files that :mod:`skybake.raw.efeds` reads.

What is simulated, in order:

1. Halos: masses and redshifts from the Tinker et al. (2008, ApJ 688, 709) mass function for M500c (colossus) times the
   comoving volume (astropy), 13 < log10 M < 15, 0.01 < z < 1.5.
2. Gas: 0.5-2 keV luminosity within R500 and temperature from mass and redshift with the slopes of Bulbul et al. (2019,
   ApJ 871, 50, core-included); lognormal scatter at fixed mass, correlated between luminosity, temperature and cusp.
   Profiles as Vikhlinin et al. (2006, ApJ 640, 691, eq. 3), integrated along the line of sight, elliptical.
3. Spectrum: bremsstrahlung and line complexes (Fe-L, Mg, Si), redshifted, absorbed by the Galaxy (Morrison & McCammon
   1983, ApJ 270, 119), through an eROSITA-like effective area and energy resolution into the ten bands.
4. Sky: uniform background (extragalactic, Galactic, particles), point sources from a broken log N - log S, each view
   with its own exposure, absorption, background level and pointing offset; PSF.
5. Poisson noise, a detection cut as eSASS makes it (likelihood of a source, likelihood that it is extended), and
   Gaussian smoothing, as the release's cubes are smoothed.

The footprint is observed in several realisations, and the same halo can be seen in more than one: same mass, redshift,
gas and shape, another view of it. Its ``SRC_ID_IN`` recurs; ``ID_SRC_OUT`` (the pickle's ``cluster``) is unique.

Simplifications: isothermal gas, one Gaussian PSF, no clustering of point sources around clusters, flat exposure and
background over an image, a closed form instead of a plasma code.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from skybake.dataset import whole
from skybake.raw.efeds import BAND_EDGES, COLUMNS
from skybake.settings import Settings

if TYPE_CHECKING:
    from astropy.cosmology import FlatLambdaCDM

RAW_FILES = {"images": "images.pickle", "catalogue": "catalogue.feather"}
OPTIONAL_FILES = {"expectation": "expectation.npy"}

PIXELS, PIXEL = 50, 24.0  # per side; arcsec
OVERSAMPLING = 3  # clusters are drawn on pixels of 8 arcsec
PSF_SIGMA = 26.0 / 2.3548  # arcsec: half of a Gaussian's energy lies within 1.1774 sigma
MASS_RANGE, REDSHIFT_RANGE = (13.0, 15.0), (0.01, 1.5)
PIVOT_MASS, PIVOT_REDSHIFT = 6.35e14, 0.45  # Msun; of the scaling relations
COUNTS_PER_FLUX = 1.2e12  # (counts/s in 0.5-2 keV) per (erg/s/cm2 in 0.5-2 keV)
KEV = 1.602e-9  # erg
CHUNK = 128  # views
PATIENCE = 40  # chunks without a detection
SCATTER_CORRELATION = np.array([[1, 0.3, 0.4], [0.3, 1, -0.2], [0.4, -0.2, 1]])  # luminosity, temperature, cusp


class Options(Settings):
    """What is simulated."""

    n_clusters: int = Field(2000, ge=1, description="Number of detected clusters, i.e. of images.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    realisations: int = Field(18, ge=1, description="Number of realisations of the footprint.")
    recurrence: float = Field(
        3.0, ge=1.0, description="Mean number of realisations in which a halo lies (not always detected)."
    )
    exposure: float = Field(1200.0, gt=0, description="Mean exposure [s].")
    background: float = Field(6e-3, ge=0, description="Background in 0.5-2 keV [counts/s/arcmin^2].")
    point_sources: bool = Field(True, description="Whether other sources lie in the images.")
    smoothing: float = Field(1.0, ge=0, description="Sigma of the Gaussian smoothing [pixels]; 0: whole counts.")
    detection_likelihood: float = Field(5.0, description="Least log likelihood ratio of a source against none.")
    extent_likelihood: float = Field(6.0, description="Least log likelihood ratio of extended against pointlike.")
    luminosity_scatter: float = Field(0.21, ge=0, description="Scatter of log10 L at fixed mass [dex].")
    temperature_scatter: float = Field(0.07, ge=0, description="Scatter of log10 T at fixed mass [dex].")
    columns: Literal["sim", "obs", "halo"] = Field("sim", description="Names of the catalogue's columns.")
    expectation: bool = Field(
        False, description="Also write the noise-free expected counts, before smoothing (expectation.npy)."
    )


@dataclass(frozen=True)
class Halos:
    """Clusters as they are; arrays (n,).

    Attributes:
        id: Number of the halo.
        log10_mass: M500c [log10 Msun].
        redshift: Redshift.
        luminosity: Rest-frame 0.5-2 keV, within the cylinder of R500 [erg/s].
        temperature: kT [keV].
        metals: Strength of the lines relative to the usual 0.3 solar.
        cusp: Inner slope alpha of the emission measure.
        core: Core radius [R500].
        beta: Outer slope.
        axis_ratio: Minor over major axis on the sky.
        angle: Of the major axis [rad].
    """

    id: np.ndarray
    log10_mass: np.ndarray
    redshift: np.ndarray
    luminosity: np.ndarray
    temperature: np.ndarray
    metals: np.ndarray
    cusp: np.ndarray
    core: np.ndarray
    beta: np.ndarray
    axis_ratio: np.ndarray
    angle: np.ndarray

    def __len__(self) -> int:
        return len(self.id)


@dataclass(frozen=True)
class Views:
    """Observations of halos; arrays (n,).

    Attributes:
        halo: Row in the halos.
        realisation: Number of the footprint realisation, from 1.
        exposure: [s].
        column: Galactic hydrogen column density [1e20 / cm2].
        background: Level relative to the usual.
        dx, dy: Of the cluster from the image's centre [arcsec].
        ra, dec: [deg].
    """

    halo: np.ndarray
    realisation: np.ndarray
    exposure: np.ndarray
    column: np.ndarray
    background: np.ndarray
    dx: np.ndarray
    dy: np.ndarray
    ra: np.ndarray
    dec: np.ndarray

    def __len__(self) -> int:
        return len(self.halo)


def simulate(raw: Mapping[str, Path], options: Options, *, threads: int = 1) -> None:
    """Write the raw files of a simulated survey; the same options give the same bytes.

    Args:
        raw: Paths of :data:`RAW_FILES`; with ``expectation``, where that goes (else beside the images).
        options: What to simulate.
        threads: Not used.
    """
    images_path = Path(raw["images"])
    images = np.empty((options.n_clusters, PIXELS, PIXELS, len(BAND_EDGES) - 1), np.float32)
    if options.expectation:
        with whole(raw.get("expectation", images_path.with_name(OPTIONAL_FILES["expectation"]))) as beside:
            expected = np.lib.format.open_memmap(beside, "w+", np.float32, images.shape)
            catalogue = _observe(images, expected, options)
            expected.flush()
    else:
        catalogue = _observe(images, None, options)
    with whole(images_path) as beside, beside.open("wb") as stream:
        pickle.dump({"cluster": catalogue["ID_SRC_OUT"].tolist(), "gsm_3dImgs": images}, stream, protocol=4)
    _write_catalogue(Path(raw["catalogue"]), catalogue, options)


def _observe(images: np.ndarray, expected: np.ndarray | None, options: Options) -> dict[str, np.ndarray]:
    """Fill ``images`` (and ``expected``) with detected clusters in random order; return the catalogue."""
    from tqdm import tqdm

    rng = np.random.default_rng(options.seed)
    rows, found, barren = rng.permutation(len(images)), 0, 0
    parts = []
    with tqdm(total=len(images), desc="simulate efeds", unit="cluster", delay=3) as progress:
        for halos, views in _candidates(rng, options):
            sky = sky_counts(views, options, rng)
            mean = cluster_counts(halos, views) + sky
            counts = rng.poisson(mean)
            likelihoods = _likelihoods(counts.sum(axis=-1), sky.sum(axis=-1))
            detected = np.flatnonzero(
                (likelihoods["DET_LIKE"] >= options.detection_likelihood)
                & (likelihoods["EXT_LIKE"] >= options.extent_likelihood)
            )[: len(images) - found]
            places = rows[found : found + len(detected)]
            images[places] = _smoothed(counts[detected], options.smoothing)
            if expected is not None:
                expected[places] = mean[detected]
            parts.append(_entries(halos, views, likelihoods, detected) | {"row": places})
            found += len(detected)
            progress.update(len(detected))
            if found == len(images):
                break
            barren = 0 if len(detected) else barren + 1
            if barren == PATIENCE:
                raise ValueError(_too_faint(found, options))
    return _catalogue(parts)


def _too_faint(found: int, options: Options) -> str:
    return (
        f"mock efeds: {found} of {options.n_clusters} clusters detected, and no more are found with exposure "
        f"{options.exposure:g} s, detection_likelihood {options.detection_likelihood:g} and extent_likelihood "
        f"{options.extent_likelihood:g}. Hint: lower the likelihoods or expose longer"
    )


# --- halos and views -------------------------------------------------------------------------------------------------


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


def r500_kpc(halos: Halos) -> np.ndarray:
    """Radius within which the mean density is 500 times the critical one [kpc]."""
    density = geometry().at("critical_density", halos.redshift)
    return (10**halos.log10_mass / (4 / 3 * np.pi * 500 * density)) ** (1 / 3)


def r500_arcsec(halos: Halos) -> np.ndarray:
    """The same on the sky [arcsec]."""
    return 60 * r500_kpc(halos) / geometry().at("kpc_per_arcmin", halos.redshift)


def soft_flux(halos: Halos) -> np.ndarray:
    """0.5-2 keV luminosity over 4 pi d_L^2 [erg/s/cm2]; without K correction and absorption."""
    return halos.luminosity / (4 * np.pi * geometry().at("luminosity_distance", halos.redshift) ** 2)


def _candidates(rng: np.random.Generator, options: Options) -> Iterator[tuple[Halos, Views]]:
    """Give halos that have a chance to be detected, in chunks of views, without end."""
    density, first_id = _density_grid(), 1
    while True:
        halos = _gas(rng, *_draw_halos(rng, density, 200_000), options)
        halos = _take(halos, _worth_a_look(halos, options))
        halos = replace(halos, id=first_id + np.arange(len(halos)))
        first_id += len(halos)
        views = _views(rng, len(halos), options)
        for first in range(0, max(len(views), 1), CHUNK):  # an empty chunk counts as one without a detection
            chunk = _take(views, slice(first, first + CHUNK))
            used, halo = np.unique(chunk.halo, return_inverse=True)
            yield _take(halos, used), replace(chunk, halo=halo)


def _take(table: Halos | Views, rows: np.ndarray | slice) -> Halos | Views:
    return type(table)(**{field.name: getattr(table, field.name)[rows] for field in fields(table)})


@cache
def _density_grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the lower edges in redshift and mass, and the relative number of halos in each cell."""
    z_edges, mass_edges = np.linspace(*REDSHIFT_RANGE, 150), np.linspace(*MASS_RANGE, 101)
    centres = [(edges[1:] + edges[:-1]) / 2 for edges in (z_edges, mass_edges)]
    return z_edges, mass_edges, halo_density(centres[1], centres[0])


def _draw_halos(
    rng: np.random.Generator, grid: tuple[np.ndarray, np.ndarray, np.ndarray], n: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n masses [log10 Msun] and redshifts."""
    z_edges, mass_edges, density = grid
    cumulative = np.cumsum(density)
    cells = np.searchsorted(cumulative, rng.random(n) * cumulative[-1], side="right")
    z_cell, mass_cell = np.unravel_index(cells, density.shape)
    log10_mass, redshift = (
        edges[cell] + rng.random(n) * (edges[1] - edges[0])
        for edges, cell in ((mass_edges, mass_cell), (z_edges, z_cell))
    )
    return log10_mass, redshift


def _gas(rng: np.random.Generator, log10_mass: np.ndarray, redshift: np.ndarray, options: Options) -> Halos:
    """Give halos their gas: Bulbul et al. (2019), table 2, core-included, with the scatter of the options."""
    n = len(redshift)
    of_luminosity, of_temperature, of_cusp = rng.multivariate_normal(
        np.zeros(3), SCATTER_CORRELATION, n, method="cholesky"
    ).T
    mass = 10**log10_mass / PIVOT_MASS
    expansion = geometry().at("efunc", redshift) / geometry().at("efunc", np.array(PIVOT_REDSHIFT))
    growth = (1 + redshift) / (1 + PIVOT_REDSHIFT)
    return Halos(
        id=np.arange(n),
        log10_mass=log10_mass,
        redshift=redshift,
        luminosity=4.12e44
        * mass**1.89
        * expansion**2
        * growth**-0.20
        * 10 ** (options.luminosity_scatter * of_luminosity),
        temperature=6.41 * mass**0.80 * expansion ** (2 / 3) * 10 ** (options.temperature_scatter * of_temperature),
        metals=10 ** rng.normal(0, 0.1, n),
        cusp=np.clip(0.6 + 0.45 * of_cusp, 0, 1.6),
        core=10 ** rng.normal(np.log10(0.2), 0.18, n),
        beta=np.clip(rng.normal(0.65, 0.06, n), 0.5, 0.85),
        axis_ratio=np.clip(rng.normal(0.8, 0.1, n), 0.4, 1),
        angle=rng.uniform(0, np.pi, n),
    )


def _worth_a_look(halos: Halos, options: Options) -> np.ndarray:
    """Leave out the thousands of halos that no noise would lift above the detection cut."""
    counts = 1.3 * soft_flux(halos) * COUNTS_PER_FLUX * options.exposure
    area = np.pi * np.minimum(r500_arcsec(halos) / 60, 3) ** 2  # arcmin2
    noise = counts + 1.5 * options.background * options.exposure * area
    return np.flatnonzero(counts**2 > 2.5 * noise)


def _views(rng: np.random.Generator, halos: int, options: Options) -> Views:
    """Let each halo lie in at least one realisation and, on average, in ``recurrence`` of them."""
    others = options.realisations - 1
    chance = min((options.recurrence - 1) / others, 1) if others else 0
    seen = 1 + rng.binomial(others, chance, halos)
    order = np.argsort(rng.random((halos, options.realisations)), axis=1)
    halo, place = np.nonzero(np.arange(options.realisations) < seen[:, None])
    n = len(halo)
    return Views(
        halo=halo,
        realisation=1 + order[halo, place],
        exposure=options.exposure * np.exp(rng.normal(-0.5 * 0.15**2, 0.15, n)),
        column=3.0 * np.exp(rng.normal(0, 0.15, n)),
        background=np.exp(rng.normal(0, 0.1, n)),
        dx=rng.normal(0, 5, n),
        dy=rng.normal(0, 5, n),
        ra=rng.uniform(126.5, 146.2, n),
        dec=rng.uniform(-3, 6, n),
    )


# --- spectra ---------------------------------------------------------------------------------------------------------


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


# --- images ----------------------------------------------------------------------------------------------------------


def cluster_counts(halos: Halos, views: Views) -> np.ndarray:
    """Expected counts of the clusters alone.

    Args:
        halos: The clusters.
        views: n views of them.

    Returns:
        (n, 50, 50, 10) float64.
    """
    seen = _take(halos, views.halo)
    spectra = cluster_rates(seen, views.column) * views.exposure[:, None]
    return cluster_maps(seen, views)[..., None] * spectra[:, None, None, :]


def sky_counts(views: Views, options: Options, rng: np.random.Generator) -> np.ndarray:
    """Expected counts of all that is not the cluster: background and point sources.

    Args:
        views: n views.
        options: Level of the background, and whether there are point sources.
        rng: For the point sources.

    Returns:
        (n, 50, 50, 10) float64.
    """
    sky = np.broadcast_to(_diffuse(views, options)[:, None, None, :], (len(views), PIXELS, PIXELS, len(BAND_EDGES) - 1))
    if not options.point_sources:
        return sky.copy()
    spectra = point_source_rates() * views.exposure[:, None]
    return sky + point_source_maps(rng, len(views))[..., None] * spectra[:, None, None, :]


def _diffuse(views: Views, options: Options) -> np.ndarray:
    """(n, bands) background counts per pixel."""
    level = options.background * (PIXEL / 60) ** 2 * views.exposure * views.background
    return level[:, None] * background_shape()


def emission_measure(x: np.ndarray, halos: Halos) -> np.ndarray:
    """Emission measure at radius x [R500], any normalisation (Vikhlinin et al. 2006, eq. 3, one component).

    Args:
        x: (points,).
        halos: n clusters.

    Returns:
        (n, points).
    """
    cusp, core, beta = (a[:, None] for a in (halos.cusp, halos.core, halos.beta))
    return (x / core) ** -cusp * (1 + (x / core) ** 2) ** (cusp / 2 - 3 * beta) / (1 + (x / 0.9) ** 3) ** (2.5 / 3)


def surface_brightness(halos: Halos) -> tuple[np.ndarray, np.ndarray]:
    """Return projected radii s (points,) [R500] and brightness (n, points), whose integral over s < 1 is 1."""
    s, sight = np.geomspace(0.01, 5, 60), np.concatenate([[0], np.geomspace(0.003, 5, 60)])
    x = np.hypot(s[:, None], sight[None, :])
    along = emission_measure(x.ravel(), halos).reshape(len(halos), *x.shape)
    brightness = np.trapezoid(along, sight, axis=-1)
    inside = np.linspace(s[0], 1, 400)
    light = np.array([np.trapezoid(np.interp(inside, s, row) * inside, inside) for row in brightness])
    light += 0.5 * s[0] ** 2 * brightness[:, 0]  # the innermost disc
    return s, brightness / (2 * np.pi * light[:, None])


def cluster_maps(halos: Halos, views: Views) -> np.ndarray:
    """(n, 50, 50) share of each pixel in the light within R500, after the PSF."""
    from scipy.ndimage import gaussian_filter

    fine, margin = PIXEL / OVERSAMPLING, 2 * OVERSAMPLING
    side = PIXELS * OVERSAMPLING + 2 * margin
    grid = (np.arange(side) - (side - 1) / 2) * fine  # arcsec
    s, brightness = surface_brightness(halos)
    log_s, log_brightness = np.log(s), np.log(brightness)
    r500 = r500_arcsec(halos)
    maps = np.empty((len(halos), PIXELS, PIXELS))
    for i in range(len(halos)):
        x, y = grid[None, :] - views.dx[i], grid[:, None] - views.dy[i]
        cos, sin, stretch = np.cos(halos.angle[i]), np.sin(halos.angle[i]), np.sqrt(halos.axis_ratio[i])
        radius2 = ((cos * x + sin * y) * stretch) ** 2 + ((cos * y - sin * x) / stretch) ** 2
        log_radius = 0.5 * np.log(radius2 + (fine / 3) ** 2) - np.log(r500[i])  # a pixel is no point
        image = np.exp(np.interp(log_radius, log_s, log_brightness[i])) * (fine / r500[i]) ** 2
        image = gaussian_filter(image, PSF_SIGMA / fine, truncate=3)[margin:-margin, margin:-margin]
        maps[i] = image.reshape(PIXELS, OVERSAMPLING, PIXELS, OVERSAMPLING).sum(axis=(1, 3))
    return maps


def point_source_maps(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 50, 50) flux of point sources [erg/s/cm2], after the PSF.

    N(>S) is 100 per square degree at 1e-14 erg/s/cm2 (0.5-2 keV), with slope 1.5 above and 0.9 below, from 2e-15 (about
    three counts; fainter ones are in the background) to 3e-13.
    """
    field = PIXELS * PIXEL + 4 * PSF_SIGMA  # arcsec; sources just outside shine in
    break_flux, faintest, brightest = 1e-14, 2e-15, 3e-13
    density = 100 * (faintest / break_flux) ** -0.9
    maps = np.empty((n, PIXELS, PIXELS))
    for i in range(n):
        sources = rng.poisson(density * (field / 3600) ** 2)
        rank = rng.random(sources) * density  # N(>S)
        flux = break_flux * np.where(rank > 100, (rank / 100) ** (-1 / 0.9), (rank / 100) ** (-1 / 1.5))
        across, along = (_pixel_shares(rng.uniform(-field / 2, field / 2, sources)) for _ in range(2))
        maps[i] = (along * np.minimum(flux, brightest)[:, None]).T @ across
    return maps


def _pixel_shares(position: np.ndarray) -> np.ndarray:
    """(n, 50) share of the light of points at ``position`` [arcsec from the centre] that each pixel row gets."""
    from scipy.special import ndtr

    edges = (np.arange(PIXELS + 1) - PIXELS / 2) * PIXEL
    return np.diff(ndtr((edges[None, :] - position[:, None]) / PSF_SIGMA), axis=1)


def _smoothed(counts: np.ndarray, sigma: float) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    counts = counts.astype(np.float32)
    return gaussian_filter(counts, (0, sigma, sigma, 0), truncate=4) if sigma else counts


# --- detection and catalogue ------------------------------------------------------------------------------------------

DETECTION_BOX = 22  # pixels, in the middle of the image
EXTENTS = (0.0, 10.0, 20.0, 35.0, 60.0)  # core radii of the beta models tried [arcsec]; 0 is a point


@cache
def _templates() -> np.ndarray:
    """(extents, pixels) of unit sum: a point and beta models (beta = 2/3), after the PSF."""
    from scipy.ndimage import gaussian_filter

    fine, side = PIXEL / 9, 9 * DETECTION_BOX
    grid = (np.arange(side) - (side - 1) / 2) * fine
    radius2 = grid[None, :] ** 2 + grid[:, None] ** 2
    models = [radius2 == radius2.min(), *((1 + radius2 / core**2) ** -1.5 for core in EXTENTS[1:])]
    smeared = [gaussian_filter(model / model.sum(), PSF_SIGMA / fine) for model in models]
    return np.array([image.reshape(DETECTION_BOX, 9, DETECTION_BOX, 9).sum(axis=(1, 3)).ravel() for image in smeared])


def _likelihoods(counts: np.ndarray, sky: np.ndarray) -> dict[str, np.ndarray]:
    """Fit the amplitude of each model to the counts of all bands.

    Args:
        counts: (n, 50, 50).
        sky: (n, 50, 50) what is expected without the cluster; known here, as if every point source had been found.

    Returns:
        ``DET_LIKE`` and ``EXT_LIKE``, the log likelihood ratios of the best extended model against none and against a
        point; its ``ML_CTS`` and ``EXT`` [arcsec].
    """
    middle = slice((PIXELS - DETECTION_BOX) // 2, (PIXELS + DETECTION_BOX) // 2)
    counts, sky = (image[:, middle, middle].reshape(len(image), -1) for image in (counts, np.maximum(sky, 1e-6)))
    fits = [_fit(counts, template, sky) for template in _templates()]
    amplitude, likelihood = (np.array(values) for values in zip(*fits, strict=True))  # (extents, n)
    best = 1 + likelihood[1:].argmax(axis=0)
    each = np.arange(len(counts))
    return {
        "DET_LIKE": likelihood[best, each],
        "EXT_LIKE": likelihood[best, each] - likelihood[0],
        "EXT": np.array(EXTENTS)[best],
        "ML_CTS": amplitude[best, each],
    }


def _fit(counts: np.ndarray, template: np.ndarray, sky: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the most likely amplitude of ``template`` and its log likelihood ratio against none, (n,) each."""
    amplitude = np.zeros(len(counts))
    for _ in range(15):  # Newton from the left never overshoots: the slope is convex
        share = template / (sky + amplitude[:, None] * template)
        weighted = counts * share
        slope, curvature = weighted.sum(axis=1) - template.sum(), (weighted * share).sum(axis=1)
        amplitude = np.maximum(amplitude + slope / np.maximum(curvature, 1e-12), 0)
    ratio = np.log1p(amplitude[:, None] * template / sky)
    return amplitude, (counts * ratio).sum(axis=1) - amplitude * template.sum()


def _entries(
    halos: Halos, views: Views, likelihoods: Mapping[str, np.ndarray], detected: np.ndarray
) -> dict[str, np.ndarray]:
    """Catalogue columns of the detected views, named as in the release."""
    views = _take(views, detected)
    halos = _take(halos, views.halo)
    r500 = r500_kpc(halos)
    return {
        "SRC_ID_IN": halos.id,
        "Nreal": views.realisation,
        "RA": views.ra,
        "DEC": views.dec,
        "z": halos.redshift,
        "kT": halos.temperature,
        "dL": geometry().at("luminosity_distance", halos.redshift),
        "Lx_soft": np.log10(halos.luminosity),
        "Fx_soft": soft_flux(halos),
        "M500c": 10**halos.log10_mass,
        "R500c_kpc": r500,
        "R500c_arcmin": r500_arcsec(halos) / 60,
        "b_to_a_500c": halos.axis_ratio,
        "ML_EXP": views.exposure,
        **{name: values[detected] for name, values in likelihoods.items()},
    }


def _catalogue(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join the chunks in the order of the images, and number the sources of each realisation."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined.pop("row"))
    table = {name: values[order] for name, values in joined.items()}
    within = np.empty(len(order), np.int64)
    for realisation in np.unique(table["Nreal"]):
        rows = np.flatnonzero(table["Nreal"] == realisation)
        within[rows] = 1 + np.arange(len(rows))
    return table | {"ID_SRC_OUT": 100_000 * table["Nreal"] + within}


def _write_catalogue(path: Path, catalogue: Mapping[str, np.ndarray], options: Options) -> None:
    import pyarrow as pa
    from pyarrow import feather

    names = dict(zip(COLUMNS["sim"], COLUMNS[options.columns], strict=True))
    if options.columns == "halo":
        names["SRC_ID_IN"] = "HALO_halo_id"
    with whole(path) as beside:
        feather.write_feather(pa.table({names.get(name, name): values for name, values in catalogue.items()}), beside)
