"""Images: the gas on the sky, point sources and background, through the PSF onto pixels."""

from __future__ import annotations

from functools import cache

import numpy as np

from skybake.mock.efeds.halos import Halos, Views, r500_arcsec, take
from skybake.mock.efeds.options import Options
from skybake.mock.efeds.spectra import background_shape, cluster_rates, point_source_rates
from skybake.raw.efeds.images import BAND_EDGES

PIXELS, PIXEL = 50, 24.0  # per side; arcsec
OVERSAMPLING = 3  # light is drawn on pixels of 8 arcsec
MARGIN = 2  # pixels around an image, from which light shines in
# King profile (1 + (r / core)^2)^-1.5 with the core radius [arcsec] that fits the survey-averaged PSF of eROSITA's
# calibration database in 0.5-2 keV (release 221121v03, out to 4 arcmin); half of the energy lies within 15 arcsec
PSF_CORE = 8.64


def cluster_counts(halos: Halos, views: Views, light: np.ndarray | None = None) -> np.ndarray:
    """Expected counts of the clusters alone.

    Args:
        halos: The clusters.
        views: n views of them.
        light: Their :func:`cluster_maps`, where these are at hand.

    Returns:
        (n, 50, 50, 10) float64.
    """
    seen = take(halos, views.halo)
    spectra = cluster_rates(seen, views.column) * views.exposure[:, None]
    light = cluster_maps(seen, views) if light is None else light
    return light[..., None] * spectra[:, None, None, :]


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
    return binned(fine_cluster_maps(halos, views))


def fine_cluster_maps(halos: Halos, views: Views) -> np.ndarray:
    """(n, 150, 150): the same on pixels of 8 arcsec."""
    fine, side = PIXEL / OVERSAMPLING, (PIXELS + 2 * MARGIN) * OVERSAMPLING
    grid = (np.arange(side) - (side - 1) / 2) * fine  # arcsec
    s, brightness = surface_brightness(halos)
    log_s, log_brightness = np.log(s), np.log(brightness)
    r500 = r500_arcsec(halos)
    maps = np.empty((len(halos), PIXELS * OVERSAMPLING, PIXELS * OVERSAMPLING))
    for i in range(len(halos)):
        x, y = grid[None, :] - views.dx[i], grid[:, None] - views.dy[i]
        cos, sin, stretch = np.cos(halos.angle[i]), np.sin(halos.angle[i]), np.sqrt(halos.axis_ratio[i])
        radius2 = ((cos * x + sin * y) * stretch) ** 2 + ((cos * y - sin * x) / stretch) ** 2
        log_radius = 0.5 * np.log(radius2 + (fine / 3) ** 2) - np.log(r500[i])  # a pixel is no point
        maps[i] = _seen(np.exp(np.interp(log_radius, log_s, log_brightness[i])) * (fine / r500[i]) ** 2)
    return maps


def point_source_maps(rng: np.random.Generator, n: int) -> np.ndarray:
    """(n, 50, 50) flux of point sources [erg/s/cm2], after the PSF.

    N(>S) is 100 per square degree at 1e-14 erg/s/cm2 (0.5-2 keV), with slope 1.5 above and 0.9 below, from 2e-15 (about
    three counts; fainter ones are in the background) to 3e-13.
    """
    side = (PIXELS + 2 * MARGIN) * OVERSAMPLING  # sources just outside shine in
    break_flux, faintest, brightest = 1e-14, 2e-15, 3e-13
    density = 100 * (faintest / break_flux) ** -0.9
    maps = np.empty((n, PIXELS, PIXELS))
    for i in range(n):
        sources = rng.poisson(density * (side * PIXEL / OVERSAMPLING / 3600) ** 2)
        rank = rng.random(sources) * density  # N(>S)
        flux = break_flux * np.where(rank > 100, (rank / 100) ** (-1 / 0.9), (rank / 100) ** (-1 / 1.5))
        light = np.zeros((side, side))
        np.add.at(light, tuple(rng.integers(side, size=(2, sources))), np.minimum(flux, brightest))
        maps[i] = binned(_seen(light))
    return maps


def binned(fine: np.ndarray) -> np.ndarray:
    """Return the sums (..., H, W) over the pixels of 8 arcsec (..., 3 H, 3 W) in each image pixel."""
    height, width = (side // OVERSAMPLING for side in fine.shape[-2:])
    return fine.reshape(*fine.shape[:-2], height, OVERSAMPLING, width, OVERSAMPLING).sum(axis=(-3, -1))


def _seen(light: np.ndarray) -> np.ndarray:
    """Return light on pixels of 8 arcsec after the PSF, without the margin."""
    from scipy import fft

    edge = MARGIN * OVERSAMPLING
    return fft.irfft2(fft.rfft2(light) * psf_window(len(light), PIXEL / OVERSAMPLING), light.shape)[
        edge:-edge, edge:-edge
    ]


@cache
def psf_window(side: int, pixel: float) -> np.ndarray:
    """(side, side // 2 + 1) transform of the PSF on pixels of ``pixel`` arcsec; a King profile's is exponential."""
    from scipy import fft

    frequency = np.hypot(fft.fftfreq(side, pixel)[:, None], fft.rfftfreq(side, pixel))  # 1 / arcsec
    return np.exp(-2 * np.pi * PSF_CORE * frequency)


def smooth(counts: np.ndarray, sigma: float) -> np.ndarray:
    """Return images (n, H, W, C) after a Gaussian of ``sigma`` pixels, as the release's cubes are smoothed."""
    from scipy.ndimage import gaussian_filter

    counts = counts.astype(np.float32)
    return gaussian_filter(counts, (0, sigma, sigma, 0), truncate=4) if sigma else counts
