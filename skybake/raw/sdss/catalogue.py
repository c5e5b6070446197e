"""The SDSS catalogue as a file: which column plays which part, and the numbers as they are.

CSV (also compressed), FITS table and parquet are read alike. Column names are matched whatever their case. Ids are
read as text: as floats they lose their last three digits.
"""

from __future__ import annotations

import difflib
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skybake.missing import is_mark, no_magnitude
from skybake.raw import RawError, tables

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

REDSHIFT_NAMES = ("redshift", "specz", "z_spec", "zspec", "spec_z", "z")

_ID_NAMES = ("objid", "bestobjid", "id")
_ERROR_ENDINGS = ("err", "_err", "error", "_error")
_KINDS = ("psf", "fiber", "fiber2", "petro", "model", "cModel", "dev", "exp")
_SPELLING = {  # SDSS's own spelling, for tables that write all names in capitals
    f"{name}_{band}".lower(): f"{name}_{band}"
    for band in "ugriz"
    for name in (*(kind + what for kind in _KINDS for what in ("Mag", "MagErr", "Flux")), "dered", "extinction")
} | {"ra": "ra", "dec": "dec"}
# What colours and dereddened magnitudes are made of: the first kind that has all five bands. From "dered_", a model
# magnitude, the archive has taken the extinction already.
_CHOICE = ("cModelMag_", "dered_", "modelMag_", "psfMag_", "petroMag_", "")
_MAGNITUDE = re.compile(r"(\w+mag|dered|extinction)_[ugriz]|[ugriz]", re.IGNORECASE)


@dataclass(frozen=True)
class Derived:
    """A scalar that is a sum of columns.

    Attributes:
        plus, minus: Names of the columns that are added and taken away.
        description: What it is.
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...]
    description: str


@dataclass(frozen=True)
class Columns:
    """Catalogue columns by the part they play; optional ones are None where the catalogue has none.

    Attributes:
        id, ra, dec: Names of the required columns.
        label: Likewise; None only where redshifts come from spectra, or no label is needed.
        label_error: One sigma error of the label.
        run, camcol, field, rerun: Names of the columns that say in which frame the object is.
        scalars: Name in the dataset -> column.
        derived: Name in the dataset -> what it is made of.
        spectrum: Names of the columns plate, mjd and fiber; only where spectra are looked for.
    """

    id: str
    ra: str
    dec: str
    label: str | None
    label_error: str | None
    run: str | None
    camcol: str | None
    field: str | None
    rerun: str | None
    scalars: Mapping[str, str]
    derived: Mapping[str, Derived]
    spectrum: tuple[str, str, str] | None = None

    @property
    def numbers(self) -> list[str]:
        """All columns but the id, each once."""
        parts = [self.ra, self.dec, self.label, self.label_error, self.run, self.camcol, self.field, self.rerun]
        terms = [name for item in self.derived.values() for name in (*item.plus, *item.minus)]
        names = [*(name for name in parts if name), *(self.spectrum or ()), *self.scalars.values(), *terms]
        return list(dict.fromkeys(names))


@dataclass(frozen=True)
class Table:
    """The catalogue's rows as they are.

    Attributes:
        ids: (N,) text.
        numbers: Column -> (N,) float64; NaN where missing or unreadable.
        unreadable: Row number -> what stands where a number should be that each object needs.
    """

    ids: np.ndarray
    numbers: Mapping[str, np.ndarray]
    unreadable: Mapping[int, str]

    def column(self, name: str | None) -> np.ndarray:
        """Return a column's numbers, all NaN where the catalogue has no such column."""
        return self.numbers[name] if name else np.full(len(self.ids), np.nan)


def is_redshift(name: str) -> bool:
    """Tell whether a column name means a redshift, if it is not the magnitude z among u, g, r, i."""
    return name.lower() in REDSHIFT_NAMES


def choose_columns(
    path: Path,
    label: str,
    scalars: Sequence[str] | None,
    *,
    spectra: bool = False,
    table: str = "",
    needs_label: bool = True,
    id_column: str = "",
) -> Columns:
    """Return the columns that :func:`read_catalogue` reads, by the header alone, of the same arguments."""
    names, _ = tables.source(path, _fits_places, table)
    return _choose_columns(path, names, label, scalars, spectra, needs_label=needs_label, id_column=id_column)


