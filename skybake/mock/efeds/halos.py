"""Halos, their gas, and the views of them: drawn from the mass function and the scaling relations."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import TypeVar

import numpy as np

from skybake.mock.efeds.options import Options
from skybake.mock.efeds.universe import MASS_RANGE, REDSHIFT_RANGE, geometry, halo_density

PIVOT_MASS, PIVOT_REDSHIFT = 6.35e14, 0.45  # Msun; of the scaling relations
COUNTS_PER_FLUX = 1.2e12  # (counts/s in 0.5-2 keV) per (erg/s/cm2 in 0.5-2 keV)
CHUNK = 128  # views
SCATTER_CORRELATION = np.array([[1, 0.3, 0.4], [0.3, 1, -0.2], [0.4, -0.2, 1]])  # luminosity, temperature, cusp


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


def candidate_clusters(rng: np.random.Generator, options: Options) -> Iterator[tuple[Halos, Views]]:
    """Give halos that have a chance to be detected, in chunks of views, without end."""
    density, first_id = density_grid(), 1
    while True:
        halos = draw_gas(rng, *_draw_halos(rng, density, 200_000), options)
        halos = take(halos, _worth_a_look(halos, options))
        halos = replace(halos, id=first_id + np.arange(len(halos)))
        first_id += len(halos)
        views = _views(rng, len(halos), options)
        for first in range(0, max(len(views), 1), CHUNK):  # an empty chunk counts as one without a detection
            chunk = take(views, slice(first, first + CHUNK))
            used, halo = np.unique(chunk.halo, return_inverse=True)
            yield take(halos, used), replace(chunk, halo=halo)


Table = TypeVar("Table", Halos, Views)


def take(table: Table, rows: np.ndarray | slice) -> Table:
    """Return some rows of a table."""
    return type(table)(**{field.name: getattr(table, field.name)[rows] for field in fields(table)})


@cache
def density_grid() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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


def draw_gas(rng: np.random.Generator, log10_mass: np.ndarray, redshift: np.ndarray, options: Options) -> Halos:
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
