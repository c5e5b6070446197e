"""Tables of FITS files: binary and ASCII ones, with what FITS knows of missing values.

A value is missing where an integer is TNULL, a logical is neither T nor F, and where a number of an ASCII table is
blank or TNULL; such columns come as objects with None. :meth:`astropy.table.Table.read` gives an ASCII table's missing
numbers as 0, and compares unsigned integers with TNULL as astropy writes it, not as the standard has it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake.raw import RawError
from skybake.raw.tables import check_single

_LDAC_HEADER = "LDAC_IMHEAD"

Places = Callable[[str, tuple[int, ...]], Mapping[str, int | None]]
"""Name and shape of a column's values -> names, and which element each stands for."""


def one_number_columns(name: str, shape: tuple[int, ...]) -> dict[str, int | None]:
    """Keep columns with one value a row under their own names."""
    return {name: None} if not shape else {}


@dataclass(frozen=True)
class _Place:
    column: int
    element: int | None


class FitsTable:
    """A table of an open FITS file, whose columns are read one by one.

    Attributes:
        names: Of what can be read, in order.
    """

    def __init__(self, path: Path, hdu: Any, places: Places):
        from astropy.io import fits

        columns = hdu.columns.names
        check_single(path, columns, columns)  # astropy cannot read such a table
        self._data, self._columns, self._ascii = hdu.data, hdu.columns, isinstance(hdu, fits.TableHDU)
        self._places: list[_Place] = []
        self.names: list[str] = []
        for number, name in enumerate(columns):
            if self._columns[number].format.upper().strip("0123456789")[:1] in "PQCMX":
                continue  # of changing length, complex, bits
            shape = tuple(size for size in self._data.dtype[number].shape if size != 1)
            for called, element in places(name.strip(), shape).items():
                self.names.append(called)
                self._places.append(_Place(number, element))

    def values(self, name: str) -> np.ndarray:
        """Return a column (N,) in this machine's byte order; with None where values are missing and no NaN."""
        place = self._places[self.names.index(name)]
        values, missing = self._column(place.column)
        if place.element is not None:
            values, missing = values[:, place.element], missing[:, place.element]
        values = values.astype(values.dtype.newbyteorder("="))
        if not missing.any():
            return values
        if values.dtype.kind == "f":
            return np.where(missing, np.nan, values)
        found = values.astype(object)
        found[missing] = None
        return found

    def _column(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Return values of a column and which are missing; of one axis, or two where there are several in a row."""
        column, stored = self._columns[number], self._data.view(np.ndarray)
        kept, values = stored[stored.dtype.names[number]], np.asarray(self._data.field(number))
        null = None if column.null in (None, "") else column.null
        if self._ascii:
            texts = np.char.strip(kept)
            missing = texts == b""
            if null is not None:
                missing |= texts == str(null).strip().encode()
        elif column.format.upper().endswith("L"):
            missing = (kept != ord("T")) & (kept != ord("F"))
        elif kept.dtype.kind in "iu" and null is not None:
            missing = kept == int(null)
            if values.dtype.kind in "iu":  # astropy writes TNULL of unsigned integers as they are, not as stored
                missing |= values == int(null)
        else:
            missing = np.zeros(kept.shape, dtype=bool)
        n = len(values)
        shape = (n,) if values.size == n else (n, -1)
        return values.reshape(shape), missing.reshape(shape)


def choose_table(path: Path, file: Any, asked: str) -> Any:
    """Return the one table of an open FITS file, or that which is asked for by name or number.

    The header that SExtractor writes as a table into LDAC files is no table.

    Raises:
        RawError: There is none, or there are several and none is asked for.
    """
    from astropy.io import fits

    found = {
        number: hdu
        for number, hdu in enumerate(file)
        if isinstance(hdu, fits.BinTableHDU | fits.TableHDU) and hdu.name != _LDAC_HEADER
    }
    if not found:
        raise RawError(f"{path}: no table in this FITS file; it has none, or is cut off before it")
    texts = [
        f"{number}, {hdu.name or 'without a name'}, of {len(hdu.columns)} columns" for number, hdu in found.items()
    ]
    if asked:
        chosen = [hdu for number, hdu in found.items() if asked.lower() in (str(number), hdu.name.lower())]
        if len(chosen) != 1:
            raise RawError(f"{path}: option table: {asked!r} found; expected one of {'; '.join(texts)}")
        return chosen[0]
    if len(found) > 1:
        lines = " or ".join(f"`table: {_line(number, found)}`" for number in found)
        raise RawError(f"{path}: {len(found)} tables: {'; '.join(texts)}. Hint: say which is meant by {lines}")
    return next(iter(found.values()))


def _line(number: int, found: Mapping[int, Any]) -> str:
    name = found[number].name
    single = name and sum(hdu.name == name for hdu in found.values()) == 1
    return name if single and re.fullmatch(r"[A-Za-z]\w*", name) else f'"{number}"'
