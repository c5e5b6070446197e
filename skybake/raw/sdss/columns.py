"""What the columns of an SDSS catalogue are, by their names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from skybake.data.columns import Column
from skybake.metrics.regression import RELATIVE
from skybake.raw.sdss.catalogue import is_redshift
from skybake.raw.sdss.frames import BANDS
from skybake.raw.sdss.objects import OUTLIER

OUTLIER_REDSHIFT = 0.05  # Pasquet et al. 2019, arXiv:1806.06607, section 4.2
_MAGNITUDES = {
    "extinction": re.compile(r"extinction(_[ugriz])?"),
    "dereddened_magnitude": re.compile(r"\w*dered(_[ugriz])?"),
    "magnitude": re.compile(r"\w*mag(_[ugriz])?|[ugriz]"),
    "colour": re.compile("u-g|g-r|r-i|i-z"),
}


def scalar_column(name: str, description: str) -> Column:
    """Return what a scalar is, a column of the catalogue or one that is made of several.

    Names are SDSS's: ``cModelMag_r``, ``psfFlux_g``, ``extinction_u``, ``dered_r``, ``r``; those made here are
    ``cModelMag_dered_r`` and ``g-r``. A band's own name is a magnitude, ``z`` too.
    """
    lower = name.lower()
    head, _, band = lower.rpartition("_")
    band = lower if lower in BANDS else band if head and band in BANDS else ""
    if lower in ("ra", "dec"):
        return Column("deg", description, "right_ascension" if lower == "ra" else "declination")
    if "flux" in lower:
        return Column("nanomaggy", description, "uncertainty" if "err" in lower else "flux", band)
    kind = next((kind for kind, pattern in _MAGNITUDES.items() if pattern.fullmatch(lower)), "other")
    if kind != "other":
        return Column("mag", description, kind, "" if kind == "colour" else band)
    if is_redshift(lower):
        return Column("", description, "redshift")
    kind = "uncertainty" if "err" in lower else "other"
    of_magnitude = re.search("mag(err)?(_|$)", lower) or lower.startswith(("dered", "extinction"))
    return Column("mag" if of_magnitude else "", description, kind, band)


def label_column(name: str, description: str, known_error: str) -> Column:
    """Return what the label is; ``known_error`` is the scalar that holds its error, or empty."""
    if is_redshift(name):
        return Column("", description, "redshift", error=RELATIVE, outlier=OUTLIER_REDSHIFT, known_error=known_error)
    return replace(scalar_column(name, description), outlier=OUTLIER, known_error=known_error)


def with_preferred(columns: Mapping[str, Column]) -> dict[str, Column]:
    """Mark the magnitude that figures take: of band r before others, dereddened before others, then by name."""
    magnitudes = [name for name, column in columns.items() if column.kind in ("magnitude", "dereddened_magnitude")]

    def rank(name: str) -> tuple[bool, bool, str]:
        return columns[name].band != "r", columns[name].kind == "magnitude", name

    best = min(magnitudes, key=rank, default="")
    return {name: replace(column, preferred=name == best) for name, column in columns.items()}
