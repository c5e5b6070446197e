"""The SDSS catalogue as a file: which column plays which part, and the numbers as they are.

CSV (also compressed), FITS table and parquet are read alike. Column names are matched whatever their case. Ids are
read as text: as floats they lose their last three digits.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skybake.raw import RawError

if TYPE_CHECKING:
    import pandas as pd

REDSHIFT_NAMES = ("redshift", "specz", "z_spec", "zspec", "spec_z", "z")

_ID_NAMES = ("objid", "bestobjid", "id")
_REDSHIFT_ERRORS = ("zerr", "z_err", "redshifterr", "redshift_err", "redshifterror", "redshift_error", "speczerr")
_KINDS = ("psf", "fiber", "fiber2", "petro", "model", "cModel", "dev", "exp")
_SPELLING = {  # SDSS's own spelling, for tables that write all names in capitals
    f"{name}_{band}".lower(): f"{name}_{band}"
    for band in "ugriz"
    for name in (*(kind + what for kind in _KINDS for what in ("Mag", "MagErr", "Flux")), "dered", "extinction")
} | {"ra": "ra", "dec": "dec"}
_MAGNITUDE = re.compile(r"(\w+mag|dered|extinction)_[ugriz]|[ugriz]", re.IGNORECASE)
MISSING = {"", "nan", "null", "none", "na", "n/a", "-"}
_ROWS_AT_ONCE = 50_000  # text takes ten times the memory of numbers


@dataclass(frozen=True)
class Columns:
    """Catalogue columns by the part they play; optional ones are None where the catalogue has none.

    Attributes:
        id, ra, dec, label: Names of the required columns.
        label_error: One sigma error of the label.
        run, camcol, field, rerun: Names of the columns that say in which frame the object is.
        scalars: Name in the dataset -> column.
    """

    id: str
    ra: str
    dec: str
    label: str
    label_error: str | None
    run: str | None
    camcol: str | None
    field: str | None
    rerun: str | None
    scalars: Mapping[str, str]

    @property
    def numbers(self) -> list[str]:
        """All columns but the id, each once."""
        parts = [self.ra, self.dec, self.label, self.label_error, self.run, self.camcol, self.field, self.rerun]
        return list(dict.fromkeys([*(name for name in parts if name), *self.scalars.values()]))


@dataclass(frozen=True)
class Table:
    """The catalogue's rows as they are.

    Attributes:
        ids: (N,) text.
        numbers: Column -> (N,) float64; NaN where missing or unreadable.
        unreadable: Row number -> what stands where a number should be.
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


def read_catalogue(path: Path, label: str, scalars: Sequence[str] | None) -> tuple[Columns, Table]:
    """Read what is needed of a catalogue.

    Args:
        path: CSV, FITS table or parquet file.
        label: Column that is the label.
        scalars: Columns to keep; None for position, magnitudes and redshift where there are such.

    Raises:
        RawError: The file is not such a table, or a column is missing or ambiguous.
    """
    names, pieces = _source(path)
    columns = _choose_columns(path, names, label, scalars)
    ids, numbers, unreadable, start = [], {name: [] for name in columns.numbers}, {}, 0
    for piece in pieces([columns.id, *columns.numbers]):
        ids.append(_texts(piece[columns.id]))
        for name in columns.numbers:
            values, bad = _to_numbers(piece[name])
            numbers[name].append(values)
            for row in bad:
                unreadable.setdefault(start + int(row), f"{name} is {piece[name].iloc[row]!r}")
        start += len(piece)
    if not start:
        raise RawError(f"{path}: the catalogue has no rows")
    return columns, Table(
        np.concatenate(ids), {name: np.concatenate(parts) for name, parts in numbers.items()}, unreadable
    )


def _source(path: Path) -> tuple[list[str], Callable[[list[str]], Iterator[pd.DataFrame]]]:
    """Return the column names of a table file, and a function that reads chosen columns piece by piece."""
    if not path.exists():
        raise RawError(f"{path}: no such catalogue")
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    if suffixes & {".fits", ".fit"}:
        return _fits_source(path)
    if suffixes & {".parquet", ".pq"}:
        return _parquet_source(path)
    return _csv_source(path)


def _csv_source(path: Path) -> tuple[list[str], Callable[[list[str]], Iterator[pd.DataFrame]]]:
    import pandas as pd

    options = {"dtype": str, "na_filter": False, "skipinitialspace": True, "encoding": "utf-8-sig", "index_col": False}
    try:
        names = list(pd.read_csv(path, nrows=0, **options).columns)
        if names and names[0].startswith("#"):  # SkyServer's "#Table1"
            options["skiprows"] = 1
            names = list(pd.read_csv(path, nrows=0, **options).columns)
    except (ValueError, OSError, EOFError) as error:
        raise RawError(f"{path}: not a CSV catalogue ({error}). Hint: CSV, FITS table and parquet are read") from None

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        try:
            yield from pd.read_csv(path, usecols=wanted, chunksize=_ROWS_AT_ONCE, **options)
        except (ValueError, OSError, EOFError) as error:
            raise RawError(f"{path}: damaged CSV catalogue ({error})") from None

    return names, pieces