def read_catalogue(
    path: Path,
    label: str,
    scalars: Sequence[str] | None,
    *,
    spectra: bool = False,
    table: str = "",
    needs_label: bool = True,
    id_column: str = "",
) -> tuple[Columns, Table]:
    """Read what is needed of a catalogue.

    Args:
        path: CSV, FITS table or parquet file.
        label: Column that is the label.
        scalars: Columns to keep, and derived ones: None for position, magnitudes and redshift where there are such,
            and all that can be derived.
        spectra: Whether redshifts come from spectra too, so that the label may have no column.
        table: Name or number of the table in a FITS file, where there are several.
        needs_label: Whether a label must have a column, and be a number.
        id_column: Column of the ids; empty: that which is called so.

    Raises:
        RawError: The file is not such a table, or a column is missing or ambiguous.
    """
    names, pieces = tables.source(path, _fits_places, table)
    columns = _choose_columns(path, names, label, scalars, spectra, needs_label=needs_label, id_column=id_column)
    if not id_column:
        _check_one_id(path, names, pieces)
    tables.check_single(path, names, [columns.id, *columns.numbers], fold=True)
    ids, start = [], 0
    numbers: dict[str, list[np.ndarray]] = {name: [] for name in columns.numbers}
    unreadable: dict[int, str] = {}
    faults: dict[str, list[str]] = {}
    redshifts = {
        columns.scalars.get("redshift"),
        columns.label if columns.label and is_redshift(columns.label) else None,
    }
    magnitudes = {name for name in columns.numbers if _MAGNITUDE.fullmatch(name)} - redshifts
    required = {columns.ra, columns.dec, columns.run, columns.camcol, columns.field}
    required |= {columns.label} if needs_label else set()
    for piece in pieces([columns.id, *columns.numbers]):
        ids.append(_texts(piece[columns.id]))
        for name in columns.numbers:
            values, bad = _to_numbers(piece[name])
            none = no_magnitude(values) & (name in magnitudes)
            numbers[name].append(np.where(none, np.nan, values))
            for row in [*bad, *np.flatnonzero(none)]:
                text = f"{name} is {piece[name].iloc[row]!r}"
                if name in required:
                    unreadable.setdefault(start + int(row), text)
                else:
                    kind = "magnitudes" if none[row] else "numbers"
                    faults.setdefault(f"{name} are no {kind}", []).append(f"row {start + int(row)}: {text}")
        start += len(piece)
    if not start:
        raise RawError(f"{path}: the catalogue has no rows")
    for name, found in faults.items():
        log.warning("%s: %d values of %s and taken as missing, first in %s", path, len(found), name, found[0])
    return columns, Table(
        np.concatenate(ids), {name: np.concatenate(parts) for name, parts in numbers.items()}, unreadable
    )


def _check_one_id(path: Path, names: Sequence[str], pieces: tables.Pieces) -> None:
    """Raise RawError if objID and bestObjID are other objects in some row."""
    both = [name for name in names if name.lower() in _ID_NAMES[:2]]
    if len(both) < 2:
        return
    row = 0
    for piece in pieces(both):
        one, other = (_texts(piece[name]) for name in both)
        differ = np.flatnonzero(one != other)
        if len(differ):
            k = differ[0]
            lines = " or ".join(f"`id: {name}`" for name in both)
            raise RawError(
                f"{path}: row {row + k}, from 0: {both[0]} is {one[k] or 'empty'}, and {both[1]}"
                f" {other[k] or 'empty'}; either may be the object's. Hint: say which, options: {lines}"
            )
        row += len(piece)


def _fits_places(name: str, shape: tuple[int, ...]) -> dict[str, int | None]:
    """Name every number of a column: one of five elements is a name per band, other arrays are left out."""
    if not shape:
        return {name: None}
    names = [f"{name}_{band}" for band in "ugriz"] if shape == (5,) else []
    return {_SPELLING.get(name.lower(), name): k for k, name in enumerate(names)}


