"""SDSS spectrum files: the redshift that each gives, and the row of the catalogue that it belongs to.

A file is ``spec-<plate>-<mjd>-<fiber>.fits[.gz]``; the one row of its HDU 2 is that of the survey's table of spectra
(data model: https://data.sdss.org/datamodel/files/SPECTRO_REDUX/RUN2D/spectra/PLATE4/spec.html).
"""

from __future__ import annotations

import logging
import os
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake.files import file_digest
from skybake.missing import present
from skybake.raw import RawError
from skybake.raw.sdss.catalogue import Columns, Table
from skybake.raw.sdss.objects import REPEAT_TOLERANCE, Labels

RADIUS = (
    2.0  # arcsec between a fibre, which is 2 or 3 wide, and its object; the archive joins spectra and objects so too
)

_NAME = re.compile(r"spec-(\d{4,5})-(\d{5})-(\d{4})\.fits(\.gz)?")

log = logging.getLogger(__name__)


class SpectrumError(ValueError):
    """A file that is no whole spectrum."""


@dataclass(frozen=True)
class Spectrum:
    """What is taken of a spectrum file.

    Attributes:
        name: Of the file.
        plate, mjd, fiber: What identifies it.
        ra, dec: Of the fibre [deg].
        redshift: Heliocentric, Z.
        error: One sigma, Z_ERR; not positive where the fit failed.
        warning: ZWARNING; 0 where the redshift is sure.
    """

    name: str
    plate: int
    mjd: int
    fiber: int
    ra: float
    dec: float
    redshift: float
    error: float
    warning: int

    @property
    def doubt(self) -> str:
        """Why the redshift is not to be used; empty if it is."""
        if self.warning:
            return f"{self.name} has ZWARNING {self.warning}"
        if not -1 < self.redshift < np.inf or not self.error > 0:
            return f"{self.name} has Z {self.redshift:g} and Z_ERR {self.error:g}"
        return ""


@dataclass(frozen=True)
class Spectra:
    """The spectra of a folder.

    Attributes:
        folder: Where they are.
        whole: Those that could be read, by name.
        unreadable: Name of each other file -> what is wrong with it.
        digests: Name of every file -> SHA-256.
    """

    folder: Path
    whole: Sequence[Spectrum]
    unreadable: Mapping[str, str]
    digests: Mapping[str, str]


def read_spectra(folder: Path) -> Spectra:
    """Read every spectrum file at any depth of a folder.

    A file that cannot be read is logged and left out; rows that are left without a redshift are told of it.

    Raises:
        RawError: There is no such folder, or no spectrum in it.
    """
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it holds spectra, spec-<plate>-<mjd>-<fiber>.fits")
    paths = {name: Path(parent, name) for parent, _, names in os.walk(folder, followlinks=True) for name in names}
    paths = {name: paths[name] for name in sorted(paths) if _NAME.fullmatch(name)}
    if not paths:
        raise RawError(f"{folder}: no spectrum found, expected files spec-<plate>-<mjd>-<fiber>.fits or .fits.gz")
    whole, unreadable = [], {}
    for name, path in paths.items():
        try:
            whole.append(read_spectrum(path))
        except SpectrumError as error:
            unreadable[name] = str(error)
            log.warning("%s: left out: %s", path, error)
    return Spectra(folder, whole, unreadable, {name: file_digest(path) for name, path in paths.items()})


def read_spectrum(path: Path) -> Spectrum:
    """Read one spectrum file.

    Raises:
        SpectrumError: It is damaged, truncated, or not the spectrum that its name says.
    """
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message=".*truncated")
            with fits.open(path, memmap=False) as hdus:
                len(hdus)  # reads all headers, and so sees a file that ends early
                row = hdus[2].data[0]
                names = {name.upper() for name in hdus[2].columns.names}
                place = ("PLUG_RA", "PLUG_DEC") if "PLUG_RA" in names else ("RA", "DEC")
                plate, mjd, fiber, warning = (int(row[name]) for name in ("PLATE", "MJD", "FIBERID", "ZWARNING"))
                ra, dec, redshift, error = (float(row[name]) for name in (*place, "Z", "Z_ERR"))
    except (OSError, EOFError, IndexError, KeyError, TypeError, ValueError, AttributeError, Warning) as problem:
        text = str(problem).splitlines()[0] if str(problem) else type(problem).__name__
        raise SpectrumError(f"not a whole spectrum file, expected a table with Z in HDU 2 ({text})") from None
    named = _NAME.fullmatch(path.name)
    if named is None or tuple(int(number) for number in named.groups()[:3]) != (plate, mjd, fiber):
        raise SpectrumError(f"holds plate {plate}, mjd {mjd}, fiber {fiber}, which is not what its name says")
    return Spectrum(path.name, plate, mjd, fiber, ra, dec, redshift, error, warning)


