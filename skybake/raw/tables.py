"""Tables as files, read alike: CSV with any delimiter (also packed), ECSV, FITS, VOTable, parquet, feather, HDF5."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from skybake.raw import RawError, formats
from skybake.raw.arrays import load

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from skybake.raw.fits_tables import Places

    Pieces = Callable[[list[str]], Iterator[pd.DataFrame]]

KNOWN = "CSV, ECSV, FITS table, VOTable, parquet, feather and columns of HDF5 or .npz are read"
TABLE = "Name or number of the table in a FITS catalogue that has several; of an HDF5 file, path of the table or group."
"""What the option ``table`` of a reader is."""
_DELIMITERS = (",", "\t", ";", "|")
_LOOKED_AT = 20  # rows by which a delimiter is told
_ROWS_AT_ONCE = 50_000  # text takes ten times the memory of numbers

# What the readers raise for a file that is cut off or overwritten; a truncated FITS table gives a TypeError.
_DAMAGE: tuple[type[Exception], ...] = (
    *(OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, NotImplementedError),
    *(zlib.error, lzma.LZMAError, zipfile.BadZipFile),
)


def source(path: Path, fits_places: Places | None = None, table: str = "") -> tuple[list[str], Pieces]:
    """Return the column names of a table file, and a function that reads chosen columns piece by piece.

    Names have no blanks around them. Values of a CSV come as text; whole numbers, some of which are missing, as objects
    with None.

    Args:
        path: Told by its first bytes, or else its name. Of HDF5 and .npz, arrays with one value a row are columns.
        fits_places: Which name stands for which column, or element of a column, of a FITS table; by default columns
            with one value a row are read.
        table: Name or number of the table in a FITS file, where there are several; path in an HDF5 file.

    Raises:
        RawError: There is no such file, or it is no table; or, when they are read, two columns have a wanted name.
    """
    if not path.exists():
        raise RawError(f"{path}: no such catalogue")
    kind = formats.kind_of(path)
    packed = [*formats.COMPRESSED.values(), *([formats.ZIP] if path.suffix.lower() in (".zip", ".npz") else [])]
    if kind not in ("", formats.FITS, formats.HDF5, *_READERS, *packed):
        raise RawError(f"{path}: expected a table, found {kind}" + ("" if "Hint" in kind else f". Hint: {KNOWN}"))
    if kind == formats.HDF5:
        names, pieces = _hdf5_source(path, table)
    elif kind == formats.ZIP and path.suffix.lower() == ".npz":
        names, pieces = _npz_source(path)
    elif kind in _READERS:
        names, pieces = _READERS[kind](path)
    elif kind == formats.FITS or {suffix.lower() for suffix in path.suffixes[-2:]} & {".fits", ".fit", ".fts"}:
        names, pieces = _fits_source(path, fits_places, table)
    else:
        names, pieces = _csv_source(path)

    def checked(wanted: list[str]) -> Iterator[pd.DataFrame]:
        check_single(path, names, wanted)
        return pieces(wanted)

    return names, checked


def check_single(path: Path, names: Sequence[str], wanted: Iterable[str], *, fold: bool = False) -> None:
    """Raise RawError where a wanted column is not the only one of its name.

    Args:
        path: The file.
        names: Of all its columns, in order.
        wanted: Names of those that are asked for.
        fold: Whether names that differ only in capitals are the same to the one who asks.
    """

    def key(name: str) -> str:
        return name.strip().lower() if fold else name.strip()

    for name in wanted:
        places = [place for place, other in enumerate(names, 1) if key(other) == key(name)]
        if len(places) > 1:
            called = " and ".join(dict.fromkeys(repr(names[place - 1].strip()) for place in places))
            numbers = f"{', '.join(map(str, places[:-1]))} and {places[-1]}"
            raise RawError(
                f"{path}: columns {numbers}, counted from 1, are {'both' if len(places) == 2 else 'all'} {called};"
                " which is meant cannot be told. Hint: rename or leave out all but one, as after a join"
            )


@contextmanager
def _understood(path: Path, fault: str, *more: type[Exception]) -> Iterator[None]:
    """Say which file is at fault where a reader fails, with one of ``more`` or as all readers do."""
    try:
        yield
    except RawError:
        raise
    except (*_DAMAGE, *more) as error:
        raise RawError(f"{path}: {fault} ({error}). Hint: {KNOWN}") from None


def _csv_source(path: Path) -> tuple[list[str], Pieces]:
    """Read text with the csv module: pandas cuts or fills a row of another length, whose numbers are a column away.

    In such a row all wanted columns, but the first of several (the id), say so and are no numbers.
    """
    with _understood(path, "not a CSV catalogue", csv.Error):
        names = [name.strip() for name in next(_csv_rows(path), [])]

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
        separated = csv.reader(_uncommented(stream), skipinitialspace=True, delimiter=delimiter_of(path))
        rows = (row for row in separated if row)
        first = next(rows, [])
        if not (first and first[0].startswith("#") and not any(first[1:])):
            yield first
        yield from rows


def delimiter_of(path: Path) -> str:
    """Return what stands between the fields of a text table: comma, tab, semicolon, bar, or blanks.

    It is the one of these in the first line; of several, the one by which all of the first rows have as many fields.

    Raises:
        RawError: More than one does that.
    """
    with _opened(path) as stream:
        lines = [line for line in islice(_uncommented(stream), 2 + _LOOKED_AT) if line.strip()]
    first = lines[1:] if len(lines) > 1 and re.fullmatch(r"#[^,;|\t ]*", lines[0].strip()) else lines
    there = [sign for sign in _DELIMITERS if first and sign in first[0]]
    if len(there) == 1:
        return there[0]
    whole = first[:-1] if len(first) > 2 else first  # a quoted text may go on in the next line
    found = [sign for sign in there or [" "] if _fits_all(whole, sign)]
    if len(found) > 1:
        named = " and ".join(map(repr, found))
        raise RawError(
            f"{path}: {named} both divide all rows evenly; which is the delimiter cannot be told. Hint: save it with"
            " commas alone"
        )
    return found[0] if found else ","


def _uncommented(stream: Iterable[str]) -> Iterator[str]:
    """Yield lines, the first without the sign of a comment where it holds as many fields as the second."""
    lines = iter(stream)
    first = list(islice(lines, 2))
    if len(first) == 2 and first[0].startswith("#"):
        names = first[0].lstrip("# ")
        if any(_fits_all([names, first[1]], sign) for sign in (*_DELIMITERS, " ")):
            first[0] = names
    yield from first
    yield from lines


def _fits_all(lines: Sequence[str], sign: str) -> bool:
    numbers = {len(row) for row in csv.reader(lines, skipinitialspace=True, delimiter=sign)}
    return len(numbers) == 1 and numbers != {1}


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


def _fits_source(path: Path, fits_places: Places | None, table: str) -> tuple[list[str], Pieces]:
    import pandas as pd
    from astropy.io import fits

    from skybake.raw.fits_tables import FitsTable, choose_table, one_number_columns

    with _understood(path, "not a whole FITS file", Exception), fits.open(path) as file:
        found = FitsTable(path, choose_table(path, file, table), fits_places or one_number_columns)

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        columns = {}
        for name in wanted:
            with _understood(path, f"damaged FITS table, column {name}", Exception):
                columns[name] = found.values(name)
        yield pd.DataFrame(columns)

    return found.names, pieces


def _ecsv_source(path: Path) -> tuple[list[str], Pieces]:
    from astropy.table import Table

    with _understood(path, "not a whole ECSV table", Exception):
        return _astropy_columns(Table.read(path, format="ascii.ecsv"))


def _astropy_columns(table: Any) -> tuple[list[str], Pieces]:
    """Return the columns of an astropy table that have one value a row; masked values are None."""
    import pandas as pd
    from astropy.table import MaskedColumn

    columns = {name.strip(): table[name] for name in table.colnames if getattr(table[name], "ndim", 0) == 1}

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        found = {}
        for name in wanted:
            values = np.asarray(columns[name])
            if isinstance(columns[name], MaskedColumn) and columns[name].mask.any():
                values = values.astype(object)
                values[columns[name].mask] = None
            found[name] = values
        yield pd.DataFrame(found)

    return list(columns), pieces


def _votable_source(path: Path) -> tuple[list[str], Pieces]:
    from astropy.io import votable

    with _understood(path, f"expected a table, found {formats.VOTABLE} that cannot be read", Exception):
        found = list(votable.parse(path).iter_tables())
        if len(found) != 1:
            raise RawError(f"{path}: {len(found)} tables in this VOTable; expected one. Hint: save it alone")
        return _astropy_columns(found[0].to_table(use_names_over_ids=True))


def _hdf5_source(path: Path, table: str) -> tuple[list[str], Pieces]:
    """Columns are arrays of one axis by their path, and fields of tables; below ``table`` if that is given."""
    import h5py

    from skybake import hdf5

    places: dict[str, tuple[str, str]] = {}

    def see(name: str, item: Any) -> None:
        if not isinstance(item, h5py.Dataset) or item.ndim != 1 or name.endswith("__table_column_meta__"):
            return
        if item.dtype.names is None:
            places[name] = (name, "")
        places.update(
            {f"{name}/{field}": (name, field) for field in item.dtype.names or () if not item.dtype[field].shape}
        )

    with _understood(path, f"expected a table, found {formats.HDF5} that cannot be read"), hdf5.read(path) as file:
        file.visititems(see)
    arrays = {array for array, field in places.values()}
    under = table.strip("/") or (
        next(iter(arrays)) if len(arrays) == 1 and all(field for _, field in places.values()) else ""
    )
    chosen = {
        name.removeprefix(f"{under}/"): place
        for name, place in places.items()
        if name.startswith(f"{under}/" if under else "")
    }
    if not chosen:
        raise RawError(
            f"{path}: no columns{f' below {table!r}' if table else ''}; found arrays {sorted(arrays)}. Hint: the option"
            " table"
        )

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        with _understood(path, f"damaged HDF5 file, columns {wanted}"), hdf5.read(path) as file:
            found = {
                name: file[array][field] if field else file[array][:]
                for name in wanted
                for array, field in [chosen[name]]
            }
        yield _columns_of_arrays(path, found)

    return list(chosen), pieces


def _npz_source(path: Path) -> tuple[list[str], Pieces]:
    found = load(path)
    assert isinstance(found, dict)  # it is a .npz
    arrays = {name: values for name, values in found.items() if values.ndim and values.size == len(values)}

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        yield _columns_of_arrays(path, {name: arrays[name].reshape(-1) for name in wanted})

    return list(arrays), pieces


def _columns_of_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> pd.DataFrame:
    import pandas as pd

    if len({len(values) for values in arrays.values()}) > 1:
        lengths = ", ".join(f"{name} {len(values)}" for name, values in arrays.items())
        raise RawError(f"{path}: columns of different length: {lengths}; expected one value a row in each")
    return pd.DataFrame({name: values.astype(values.dtype.newbyteorder("=")) for name, values in arrays.items()})


def _parquet_source(path: Path) -> tuple[list[str], Pieces]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _understood(path, "not a parquet file", pa.ArrowException):
        file = pq.ParquetFile(path, page_checksum_verification=True)
    stored = file.schema_arrow.names
    names = [name.strip() for name in stored]

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        columns = {name: stored[names.index(name)] for name in wanted}
        batches = file.iter_batches(_ROWS_AT_ONCE, columns=list(columns.values()))
        frames = (_arrow_frame({name: batch.column(own) for name, own in columns.items()}) for batch in batches)
        yield from _each(path, "damaged parquet file", frames, pa.ArrowException)

    return names, pieces


def _feather_source(path: Path) -> tuple[list[str], Pieces]:
    import pyarrow as pa
    from pyarrow import feather

    with _understood(path, "not a feather file", pa.ArrowException):
        table = feather.read_table(path, memory_map=False)
    names = [name.strip() for name in table.column_names]

    def pieces(wanted: list[str]) -> Iterator[pd.DataFrame]:
        with _understood(path, "damaged feather file", pa.ArrowException):
            frame = _arrow_frame({name: table.column(names.index(name)) for name in wanted})
        yield frame

    return names, pieces


def _arrow_frame(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> pd.DataFrame:
    """Return columns as a frame without an index of its own; lists of one number are numbers."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    found = {}
    for name, column in columns.items():
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            lengths = pc.unique(pc.list_value_length(column)).to_pylist()
            if set(lengths) - {1, None}:
                raise ValueError(f"column {name} holds lists of {lengths[:3]} values; expected one value a row")
            column = pc.list_element(column, 0)
        if pa.types.is_fixed_size_list(column.type) and column.type.list_size == 1:
            column = pc.list_element(column, 0)
        # As floats, the ids beside a missing one would be rounded.
        found[name] = column.to_pandas(integer_object_nulls=True).to_numpy()
    return pd.DataFrame(found)


_READERS: dict[str, Callable[[Path], tuple[list[str], Pieces]]] = {
    formats.PARQUET: _parquet_source,
    formats.FEATHER: _feather_source,
    formats.ECSV: _ecsv_source,
    formats.VOTABLE: _votable_source,
}


def _each(path: Path, fault: str, items: Iterable, *more: type[Exception]) -> Iterator:
    """Yield the items, and say which file is at fault where the next one cannot be read."""
    iterator = iter(items)
    while True:
        with _understood(path, fault, *more):
            item = next(iterator, None)
        if item is None:
            return
        yield item