def _choose_columns(
    path: Path,
    names: Sequence[str],
    label: str,
    scalars: Sequence[str] | None,
    spectra: bool,
    *,
    needs_label: bool,
    id_column: str,
) -> Columns:
    lower = {name.strip().lower(): name for name in reversed(names)}
    z_is_magnitude = any(band in lower for band in "ugri")
    sought = (id_column.lower(),) if id_column else _ID_NAMES
    found = {id_column or "objID": next((lower[name] for name in sought if name in lower), None)}
    found |= {name: lower.get(name) for name in ("ra", "dec")}
    found[label] = _label_column(path, lower, label, z_is_magnitude)
    optional = {label} if spectra or not needs_label else set()
    present = {name: column for name, column in found.items() if column is not None}
    missing = [name for name in found if name not in present and name not in optional]
    if missing:
        raise RawError(_missing_columns(path, missing, list(found), names))
    redshift = _redshift_column(lower, z_is_magnitude)
    derived = _derived(lower, found[label])
    if scalars is None:
        chosen = _default_scalars(names, found[label], redshift)
    else:
        derived = {name: item for name, item in derived.items() if name in scalars}
        plain = [name for name in scalars if name not in derived]
        chosen = _given_scalars(path, lower, plain, found[label], redshift)
    plate, mjd, fiber = lower.get("plate"), lower.get("mjd"), lower.get("fiberid") or lower.get("fiber")
    return Columns(
        present[id_column or "objID"],
        present["ra"],
        present["dec"],
        found[label],
        _error_column(lower, found[label] or label, z_is_magnitude),
        lower.get("run"),
        lower.get("camcol"),
        lower.get("field"),
        lower.get("rerun"),
        chosen,
        derived,
        (plate, mjd, fiber) if spectra and plate and mjd and fiber else None,
    )


def _derived(lower: Mapping[str, str], label: str | None) -> dict[str, Derived]:
    """Return dereddened magnitudes and the colours of neighbouring bands; none that would tell the label."""
    kind = next((kind for kind in _CHOICE if all(f"{kind}{band}".lower() in lower for band in "ugriz")), None)
    if kind is None:
        return {}
    magnitude = {band: lower[f"{kind}{band}".lower()] for band in "ugriz"}
    extinction = {band: lower[f"extinction_{band}"] for band in "ugriz" if f"extinction_{band}" in lower}
    reddened = kind != "dered_" and len(extinction) == len("ugriz")
    found = {}
    if reddened:
        for band in "ugriz":
            text = f"{magnitude[band]} - {extinction[band]}: dereddened"
            name = f"{_SPELLING.get(kind + band, kind + band).split('_')[0]}_dered_{band}" if kind else f"dered_{band}"
            found[name] = Derived((magnitude[band],), (extinction[band],), text)
    what = "dereddened" if reddened or kind == "dered_" else "as observed, reddened by dust"
    for blue, red in zip("ugri", "griz", strict=True):
        plus, minus = [magnitude[blue]], [magnitude[red]]
        if reddened:
            plus, minus = [*plus, extinction[red]], [*minus, extinction[blue]]
        text = f"colour {magnitude[blue]} - {magnitude[red]}, {what}"
        found[f"{blue}-{red}"] = Derived(tuple(plus), tuple(minus), text)
    return {name: item for name, item in found.items() if label not in (*item.plus, *item.minus)}


def _label_column(path: Path, lower: Mapping[str, str], label: str, z_is_magnitude: bool) -> str | None:
    if label.lower() == "z" and z_is_magnitude:
        redshift = _redshift_column(lower, z_is_magnitude)
        hint = f"label: {redshift}" if redshift else "a column 'redshift'; to learn the magnitude, rename it psfMag_z"
        raise RawError(
            f"{path}: label 'z' expected to be a redshift, but beside u, g, r, i it is a magnitude. Hint: {hint}"
        )
    if label.lower() in lower:
        return lower[label.lower()]
    if not is_redshift(label):
        return None
    others = [name for name in _redshift_names(z_is_magnitude) if name in lower]
    if len(others) > 1:
        lines = " or ".join(f"`label: {lower[name]}`" for name in others)
        raise RawError(f"{path}: no column {label!r}, but {len(others)} that may be it. Hint: say which, {lines}")
    return lower[others[0]] if others else None