def labels_of(columns: Columns, table: Table, spectra: Spectra) -> Labels:
    """Return the redshift of every row, from its spectrum where the catalogue has none.

    A spectrum belongs to the row that names its plate, mjd and fiber, or else to the nearest object within ``RADIUS``.
    Several spectra of an object are averaged by inverse variance. One with a warning, or whose fit failed, does not
    count. Where the catalogue has a redshift it stays; a spectrum that differs from it, or another spectrum, by more
    than ``REPEAT_TOLERANCE`` of 1 + z speaks against the row: one of the two is wrong, and nobody knows which.
    """
    values, errors = table.column(columns.label).copy(), table.column(columns.label_error).copy()
    known = present(values)
    name, against, filled = columns.label or "redshift", {}, 0
    of_row = _rows(columns, table, spectra.whole)
    for row, found in of_row.items():
        sure = [item for item in found if not item.doubt]
        redshifts = np.array([item.redshift for item in sure])
        texts = [f"{item.redshift:g} in {item.name}" for item in sure]
        if known[row]:
            if (np.abs(redshifts - values[row]) > REPEAT_TOLERANCE * (1 + values[row])).any():
                texts = [f"{name} {values[row]:g} in the catalogue", *texts]
                against[row] = ("spectrum disagrees", ", ".join(texts))
        elif not sure:
            doubts = ", ".join(item.doubt for item in found)
            against[row] = ("label missing", f"{name} is {values[row]}, and {doubts}")
        elif np.ptp(redshifts) > REPEAT_TOLERANCE * (1 + redshifts.mean()):
            against[row] = ("spectra disagree", f"{name} {', '.join(texts)}")
        else:
            values[row], errors[row] = _mean(redshifts, np.array([item.error for item in sure]))
            filled += 1
    for row in np.flatnonzero(~known).tolist():
        if row not in of_row:
            against[row] = ("label missing", f"{name} is {values[row]}, and {_nothing(spectra)}")
    log.info("%d of %d rows have the redshift of a spectrum", filled, len(values))
    return Labels(values, errors, name, against)


def _mean(values: np.ndarray, errors: np.ndarray) -> tuple[float, float]:
    """Return the mean by inverse variance and its error; a single value is itself, to the last bit."""
    if len(values) == 1:
        return values[0], errors[0]
    weights = errors**-2.0
    return np.average(values, weights=weights), weights.sum() ** -0.5


def _nothing(spectra: Spectra) -> str:
    text = f"none of {len(spectra.whole)} spectra is its own"
    if spectra.unreadable:
        first = next(iter(spectra.unreadable))
        text += f"; {len(spectra.unreadable)} could not be read, first {first}"
    return text


def _rows(columns: Columns, table: Table, spectra: Sequence[Spectrum]) -> dict[int, list[Spectrum]]:
    """Return row number -> its spectra: that which it names, or else those whose nearest object it is."""
    found: dict[int, list[Spectrum]] = {}
    if columns.spectrum:
        named = {(item.plate, item.mjd, item.fiber): item for item in spectra}
        keys = np.stack([table.numbers[name] for name in columns.spectrum], axis=1)
        for row in np.flatnonzero(np.isfinite(keys).all(axis=1)).tolist():
            spectrum = named.get(tuple(keys[row]))
            if spectrum is not None:
                found[row] = [spectrum]
    taken = {item.name for items in found.values() for item in items}
    free = [item for item in spectra if item.name not in taken]
    same: dict[str, list[int]] = {}
    for row, name in enumerate(table.ids):
        same.setdefault(name, []).append(row)
    by_place: dict[int, list[Spectrum]] = {}
    for spectrum, row in zip(free, _nearest(columns, table, free), strict=True):
        for other in same[table.ids[row]] if row >= 0 else ():
            if other not in found:
                by_place.setdefault(other, []).append(spectrum)
    return found | by_place


def _nearest(columns: Columns, table: Table, spectra: Sequence[Spectrum]) -> np.ndarray:
    """Return the row (n,) that is nearest to each spectrum, -1 where none is within ``RADIUS``."""
    from astropy import units
    from astropy.coordinates import SkyCoord

    ra, dec = table.numbers[columns.ra], table.numbers[columns.dec]
    placed = np.flatnonzero((np.abs(ra) <= 360) & (np.abs(dec) <= 90))
    if not len(placed) or not spectra:
        return np.full(len(spectra), -1)
    fibers = SkyCoord([item.ra for item in spectra], [item.dec for item in spectra], unit="deg")
    rows, apart, _ = fibers.match_to_catalog_sky(SkyCoord(ra[placed], dec[placed], unit="deg"))
    return np.where(apart < RADIUS * units.arcsec, placed[rows], -1)
