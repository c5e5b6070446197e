"""Images: the gas on the sky, point sources and background, through the PSF onto pixels."""

from __future__ import annotations

import numpy as np

from skybake.mock.efeds.halos import Halos, Views, r500_arcsec, take
from skybake.mock.efeds.options import Options
from skybake.mock.efeds.spectra import background_shape, cluster_rates, point_source_rates
from skybake.raw.efeds.images import BAND_EDGES

PIXELS, PIXEL = 50, 24.0  # per side; arcsec
OVERSAMPLING = 3  # clusters are drawn on pixels of 8 arcsec
PSF_SIGMA = 26.0 / 2.3548  # arcsec: half of a Gaussian's energy lies within 1.1774 sigma


def cluster_counts(halos: Halos, views: Views) -> np.ndarray:
    """Expected counts of the clusters alone.

    Args:
        halos: The clusters.
        views: n views of them.

    Returns:
        (n, 50, 50, 10) float64.
    """
    seen = take(halos, views.halo)
    spectra = cluster_rates(seen, views.column) * views.exposure[:, None]
    return cluster_maps(seen, views)[..., None] * spectra[:, None, None, :]


def sky_counts(views: Views, options: Options, points: np.ndarray | None) -> np.ndarray:
    """Expected counts of all that is not the cluster: background and point sources.

    Args:
        views: n views.
        options: Level of the background.
        points: (n, 50, 50) flux of point sources as of :func:`point_source_maps`; None where there are none.

    Returns:
        (n, 50, 50, 10) float64.
    """
    sky = np.broadcast_to(diffuse(views, options)[:, None, None, :], (len(views), PIXELS, PIXELS, len(BAND_EDGES) - 1))
    if points is None:
        return sky.copy()
    spectra = point_source_rates() * views.exposure[:, None]
    return sky + points[..., None] * spectra[:, None, None, :]


def diffuse(views: Views, options: Options) -> np.ndarray:
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


def smooth(counts: np.ndarray, sigma: float) -> np.ndarray:
    """Return images (n, H, W, C) after a Gaussian of ``sigma`` pixels, as the release's cubes are smoothed."""
    from scipy.ndimage import gaussian_filter

    counts = counts.astype(np.float32)
    return gaussian_filter(counts, (0, sigma, sigma, 0), truncate=4) if sigma else counts