def _redshift_names(z_is_magnitude: bool) -> tuple[str, ...]:
    return REDSHIFT_NAMES[:-1] if z_is_magnitude else REDSHIFT_NAMES


def _redshift_column(lower: Mapping[str, str], z_is_magnitude: bool) -> str | None:
    return next((lower[name] for name in _redshift_names(z_is_magnitude) if name in lower), None)


def _missing_columns(path: Path, missing: list[str], expected: list[str], names: Sequence[str]) -> str:
    text = f"{path}: column {', '.join(missing)} missing; expected {', '.join(expected)}; found {', '.join(names)}"
    near = {name: difflib.get_close_matches(name.lower(), [n.lower() for n in names], 3) for name in missing}
    hints = [f"for {name} perhaps {', '.join(close)}" for name, close in near.items() if close]
    if any(is_redshift(name) for name in missing) and "z" in (name.lower() for name in names):
        hints.append("z beside u, g, r, i is a magnitude, not a redshift")
    return text + (f". Hint: {'; '.join(hints)}" if hints else "")


def _error_column(lower: Mapping[str, str], label: str, z_is_magnitude: bool) -> str | None:
    """Return the column of the label's errors: named like the label, or like another redshift if it is one."""
    label = label.lower()
    names = [label + ending for ending in _ERROR_ENDINGS]
    if "_" in label:
        names.append(label.replace("_", "err_", 1))  # psfMagErr_r
    if is_redshift(label):
        # SpecObj's zErr is of the redshift, also beside the magnitude z; not so where u, g, r or i have the like.
        of_magnitudes = any(band + ending in lower for band in "ugri" for ending in _ERROR_ENDINGS)
        others = [name for name in REDSHIFT_NAMES if name == "z" or name not in lower]  # not of another redshift
        if of_magnitudes or ("z" in lower and not z_is_magnitude):
            others.remove("z")
        names += [other + ending for other in others for ending in _ERROR_ENDINGS]
    return next((lower[name] for name in names if name in lower), None)


def _default_scalars(names: Sequence[str], label: str | None, redshift: str | None) -> dict[str, str]:
    kept = {"ra", "dec"}
    return {
        _scalar_name(name, redshift): name
        for name in names
        if name != label and (name.lower() in kept or name == redshift or _MAGNITUDE.fullmatch(name))
    }


def _given_scalars(
    path: Path, lower: Mapping[str, str], scalars: Sequence[str], label: str | None, redshift: str | None
) -> dict[str, str]:
    chosen = {}
    for wanted in scalars:
        name = lower.get(wanted.lower()) or (redshift if is_redshift(wanted) else None)
        if name is None:
            raise RawError(_missing_columns(path, [wanted], list(scalars), list(lower.values())))
        if name == label:
            raise RawError(f"{path}: scalar {wanted!r} is the label. Hint: a model must not see what it shall predict")
        chosen["redshift" if name == redshift else wanted] = name
    return chosen


def _scalar_name(name: str, redshift: str | None) -> str:
    return "redshift" if name == redshift else _SPELLING.get(name.lower(), name)


def _texts(column: pd.Series) -> np.ndarray:
    """Return ids as text; floats that are no whole number or too large for one are seen to be rounded."""
    if column.dtype.kind == "f":
        texts = [
            "" if none else str(int(value)) if value.is_integer() and abs(value) < 2**53 else f"{value:.5E}"
            for value, none in zip(column.astype(float), column.isna(), strict=True)
        ]
        return np.array(texts, dtype=object)
    return np.array(
        ["" if none else _text(value) for value, none in zip(column, column.isna(), strict=True)], dtype=object
    )


def _text(value: object) -> str:
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip()


def _to_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values as float64, and the row numbers where there is something that is no number."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if column.dtype.kind in "iufb":
        return values, np.array([], dtype=int)
    unread = np.flatnonzero(np.isnan(values) & ~column.isna().to_numpy())
    return values, unread[[not is_mark(str(column.iloc[row])) for row in unread]]
