"""How well masses can be known at all: Cramer-Rao with the simulation's own priors, from what was drawn of each image.

With latents t of an image and its view (:data:`STEPS`), prior precision P, expected data m(t) and their covariance C,
no estimate of log10 M has a mean squared error below [(P + J^T C^-1 J)^-1]_MM, J = dm/dt (Van Trees 1968, Detection,
Estimation, and Modulation Theory I, section 2.4), taken at the true latents and averaged over images.

*Point sources known*: the data are the counts of all pixels and bands, C the diagonal of m. *Unknown*: the data are
sums in rings and bands; point sources, whose fields are drawn as the simulation draws them, add the covariance of
their sums. It is taken as Gaussian, and a ring's sum counts for no more than that of all but the brightest 10 % of the
fields: a Gaussian that is to hold these too would tell of less than the data do, since a source that outshines a
cluster is seen. So this line is an estimate, not a bound: 10 % is the least that no network of tens of thousands of
clusters passes (docs/measurements.md).

The smoothing of images loses nothing: it can be undone. The detection cut depends on the data and the sky, and on
where within their pixels the photons of the middle fell, which tells next to nothing more of the mass; so the prior is
that of all halos. Redshifts are known.
"""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache

import numpy as np

from skybake.data.limit import SIGMA, Limit, Truth
from skybake.mock.efeds.halos import SCATTER_CORRELATION, Halos, Views, density_grid, take
from skybake.mock.efeds.maps import PIXELS, cluster_maps, diffuse, point_source_maps
from skybake.mock.efeds.options import Options
from skybake.mock.efeds.spectra import cluster_rates, point_source_rates

RINGS, SUBPIXELS = 11, 5
FIELDS, CLIPPED = 4000, 0.10  # fields of point sources drawn, and the part of the brightest whose sums are clipped
BLOCK = 25  # images at once
# Steps of the derivatives, about a fifth of each latent's scatter. The first three scale as the options say.
STEPS = {
    "mass": 0.02,  # dex
    "luminosity": 0.2,  # sigma
    "temperature": 0.2,  # sigma
    "cusp": 0.1,  # sigma
    "metals": 0.02,  # dex
    "core": 0.03,  # dex
    "beta": 0.01,
    "axis_ratio": 0.02,
    "angle": 0.1,  # rad
    "exposure": 0.03,  # of ln
    "column": 0.03,  # of ln
    "background": 0.03,  # of ln
    "dx": 1.0,  # arcsec
    "dy": 1.0,  # arcsec
}
SCATTER = {
    **{"metals": 0.1, "core": 0.18, "beta": 0.06, "axis_ratio": 0.1, "angle": np.pi / np.sqrt(12)},
    **{"exposure": 0.15, "column": 0.15, "background": 0.1, "dx": 5.0, "dy": 5.0},
}
SHAPES = ("mass", "cusp", "core", "beta", "axis_ratio", "angle", "dx", "dy")  # what changes the map of the light


