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
   with its own exposure, absorption, background level and pointing offset; a PSF with wings (King profile).
5. Poisson noise, a detection cut as eSASS makes it (likelihood of a source, likelihood that it is extended, fitted
   within 60 arcsec on pixels of 8 arcsec), and Gaussian smoothing, as the release's cubes are smoothed.

The footprint is observed in several realisations, and the same halo can be seen in more than one: same mass, redshift,
gas and shape, another view of it. Its ``SRC_ID_IN`` recurs; ``ID_SRC_OUT`` (the pickle's ``cluster``) is unique.

Simplifications: isothermal gas, one PSF for all energies and places, no clustering of point sources around clusters,
flat exposure and background over an image, a closed form instead of a plasma code.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skybake.data.limit import Limit, Truth, write_truth
from skybake.files import atomic_write
from skybake.mock.efeds import cramer_rao
from skybake.mock.efeds.catalogue import catalogue_entries, in_order, numbered, write_catalogue
from skybake.mock.efeds.detection import likelihoods_of_models, photons_within
from skybake.mock.efeds.halos import candidate_clusters, take
from skybake.mock.efeds.maps import (
    PIXELS,
    binned,
    cluster_counts,
    fine_cluster_maps,
    point_source_maps,
    sky_counts,
    smooth,
)
from skybake.mock.efeds.options import Options
from skybake.raw.efeds.images import BAND_EDGES

RAW_FILES = {"images": "images.pickle", "catalogue": "catalogue.feather"}
SMALL = {"n_clusters": 20}
OPTIONAL_FILES = {"expectation": "expectation.npy"}
LIMIT = {"label": "log10_mass", "objects": 1000}  # efficiencies of 300 were good to 10 % only
PATIENCE = 40  # chunks without a detection


def simulate(raw: Mapping[str, Path], options: Options, *, threads: int = 1) -> None:
    """Write the raw files of a simulated survey; the same options give the same bytes.

    Args:
        raw: Paths of :data:`RAW_FILES`; with ``expectation``, where that goes (else beside the images); with
            ``truth``, where what was drawn of each image goes.
        options: What to simulate.
        threads: Not used.
    """
    images_path = Path(raw["images"])
    images = np.empty((options.n_clusters, PIXELS, PIXELS, len(BAND_EDGES) - 1), np.float32)
    if options.expectation:
        with atomic_write(raw.get("expectation", images_path.with_name(OPTIONAL_FILES["expectation"]))) as beside:
            expected = np.lib.format.open_memmap(beside, "w+", np.float32, images.shape)
            catalogue, truth = _observe(images, expected, options)
            expected.flush()
    else:
        catalogue, truth = _observe(images, None, options)
    with atomic_write(images_path) as beside, beside.open("wb") as stream:
        pickle.dump({"cluster": catalogue["ID_SRC_OUT"].tolist(), "gsm_3dImgs": images}, stream, protocol=4)
    write_catalogue(Path(raw["catalogue"]), catalogue, options)
    if "truth" in raw:
        write_truth(raw["truth"], {"id": catalogue["ID_SRC_OUT"].astype(str)} | truth)


def limit(options: Options, truth: Truth) -> list[Limit]:
    """Return how well masses can be known of some images: :mod:`skybake.mock.efeds.cramer_rao`."""
    return cramer_rao.lines(options, truth)


def _observe(
    images: np.ndarray, expected: np.ndarray | None, options: Options
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Fill ``images`` (and ``expected``) with detected clusters in random order; return catalogue and truth."""
    from tqdm import tqdm

    rng = np.random.default_rng(options.seed)
    rows, found, barren = rng.permutation(len(images)), 0, 0
    parts, truths = [], []
    with tqdm(total=len(images), desc="simulate efeds", unit="cluster", delay=3) as progress:
        for halos, views in candidate_clusters(rng, options):
            points = point_source_maps(rng, len(views)) if options.point_sources else None
            sky = sky_counts(views, options, points)
            light = fine_cluster_maps(take(halos, views.halo), views)
            clusters = cluster_counts(halos, views, binned(light))
            mean = clusters + sky
            counts = rng.poisson(mean)
            bright = clusters.sum(axis=(1, 2, 3)) / light.sum(axis=(1, 2))
            middle = photons_within(rng, counts.sum(axis=-1), light * bright[:, None, None], sky.sum(axis=-1))
            likelihoods = likelihoods_of_models(*middle)
            detected = np.flatnonzero(
                (likelihoods["DET_LIKE"] >= options.detection_likelihood)
                & (likelihoods["EXT_LIKE"] >= options.extent_likelihood)
            )[: len(images) - found]
            places = rows[found : found + len(detected)]
            images[places] = smooth(counts[detected], options.smoothing)
            if expected is not None:
                expected[places] = mean[detected]
            parts.append(catalogue_entries(halos, views, likelihoods, detected) | {"row": places})
            truths.append(cramer_rao.truth_of(halos, views, points, detected) | {"row": places})
            found += len(detected)
            progress.update(len(detected))
            if found == len(images):
                break
            barren = 0 if len(detected) else barren + 1
            if barren == PATIENCE:
                raise ValueError(_too_faint(found, options))
    return numbered(in_order(parts)), in_order(truths)


def _too_faint(found: int, options: Options) -> str:
    return (
        f"mock efeds: {found} of {options.n_clusters} clusters detected, and no more are found with exposure "
        f"{options.exposure:g} s, detection_likelihood {options.detection_likelihood:g} and extent_likelihood "
        f"{options.extent_likelihood:g}. Hint: lower the likelihoods or expose longer"
    )
