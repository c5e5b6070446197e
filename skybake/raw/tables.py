"""Tables as files: CSV (also compressed), FITS table and parquet, read alike."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from skybake.raw import RawError

if TYPE_CHECKING:
    import pandas as pd

    Pieces = Callable[[list[str]], Iterator[pd.DataFrame]]
    Places = Callable[[Iterable], Mapping[str, tuple[str, int | None]]]

MISSING = {"", "nan", "null", "none", "na", "n/a", "-"}
"""What stands in a text column where there is no value, in lower case."""
_ROWS_AT_ONCE = 50_000  # text takes ten times the memory of numbers

# What the readers raise for a file that is cut off or overwritten; a truncated FITS table gives a TypeError.
_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, EOFError, ValueError, TypeError, LookupError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


def one_number_columns(columns: Iterable) -> dict[str, tuple[str, int | None]]:
    """Name the columns of a FITS table that have one value a row."""
    formats = {column.name: fits_format(column) for column in columns}
    return {name: (name, None) for name, (repeat, kind) in formats.items() if kind == "A" or repeat == 1}


def fits_format(column: Any) -> tuple[int, str]:
    """Return how many values a row of a FITS column has, and the letter of their kind, a capital."""
    found = re.match(r"(\d*)([A-Z])", column.format, re.IGNORECASE)
    if found is None:
        raise ValueError(f"column {column.name} has the format {column.format!r}; expected a number and a letter")
    return int(found[1] or 1), found[2].upper()


def source(path: Path, fits_places: Places = one_number_columns) -> tuple[list[str], Pieces]:
    """Return the column names of a table file, and a function that reads chosen columns piece by piece.

    Args:
        path: CSV (also compressed), FITS table or parquet, told by its name; values of a CSV come as text.
        fits_places: Which name stands for which column, or element of a column, of a FITS table.

    Raises:
        RawError: There is no such file, or it is not what its name says.
    """
    if not path.exists():
        raise RawError(f"{path}: no such catalogue")
    suffixes = {suffix.lower() for suffix in path.suffixes[-2:]}
    if suffixes & {".fits", ".fit"}:
        return _fits_source(path, fits_places)
    if suffixes & {".parquet", ".pq"}:
        return _parquet_source(path)
    return _csv_source(path)


@contextmanager
def _understood(path: Path, fault: str, *more: type[Exception]) -> Iterator[None]:
    """Say which file is at fault where a reader fails, with one of ``more`` or as all readers do."""
    try:
        yield
    except RawError:
        raise
    except (*_DAMAGE, *more) as error:
        raise RawError(f"{path}: {fault} ({error}). Hint: CSV, FITS table and parquet are read") from None


def _csv_source(path: Path) -> tuple[list[str], Pieces]:
    """Read text with the csv module: pandas cuts or fills a row of another length, whose numbers are a column away.

    In such a row all wanted columns, but the first of several (the id), say so and are no numbers.
    """
    with _understood(path, "not a CSV catalogue", csv.Error):
        names = next(_csv_rows(path), [])

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        rows = _each(path, "damaged CSV catalogue", _csv_rows(path), csv.Error)
        next(rows, None)
        places = [names.index(name) for name in wanted]
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            yield _frame(some, wanted, places, len(names))

    return names, pieces


def _csv_rows(path: Path) -> Iterator[list[str]]:
    """Yield the rows of a CSV file, that of names first; empty lines and SkyServer's "#Table1" are left out."""
    with _opened(path) as stream:
        rows = (row for row in csv.reader(stream, skipinitialspace=True) if row)
        first = next(rows, [])
        if not (first and first[0].startswith("#") and not any(first[1:])):
            yield first
        yield from rows


def _opened(path: Path) -> TextIO:
    """Open a text file, decompressing it as its name says."""
    if path.suffix.lower() == ".zip":
        packed = zipfile.ZipFile(path)
        if len(packed.namelist()) != 1:
            raise ValueError(f"{len(packed.namelist())} files in it, expected one")
        return io.TextIOWrapper(packed.open(packed.namelist()[0]), encoding="utf-8-sig", newline="")
    unpack: dict[str, Callable[..., TextIO]] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
    return unpack.get(path.suffix.lower(), open)(path, "rt", encoding="utf-8-sig", newline="")


def _frame(rows: list[list[str]], wanted: list[str], places: list[int], fields: int) -> pd.DataFrame:
    """Return columns of rows as text; a row may have empty fields too many at its end."""
    import pandas as pd

    chosen = []
    for row in rows:
        values = [row[place] if place < len(row) else "" for place in places]
        if len(row) < fields or any(text.strip() for text in row[fields:]):
            said = [f"{len(row)} fields in a row of {fields}"] * len(values)
            values = [*values[:1], *said[1:]] if len(values) > 1 else said
        chosen.append(values)
    return pd.DataFrame(chosen, columns=wanted, dtype=str)


def _fits_source(path: Path, fits_places: Places) -> tuple[list[str], Pieces]:
    import pandas as pd
    from astropy.io import fits

    with _understood(path, "not a whole FITS file", fits.VerifyError), fits.open(path) as file:
        tables = [hdu for hdu in file if isinstance(hdu, fits.BinTableHDU)]
        if not tables:
            raise RawError(f"{path}: no table in this FITS file; it has none, or is cut off before it")
        data = tables[0].data
        places = fits_places(tables[0].columns)

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        columns = {}
        for name in wanted:
            column, element = places[name]
            with _understood(path, f"damaged FITS table, column {column}", fits.VerifyError):
                values = np.asarray(data[column] if element is None else data[column][:, element])
                columns[name] = values.astype(values.dtype.newbyteorder("="))
        yield pd.DataFrame(columns)

    return list(places), pieces


def _parquet_source(path: Path) -> tuple[list[str], Pieces]:
    import pyarrow.parquet as pq

    with _understood(path, "not a parquet file"):
        file = pq.ParquetFile(path)

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        batches = file.iter_batches(_ROWS_AT_ONCE, columns=list(dict.fromkeys(wanted)))
        whole_ids = {"integer_object_nulls": True}  # as floats, the ids beside a missing one would be rounded
        yield from _each(path, "damaged parquet file", (batch.to_pandas(**whole_ids) for batch in batches))

    return file.schema_arrow.names, pieces


def _each(path: Path, fault: str, items: Iterable, *more: type[Exception]) -> Iterator:
    """Yield the items, and say which file is at fault where the next one cannot be read."""
    iterator = iter(items)
    while True:
        with _understood(path, fault, *more):
            item = next(iterator, None)
        if item is None:
            return
        yield item
