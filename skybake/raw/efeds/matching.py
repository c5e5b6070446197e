"""Which cube belongs to which row, and which rows cannot be used."""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from skybake.missing import MOST_REDSHIFT, present
from skybake.raw import RawError
from skybake.raw.efeds.catalogue import Catalogue
from skybake.raw.efeds.images import Cubes
from skybake.raw.efeds.options import Options

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Match:
    """Which image belongs to which row.

    Attributes:
        image: (rows,) number of the image, -1 where there is none.
        ids: One id per row; they can repeat.
        how: In words.
        reasons: Row -> (reason, detail) where there is no image.
        unused: Number of images without a row.
    """

    image: np.ndarray
    ids: list[str]
    how: str
    reasons: dict[int, tuple[str, str]]
    unused: int


def match_rows(cubes: Cubes, catalogue: Catalogue, options: Options) -> Match:
    """Find the image of every row: by id where both files have ids, else by position."""
    how = "position"
    if options.match != "position" and cubes.ids is not None and catalogue.ids is not None:
        how = f"id ({catalogue.id_column})"
        if cubes.ids != catalogue.ids:
            return _match_by_id(cubes, cubes.ids, catalogue, catalogue.ids)
    elif options.match == "id":
        raise RawError(f"{cubes.path}: no 'cluster' ids to match by. Hint: set `match: position`")
    if len(cubes.images) != len(catalogue):
        raise RawError(
            f"{cubes.path} has {len(cubes.images)} images, {catalogue.path} has {len(catalogue)} rows, and there are "
            "no cluster ids in both to match them by. Hint: are these files of the same release? Or set `id_column`"
        )
    ids = cubes.ids or catalogue.ids or [str(row) for row in range(len(catalogue))]
    return Match(np.arange(len(catalogue)), ids, how, {}, 0)


def _match_by_id(cubes: Cubes, image_ids: list[str], catalogue: Catalogue, row_ids: list[str]) -> Match:
    images, rows = Counter(image_ids), Counter(row_ids)
    if not images.keys() & rows.keys():
        raise RawError(
            f"no id of {catalogue.path}, column {catalogue.id_column!r} (first: {row_ids[0]!r}), is among the "
            f"ids of {cubes.path} (first: {image_ids[0]!r}). Hint: set `id_column`, or `match: position`"
        )
    number = {name: i for i, name in enumerate(image_ids)}
    image = np.full(len(catalogue), -1)
    reasons = {}
    for row, name in enumerate(row_ids):
        if name not in images:
            reasons[row] = ("no image", f"no image has the id {name}")
        elif images[name] > 1 or rows[name] > 1:
            reasons[row] = ("id repeats", f"{rows[name]} rows and {images[name]} images have it")
        else:
            image[row] = number[name]
    unused = [name for name in image_ids if name not in rows]
    if unused:
        log.warning("%s: %d images have no row, first: %s", cubes.path, len(unused), unused[0])
    return Match(image, row_ids, f"id ({catalogue.id_column})", reasons, len(unused))


def find_rejections(
    cubes: Cubes, catalogue: Catalogue, match: Match, *, needs_label: bool = True
) -> dict[int, tuple[str, str]]:
    """Return row -> (reason, detail) of the rows that cannot be used; the first reason found counts.

    Without ``needs_label`` nothing is said of masses.
    """
    reasons = dict(match.reasons)
    for row, reason, detail in (
        *(_unusable_masses(catalogue) if needs_label else ()),
        *_unusable_redshifts(catalogue),
        *_unusable_images(cubes, catalogue, match, needs_label),
    ):
        reasons.setdefault(row, (reason, detail))
    return reasons


def _unusable_masses(catalogue: Catalogue) -> Iterator[tuple[int, str, str]]:
    for row in np.flatnonzero(~np.isfinite(catalogue.log10_mass)):
        mass = catalogue.mass[row]
        if np.isnan(mass):
            yield int(row), "mass missing", "NaN"
        else:
            yield int(row), "mass not positive" if mass <= 0 else "mass not finite", f"{mass:g}"


def _unusable_redshifts(catalogue: Catalogue) -> Iterator[tuple[int, str, str]]:
    redshift = catalogue.scalars["redshift"]
    for row in np.flatnonzero(~present(redshift)):
        yield int(row), "redshift missing", f"{redshift[row]:g}"
    for row in np.flatnonzero(redshift < 0):
        yield int(row), "redshift negative", f"{redshift[row]:g}"
    for row in np.flatnonzero(redshift > MOST_REDSHIFT):
        yield int(row), "redshift impossible", f"{redshift[row]:g}, expected at most {MOST_REDSHIFT:g}"


def _unusable_images(
    cubes: Cubes, catalogue: Catalogue, match: Match, needs_label: bool
) -> Iterator[tuple[int, str, str]]:
    same: dict[bytes, list[int]] = {}
    constant = set()
    for row, number in enumerate(match.image):
        if number < 0:
            continue
        image = cubes.images[number]
        if image.shape != cubes.shape or image.dtype.kind not in "buif":
            yield row, "image shape", f"{image.shape} of {image.dtype}, the others have {cubes.shape}"
            continue
        digest = hashlib.blake2b(np.ascontiguousarray(image).data).digest()
        same.setdefault(digest, []).append(row)
        if (image == image.flat[0]).all():
            constant.add(digest)
    for digest, rows in same.items():
        usable = [row for row in rows if np.isfinite(catalogue.log10_mass[row])]
        masses = {row: float(catalogue.log10_mass[row]) for row in usable}
        for row in usable if needs_label and digest not in constant else ():
            other = next((other for other in usable if masses[other] != masses[row]), None)
            if other is not None:
                text = f"log10 of the mass is {masses[row]:g}, and {masses[other]:g} of the same cube in row {other}"
                yield row, "labels disagree", text
        seen = set()
        for row in rows:
            if match.ids[row] in seen:
                yield row, "duplicate", "same id and same image as an earlier row"
            seen.add(match.ids[row])
