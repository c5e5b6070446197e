"""eFEDS: X-ray cubes of galaxy clusters and their masses (Krippendorf et al. 2023, A&A 682, A132, arXiv:2305.00016).

Raw files:

- ``images``: a pickle ``{"cluster": ids, "gsm_3dImgs": cubes}``, as it is or in gzip, bz2 or xz. The cubes are one
  array (N, H, W, C) or a list of N arrays (H, W, C); in the release 50 x 50 pixels of 24" in ten energy bands over
  0.25-2.3 keV, Gaussian-smoothed, so that pixels are expected to be real numbers, not whole counts. The release gives
  no band edges: ten bands of equal width are named here. Other numbers of bands are called ``band 1``, ``band 2``, ...
- ``catalogue``: a feather table with one row per cluster. Its mass and redshift columns have one of three names (see
  :data:`COLUMNS`).

*Order.* The dataset's rows are the catalogue's rows in their order, rejected ones left out, so that a split by row
number (seed 40) picks the clusters that the published one picked.

*Matching.* Rows and cubes are matched by cluster id where both have one, by position otherwise. The catalogue has one
if it has a column ``cluster``, or a column of :data:`ID_COLUMNS`, that holds all of the cubes' ids, or only such; or,
where ids are no plain numbers, over half of them. Numbers of which only some agree may agree by coincidence: then the
option ``match`` must say what holds. Cubes that are simply numbered 0, 1, 2, ... or 1, 2, 3, ... have ids only if a
column holds them all. Where the ids agree row by row, their repeating does no harm; elsewhere a repeated id is
ambiguous and its rows are rejected. By position, both must be equally many.

*Ids.* The same halo can recur in several realisations of the footprint. The second and later objects of the same id
are called ``<id>#2``, ``<id>#3``, ... in catalogue order; one whose cube is the same to the bit is rejected as a
duplicate. Cubes that are the same to the bit, but have other masses, are all rejected.

*Counting.* Accepted + rejected = rows of the catalogue. Cubes without a row are no rows: their number is logged and
kept in the dataset's attribute ``images_without_row``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from skybake.data.columns import CHUNK_OBJECTS, Column, Schema
from skybake.data.rejections import Rejection
from skybake.raw import Batch, Reading
from skybake.raw.efeds.catalogue import Catalogue, read_catalogue
from skybake.raw.efeds.images import Cubes, band_names, read_images
from skybake.raw.efeds.matching import Match, find_rejections, match_rows
from skybake.raw.efeds.options import Options

TASK = "regression"
INPUTS = ("redshift",)
LABEL = "log10_mass"
OUTLIER = 0.3  # a factor of two in the mass, in dex
RAW = {
    "images": "pickle {'cluster', 'gsm_3dImgs'} of cubes (N, H, W, C); also gzip, bz2, xz",
    "catalogue": "feather table of masses and redshifts, one row per cluster",
}


def check(raw: Mapping[str, Path], options: Options) -> list[str]:
    """Return the names of the scalars."""
    return ["redshift", *options.scalars]


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Read the clusters: (N, H, W, C) [counts, smoothed], label ``log10_mass`` [log10 Msun], scalar ``redshift``.

    Raises:
        RawError: The files cannot be read or do not belong together.
    """
    cubes = read_images(Path(raw["images"]), options.layout)
    catalogue = read_catalogue(Path(raw["catalogue"]), options, cubes.ids)
    match = match_rows(cubes, catalogue, options)
    reasons = find_rejections(cubes, catalogue, match, needs_label=options.needs_label)
    schema = Schema(
        bands=band_names(cubes.shape[-1]),
        image=Column("counts", "X-ray counts per pixel and energy band, Gaussian-smoothed"),
        labels={LABEL: Column("log10(Msun)", "log10 of the mass M500c", "mass", outlier=OUTLIER)},
        scalars={
            name: Column("", "redshift", "redshift")
            if name == "redshift"
            else Column("", f"column {name} of the catalogue")
            for name in catalogue.scalars
        },
        notes={"columns": catalogue.columns, "matched_by": match.how, "images_without_row": match.unused},
    )
    usable = np.array([row for row in range(len(catalogue)) if row not in reasons], dtype=int)
    return Reading(
        schema,
        rows=len(catalogue),
        batches=_batches(cubes, catalogue, match, usable),
        rejections=[Rejection(row, match.ids[row], *reasons[row]) for row in sorted(reasons)],
    )


def _batches(cubes: Cubes, catalogue: Catalogue, match: Match, usable: np.ndarray) -> Iterator[Batch]:
    names = _unique(match.ids)
    groups = [halo or own for halo, own in zip(catalogue.groups or match.ids, match.ids, strict=True)]
    for first in range(0, len(usable), CHUNK_OBJECTS):
        rows = usable[first : first + CHUNK_OBJECTS]
        yield Batch(
            rows=rows,
            image=np.stack([cubes.images[number] for number in match.image[rows]]),
            id=[names[row] for row in rows],
            group=[groups[row] for row in rows],
            labels={LABEL: np.where(np.isfinite(catalogue.log10_mass[rows]), catalogue.log10_mass[rows], np.nan)},
            scalars={name: values[rows] for name, values in catalogue.scalars.items()},
        )


def _unique(ids: Sequence[str]) -> list[str]:
    taken, names = set(ids), []
    times: Counter[str] = Counter()
    for name in ids:
        times[name] += 1
        unique = name
        while times[name] > 1 and unique in taken:
            unique = f"{name}#{times[name]}"
            times[name] += unique in taken
        taken.add(unique)
        names.append(unique)
    return names