def _fits_source(path: Path) -> tuple[list[str], Callable[[list[str]], Iterator[pd.DataFrame]]]:
    import pandas as pd
    from astropy.io import fits

    try:
        with fits.open(path) as file:
            tables = [hdu for hdu in file if isinstance(hdu, fits.BinTableHDU)]
            if not tables:
                raise RawError(f"{path}: no table in this FITS file. Hint: the catalogue is expected in a table HDU")
            data = tables[0].data
            places = _fits_places(tables[0].columns)
    except OSError as error:
        raise RawError(f"{path}: not a FITS file ({error})") from None

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        columns = {}
        for name in wanted:
            column, element = places[name]
            values = np.asarray(data[column] if element is None else data[column][:, element])
            columns[name] = values.astype(values.dtype.newbyteorder("="))
        yield pd.DataFrame(columns)

    return list(places), pieces


def _fits_places(columns: Iterable) -> dict[str, tuple[str, int | None]]:
    """Name every number of a table: columns of five elements become one name per band; other arrays are left out."""
    places: dict[str, tuple[str, int | None]] = {}
    for column in columns:
        repeat, kind = re.match(r"(\d*)([A-Z])", column.format).groups()
        if kind == "A" or repeat in ("", "1"):
            places[column.name] = (column.name, None)
        elif repeat == "5":
            names = [f"{column.name}_{band}" for band in "ugriz"]
            places |= {_SPELLING.get(name.lower(), name): (column.name, k) for k, name in enumerate(names)}
    return places


def _parquet_source(path: Path) -> tuple[list[str], Callable[[list[str]], Iterator[pd.DataFrame]]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise RawError(f"{path}: not a parquet file ({error})") from None

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(dict.fromkeys(wanted))):
            yield batch.to_pandas()

    return file.schema_arrow.names, pieces


def _choose_columns(path: Path, names: Sequence[str], label: str, scalars: Sequence[str] | None) -> Columns:
    lower = {name.strip().lower(): name for name in reversed(names)}
    z_is_magnitude = any(band in lower for band in "ugri")
    found = {"objID": next((lower[name] for name in _ID_NAMES if name in lower), None)}
    found |= {name: lower.get(name) for name in ("ra", "dec")}
    found[label] = _label_column(path, lower, label, z_is_magnitude)
    missing = [name for name, column in found.items() if column is None]
    if missing:
        raise RawError(_missing_columns(path, missing, list(found), names))
    redshift = _redshift_column(lower, z_is_magnitude)
    if scalars is None:
        chosen = _default_scalars(names, found[label], redshift)
    else:
        chosen = _given_scalars(path, lower, scalars, found[label], redshift)
    return Columns(
        found["objID"],
        found["ra"],
        found["dec"],
        found[label],
        _error_column(lower, label),
        lower.get("run"),
        lower.get("camcol"),
        lower.get("field"),
        lower.get("rerun"),
        chosen,
    )


def _label_column(path: Path, lower: Mapping[str, str], label: str, z_is_magnitude: bool) -> str | None:
    if label.lower() == "z" and z_is_magnitude:
        redshift = _redshift_column(lower, z_is_magnitude)
        hint = f"label: {redshift}" if redshift else "a column 'redshift'; to learn the magnitude, rename it psfMag_z"
        raise RawError(
            f"{path}: label 'z' expected to be a redshift, but beside u, g, r, i it is a magnitude. Hint: {hint}"
        )
    if label.lower() in lower:
        return lower[label.lower()]
    return _redshift_column(lower, z_is_magnitude) if is_redshift(label) else None


def _redshift_column(lower: Mapping[str, str], z_is_magnitude: bool) -> str | None:
    names = REDSHIFT_NAMES[:-1] if z_is_magnitude else REDSHIFT_NAMES
    return next((lower[name] for name in names if name in lower), None)


def _missing_columns(path: Path, missing: list[str], expected: list[str], names: Sequence[str]) -> str:
    text = f"{path}: column {', '.join(missing)} missing; expected {', '.join(expected)}; found {', '.join(names)}"
    near = {name: difflib.get_close_matches(name.lower(), [n.lower() for n in names], 3) for name in missing}
    hints = [f"for {name} perhaps {', '.join(close)}" for name, close in near.items() if close]
    if any(is_redshift(name) for name in missing) and "z" in (name.lower() for name in names):
        hints.append("z beside u, g, r, i is a magnitude, not a redshift")
    return text + (f". Hint: {'; '.join(hints)}" if hints else "")


def _error_column(lower: Mapping[str, str], label: str) -> str | None:
    label = label.lower()
    names = _REDSHIFT_ERRORS if is_redshift(label) else (f"{label}err", f"{label}_err", label.replace("_", "err_", 1))
    return next((lower[name] for name in names if name in lower), None)


def _default_scalars(names: Sequence[str], label: str, redshift: str | None) -> dict[str, str]:
    kept = {"ra", "dec"}
    return {
        _scalar_name(name, redshift): name
        for name in names
        if name != label and (name.lower() in kept or name == redshift or _MAGNITUDE.fullmatch(name))
    }


def _given_scalars(
    path: Path, lower: Mapping[str, str], scalars: Sequence[str], label: str, redshift: str | None
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
    """Return ids as text; floats get an exponent, so that they are seen to be rounded."""
    if column.dtype.kind == "f":
        return np.array(["" if np.isnan(value) else f"{value:.5E}" for value in column], dtype=object)
    return np.array([str(value).strip() for value in column], dtype=object)


def _to_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return values as float64, and the row numbers where there is something that is no number."""
    import pandas as pd

    values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
    if column.dtype.kind in "iufb":
        return values, np.array([], dtype=int)
    nothing = column.isna().to_numpy() | column.astype(str).str.strip().str.lower().isin(MISSING).to_numpy(dtype=bool)
    return values, np.flatnonzero(np.isnan(values) & ~nothing)