def truth_of(halos: Halos, views: Views, points: np.ndarray | None, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return what was drawn of some views: one halo and one view each, and the flux of the point sources around."""
    seen = take(views, rows)
    drawn = {f"halo/{field.name}": getattr(halos, field.name)[seen.halo] for field in fields(Halos)}
    drawn |= {f"view/{field.name}": getattr(seen, field.name) for field in fields(Views)}
    return drawn if points is None else drawn | {"points": points[rows].astype(np.float32)}


def lines(options: Options, truth: Truth) -> list[Limit]:
    """Return the scatter of log10 M that remains of each image, with point sources unknown and known."""
    n = len(truth["view/dx"])
    blocks = [covariances(options, truth, slice(first, first + BLOCK)) for first in range(0, n, BLOCK)]
    found = np.sqrt(np.concatenate(blocks)[:, :, 0, 0])
    method = "Cramer-Rao bound with the simulation's priors of mass, gas, shape, exposure, absorption and background"
    known = Limit("point sources known", SIGMA, f"{method}, counts of all pixels and bands", found[:, 1])
    if not options.point_sources:
        return [replace(known, name="no point sources")]
    sums = f"{method}, counts of {RINGS} rings in each band, point sources as Gaussian clutter"
    sums += ": an estimate, good to 5 %"  # by how the brightest ones are clipped, see docs/measurements.md
    return [Limit("point sources unknown", SIGMA, sums, found[:, 0]), known]


def drawn(truth: Truth, rows: slice) -> tuple[Halos, Views]:
    """Return the halos and views of some images, a halo for each view."""
    halos = Halos(**{field.name: truth[f"halo/{field.name}"][rows] for field in fields(Halos)})
    views = Views(**{field.name: truth[f"view/{field.name}"][rows] for field in fields(Views)})
    return halos, replace(views, halo=np.arange(len(views)))


def covariances(options: Options, truth: Truth, rows: slice) -> np.ndarray:
    """Return the covariance of the latents with point sources unknown and known: (n, 2, latents, latents)."""
    halos, views = drawn(truth, rows)
    mean, slopes = _expected(halos, views, options)
    rates = point_source_rates() * views.exposure[:, None]
    points = truth["points"][rows] if "points" in truth else np.zeros((len(views), PIXELS, PIXELS))
    rings, clutter = _rings(), _clutter() if options.point_sources else (np.zeros(RINGS), np.zeros((RINGS, RINGS)))
    found = np.empty((len(views), 2, len(STEPS), len(STEPS)))
    for i in range(len(views)):
        prior = _prior_precision(halos.log10_mass[i], halos.redshift[i])
        flat = slopes[:, i].reshape(len(STEPS), PIXELS**2, -1)  # (latents, pixels, bands)
        sums = np.einsum("rp,lpb->lrb", rings, flat).reshape(len(STEPS), -1)
        light = rings @ mean[i].reshape(PIXELS**2, -1) + clutter[0][:, None] * rates[i]
        covariance = np.diag(light.ravel()) + np.kron(clutter[1], np.outer(rates[i], rates[i]))
        pixels = mean[i] + points[i][..., None] * rates[i]
        known = flat.reshape(len(STEPS), -1)
        found[i, 0] = np.linalg.inv(prior + sums @ np.linalg.solve(covariance, sums.T))
        found[i, 1] = np.linalg.inv(prior + (known / pixels.ravel()) @ known.T)
    return found


def _expected(halos: Halos, views: Views, options: Options) -> tuple[np.ndarray, np.ndarray]:
    """Return the counts without point sources (n, 50, 50, bands), and their slopes (latents, n, 50, 50, bands)."""

    def counts(light: np.ndarray, of: tuple[Halos, Views]) -> np.ndarray:
        rates = cluster_rates(of[0], of[1].column) * of[1].exposure[:, None]
        return light[..., None] * rates[:, None, None] + diffuse(of[1], options)[:, None, None]

    light = cluster_maps(halos, views)
    mean = counts(light, (halos, views))
    slopes = np.empty((len(STEPS), *mean.shape))
    for place, (name, step) in enumerate(STEPS.items()):
        either = [moved(halos, views, name, sign * step, options) for sign in (1, -1)]
        maps = [cluster_maps(*one) if name in SHAPES else light for one in either]
        above, below = (counts(*pair) for pair in zip(maps, either, strict=True))
        slopes[place] = (above - below) / (2 * step)
    return mean, slopes


def moved(halos: Halos, views: Views, name: str, step: float, options: Options) -> tuple[Halos, Views]:
    """Return clusters and views with one latent changed; gas follows the mass as it is drawn."""
    if name == "mass":
        mass = 10**step
        more = {
            "log10_mass": halos.log10_mass + step,
            "luminosity": halos.luminosity * mass**1.89,
            "temperature": halos.temperature * mass**0.80,
        }
        return replace(halos, **more), views
    if name in ("luminosity", "temperature"):
        scatter = getattr(options, f"{name}_scatter")
        return replace(halos, **{name: getattr(halos, name) * 10 ** (scatter * step)}), views
    if name == "cusp":
        return replace(halos, cusp=np.clip(halos.cusp + 0.45 * step, 0, 1.6)), views
    if name in ("metals", "core"):
        return replace(halos, **{name: getattr(halos, name) * 10**step}), views
    if name in ("beta", "axis_ratio", "angle"):
        return replace(halos, **{name: getattr(halos, name) + step}), views
    if name in ("dx", "dy"):
        return halos, replace(views, **{name: getattr(views, name) + step})
    return halos, replace(views, **{name: getattr(views, name) * np.exp(step)})


def _prior_precision(log10_mass: float, redshift: float) -> np.ndarray:
    """Return the precision of the latents (latents, latents): of the mass from the mass function at that redshift."""
    names = list(STEPS)
    found = np.zeros((len(names), len(names)))
    found[0, 0] = mass_precision(log10_mass, redshift)
    found[1:4, 1:4] = np.linalg.inv(SCATTER_CORRELATION)
    for name, scatter in SCATTER.items():
        found[names.index(name), names.index(name)] = scatter**-2
    return found


def mass_precision(log10_mass: float, redshift: float) -> float:
    """Return -d2 ln n / d(log10 M)2 of the mass function at a redshift, by a parabola over 0.4 dex."""
    z_edges, mass_edges, density = density_grid()
    row = min(int(np.searchsorted(z_edges, redshift, side="right")) - 1, len(density) - 1)
    centres = (mass_edges[1:] + mass_edges[:-1]) / 2
    near = np.abs(centres - np.clip(log10_mass, centres[0] + 0.2, centres[-1] - 0.2)) <= 0.2
    return max(-2 * np.polyfit(centres[near], np.log(density[row, near]), 2)[0], 0.0)


@cache
def _rings() -> np.ndarray:
    """Return the part of every pixel in each ring about the middle: (rings, pixels)."""
    offset = (np.arange(PIXELS * SUBPIXELS) + 0.5) / SUBPIXELS - PIXELS / 2
    radii = [0.0, *np.geomspace(1.0, PIXELS / 2, RINGS - 1), np.inf]
    place = np.searchsorted(radii, np.hypot(offset[:, None], offset), side="right") - 1
    inside = (place == np.arange(RINGS)[:, None, None]).reshape(RINGS, PIXELS, SUBPIXELS, PIXELS, SUBPIXELS)
    return inside.mean(axis=(2, 4)).reshape(RINGS, -1)


@cache
def _clutter() -> tuple[np.ndarray, np.ndarray]:
    """Return mean (rings,) and covariance of the flux of point sources in rings."""
    rng = np.random.default_rng(0)
    sums = point_source_maps(rng, FIELDS).reshape(FIELDS, -1) @ _rings().T
    clipped = np.minimum(sums, np.quantile(sums, 1 - CLIPPED, axis=0))
    return clipped.mean(axis=0), np.cov(clipped, rowvar=False)
