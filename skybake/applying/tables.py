"""Tables that are written block by block, in three forms at once: FITS, parquet and CSV.

Missing values are NaN in FITS, null in parquet and empty in CSV. FITS has ASCII alone: other letters become ``\\xe9``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake.files import atomic_write

FITS_BLOCK = 2880  # bytes that a FITS file is made of
ROW_GROUP = 1 << 14  # rows that lie together in parquet, whatever the blocks
FITS_KINDS = {"b": ("L", "S1"), "f4": ("E", ">f4"), "f8": ("D", ">f8")}  # kind of array -> TFORM, as it is stored


@dataclass(frozen=True)
class Column:
    """Some rows of a column.

    Attributes:
        values: (n,) floating-point numbers, truth values or texts.
        units: Empty where it has none.
        description: One line.
    """

    values: np.ndarray
    units: str
    description: str


Block = Mapping[str, Column]


@contextmanager
def writing(
    first: Block, rows: int, widths: Mapping[str, int], *, fits: Path, parquet: Path, csv: Path
) -> Iterator[Callable[[Block], None]]:
    """Give a function that appends rows to three files, which appear only when the block ends well.

    Args:
        first: The first rows, which say what the columns are; they are not written.
        rows: How many there will be.
        widths: Name of a column of texts -> bytes of the longest one (:func:`ascii_of`).
        fits, parquet, csv: Files to write.
    """
    import pyarrow as pa
    import pyarrow.csv
    import pyarrow.parquet

    table = _arrow(first).schema
    with ExitStack() as opened:
        stream = opened.enter_context(opened.enter_context(atomic_write(fits)).open("wb"))
        columnar = opened.enter_context(
            pa.parquet.ParquetWriter(opened.enter_context(atomic_write(parquet)), table, compression="zstd")
        )
        text = opened.enter_context(
            pa.csv.CSVWriter(
                opened.enter_context(atomic_write(csv)),
                table,
                write_options=pa.csv.WriteOptions(quoting_style="needed"),
            )
        )
        stream.write(_fits_header(first, rows, widths))
        written, waiting = 0, table.empty_table()

        def append(block: Block) -> None:
            nonlocal written, waiting
            found = _fits_rows(block, widths)
            stream.write(found.tobytes())
            written += found.nbytes
            text.write_table(_arrow(block))
            waiting = pa.concat_tables([waiting, _arrow(block)])
            while len(waiting) >= ROW_GROUP:
                columnar.write_table(waiting[:ROW_GROUP].combine_chunks())
                waiting = waiting[ROW_GROUP:]

        yield append
        if len(waiting):
            columnar.write_table(waiting.combine_chunks())
        stream.write(b"\0" * (-written % FITS_BLOCK))


def ascii_of(values: np.ndarray) -> list[bytes]:
    """Return texts (n,) as FITS has them."""
    return [str(value).encode("ascii", "backslashreplace") for value in values]


def _kind(values: np.ndarray) -> str:
    return {"O": "text", "b": "b"}.get(values.dtype.kind, f"f{values.dtype.itemsize}")


def _arrow(block: Block) -> Any:
    import pyarrow as pa

    kinds = {"text": pa.string(), "b": pa.bool_(), "f4": pa.float32(), "f8": pa.float64()}
    schema = pa.schema(
        [
            pa.field(
                name,
                kinds[_kind(column.values)],
                metadata={"units": column.units, "description": column.description},
            )
            for name, column in block.items()
        ]
    )
    arrays = [
        pa.array(column.values, type=field.type, from_pandas=True)  # NaN is null
        for column, field in zip(block.values(), schema, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _fits_kinds(block: Block, widths: Mapping[str, int]) -> dict[str, tuple[str, str]]:
    """Return name -> TFORM, and how it is stored."""
    return {
        name: (f"{widths[name]}A", f"S{widths[name]}")
        if _kind(column.values) == "text"
        else FITS_KINDS[_kind(column.values)]
        for name, column in block.items()
    }


def _fits_header(block: Block, rows: int, widths: Mapping[str, int]) -> bytes:
    from astropy.io import fits

    kinds = _fits_kinds(block, widths)
    units = {name: _fits_unit(column.units) for name, column in block.items()}
    made = [fits.Column(name=_plain(name), format=kinds[name][0], unit=units[name]) for name in block]
    table = fits.BinTableHDU.from_columns(made, nrows=0, name="PREDICTIONS").header
    table["NAXIS2"] = rows
    for number, (name, column) in enumerate(block.items(), 1):
        said = column.description if units[name] or not column.units else f"{column.description} [{column.units}]"
        table.comments[f"TTYPE{number}"] = _plain(column.description)[:45]
        table.set(f"TCOMM{number}", _plain(said), after=f"TFORM{number}")
    primary = fits.PrimaryHDU().header
    primary["EXTEND"] = True
    return primary.tostring().encode("ascii") + table.tostring().encode("ascii")


def _fits_unit(text: str) -> str | None:
    """Return units that FITS knows; of others, as those of a logarithm, whoever reads the table would be warned."""
    from astropy import units

    try:
        units.Unit(text, format="fits")
    except ValueError:
        return None
    return text or None


def _plain(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _fits_rows(block: Block, widths: Mapping[str, int]) -> np.ndarray:
    kinds = _fits_kinds(block, widths)
    n = len(next(iter(block.values())).values)
    found = np.zeros(n, dtype=[(name, stored) for name, (_, stored) in kinds.items()])
    for name, column in block.items():
        kind = _kind(column.values)
        if kind == "text":
            found[name] = ascii_of(column.values)
        elif kind == "b":
            found[name] = np.where(column.values, b"T", b"F")
        else:
            found[name] = column.values
    return found
