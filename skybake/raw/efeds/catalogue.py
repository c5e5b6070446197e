"""The feather catalogue: mass, redshift, ids and halos of every row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skybake.raw import RawError, formats
from skybake.raw.efeds.options import COLUMNS, Options
from skybake.raw.tables import check_single

if TYPE_CHECKING:
    import pyarrow as pa

ID_COLUMNS = ("cluster", "cluster_id", "ID_SRC_OUT", "ID_SRC", "SRC_ID_IN", "input_SRC_ID")
GROUP_COLUMNS = ("SRC_ID_IN", "input_SRC_ID", "HALO_halo_id", "HALO_id", "halo_id")
"""Ids of the halo, which recur where the same halo does. (``pid`` is not one: it is the halo's parent.)"""
PLAUSIBLE = (10.0, 17.0)  # log10 Msun


@dataclass(frozen=True)
class Catalogue:
    """What is used of the catalogue.

    Attributes:
        path: The file.
        columns: Which of :data:`COLUMNS`, or the names given in the options.
        log10_mass: (N,) [log10 Msun]; NaN or infinite where the mass is missing or not positive.
        mass: (N,) as the catalogue has it.
        scalars: Name -> (N,); with redshift.
        ids: N cluster ids, or None.
        id_column: Where ``ids`` come from.
        groups: N halo ids (None where missing), or None.
    """

    path: Path
    columns: str
    log10_mass: np.ndarray
    mass: np.ndarray
    scalars: dict[str, np.ndarray]
    ids: list[str] | None
    id_column: str
    groups: list[str | None] | None

    def __len__(self) -> int:
        return len(self.mass)


def read_catalogue(path: Path, options: Options, image_ids: Sequence[str] | None = None) -> Catalogue:
    """Read the feather catalogue.

    Args:
        path: The file.
        options: Which columns to read.
        image_ids: Ids of the images, to find the column that has them.

    Raises:
        RawError: It is no feather file, a column is missing, is ambiguous or has no numbers, or the masses cannot be
            in the unit the options say.
    """
    table = _read_table(path)
    known = {*ID_COLUMNS, *GROUP_COLUMNS, *(name for pair in COLUMNS.values() for name in pair), *options.named}
    check_single(path, table.column_names, [name for name in known if name in table.column_names])
    columns, mass_column, redshift_column = _mass_and_redshift(path, table.column_names, options)
    for name in options.named:
        if name not in table.column_names:
            raise RawError(f"{path}: no column {name!r}; found {table.column_names}")
    mass = _numbers(path, table, mass_column) if mass_column else np.full(len(table), np.nan)
    scalars = {"redshift": _numbers(path, table, redshift_column)}
    scalars |= {name: _numbers(path, table, name) for name in options.scalars if name not in scalars}
    id_column = _id_column(path, table, options, image_ids)
    if id_column:
        check_whole(path, id_column, table[id_column].to_pylist())
    group_column = options.group_column or next((name for name in GROUP_COLUMNS if name in table.column_names), "")
    return Catalogue(
        path=path,
        columns=columns,
        log10_mass=_log10_mass(path, mass, mass_column, options),
        mass=mass,
        scalars=scalars,
        ids=[str(name) for name in _names(table, id_column)] if id_column else None,
        id_column=id_column,
        groups=_names(table, group_column) if group_column else None,
    )


def _read_table(path: Path) -> pa.Table:
    import pyarrow as pa
    from pyarrow import feather

    kind = formats.kind_of(path) if path.is_file() and path.stat().st_size else ""
    if kind not in ("", formats.FEATHER):
        raise RawError(f"{path}: not a readable feather file but {kind}. Hint: DataFrame.to_feather writes one")
    try:
        table = feather.read_table(path, memory_map=False)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise RawError(
            f"{path}: not a readable feather file ({reason}). Hint: DataFrame.to_feather writes one"
        ) from None
    if not len(table):
        raise RawError(f"{path}: the catalogue has no rows")
    return table.rename_columns([name.strip() for name in table.column_names])


def _mass_and_redshift(path: Path, names: Sequence[str], options: Options) -> tuple[str, str, str]:
    if options.mass_column and options.redshift_column:
        columns, mass, redshift = "named in the config", options.mass_column, options.redshift_column
    else:
        columns = _column_set(path, names, options)
        mass, redshift = (
            given or usual
            for given, usual in zip((options.mass_column, options.redshift_column), COLUMNS[columns], strict=True)
        )
    if mass not in names and not options.needs_label:
        mass = ""
    for name in filter(None, (mass, redshift)):
        if name not in names:
            raise RawError(f"{path}: no column {name!r}; found {list(names)}")
    return columns, mass, redshift


def _column_set(path: Path, names: Sequence[str], options: Options) -> str:
    if options.columns != "auto":
        return options.columns
    given = (options.mass_column, options.redshift_column)
    present = [
        columns
        for columns, pair in COLUMNS.items()
        if all(own or usual in names for own, usual in zip(given, pair, strict=True))
    ]
    if not present and not options.needs_label:  # the redshift alone tells it
        present = [columns for columns, (_, usual) in COLUMNS.items() if (given[1] or usual) in names]
    if len(present) != 1:
        expected = ", ".join(f"{columns}: {mass} and {redshift}" for columns, (mass, redshift) in COLUMNS.items())
        found = f"those of {' and '.join(present)}" if present else f"{list(names)}"
        raise RawError(f"{path}: expected the columns of one of ({expected}), found {found}. Hint: set `columns`")
    return present[0]


def _numbers(path: Path, table: pa.Table, name: str) -> np.ndarray:
    import pyarrow as pa

    kind = table[name].type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise RawError(f"{path}: column {name!r} should hold numbers, found {kind}")
    return np.asarray(table[name].cast(pa.float64()).to_numpy(), dtype=np.float64)


def _names(table: pa.Table, name: str) -> list[str | None]:
    return [None if value is None or value != value else str(written_name(value)) for value in table[name].to_pylist()]


def written_name(value: object) -> object:
    """Return an id in the form in which ids are compared: 12, 12.0, b"12" and "12" are the same."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value.strip() if isinstance(value, str) else str(value)


def check_whole(path: Path, what: str, values: Iterable[object]) -> None:
    """Raise RawError if an id is a float too large to be whole: its last digits are lost."""
    for value in values:
        if isinstance(value, float | np.floating) and 2.0**53 <= abs(float(value)) < np.inf:
            raise RawError(
                f"{path}: {what} holds {value!r}, a float whose last digits are lost; expected ids as integers or text"
            )


def _id_column(path: Path, table: pa.Table, options: Options, image_ids: Sequence[str] | None) -> str:
    """Return the column with the images' ids; without such, a column that names the rows, or none.

    Raises:
        RawError: It may be one of several columns, or the numbers of images and rows may agree by coincidence.
    """
    if options.id_column:
        return options.id_column
    present = [name for name in ID_COLUMNS if name in table.column_names]
    if image_ids is None or options.match == "position":
        return present[0] if present else ""
    if "cluster" in present:
        present = ["cluster"]
    for name in present:
        check_whole(path, name, table[name].to_pylist())
    wanted, own = set(image_ids), {name: set(_names(table, name)) - {None} for name in present}
    shared = {name: len(wanted & own[name]) for name in present if wanted & own[name]}
    whole = [name for name in shared if wanted <= own[name] or own[name] <= wanted]
    if options.match == "id":
        whole = whole or [name for name in shared if 2 * shared[name] > len(wanted) or name == "cluster"]
    if len(whole) > 1 and any(_names(table, name) != _names(table, whole[0]) for name in whole[1:]):
        lines = " or ".join(f"`id_column: {name}`" for name in whole)
        raise RawError(f"{path}: columns {' and '.join(whole)} both hold the images' ids. Hint: say which, {lines}")
    if whole:
        _check_not_row_numbers(path, table, whole[0], wanted, options)
        return whole[0]
    if options.match == "id" or (present == ["cluster"] and not shared):
        if present == ["cluster"]:
            return "cluster"  # which matching refuses, and shows both
        raise RawError(f"{path}: none of {list(ID_COLUMNS)} holds the images' ids. Hint: set `id_column`")
    if _only_numbered(image_ids) and present != ["cluster"]:
        return ""
    for name, number in shared.items():
        if _are_numbers(wanted) or (2 * number <= len(wanted) and name != "cluster"):
            raise RawError(
                f"{path}: {number} of {len(wanted)} ids of the images stand in column {name}, the others do not: this"
                " may be one numbering or two. Hint: say which holds, `match: id` or `match: position`"
            )
        return name
    return ""


def _are_numbers(names: Iterable[str]) -> bool:
    return all(name.isdecimal() for name in names)


def _check_not_row_numbers(path: Path, table: pa.Table, name: str, wanted: set[str], options: Options) -> None:
    """Raise RawError where images may be numbered by rows from 0, while a column numbers the rows from 1."""
    rows = len(table)
    numbered = _names(table, name) == [str(row) for row in range(1, rows + 1)]
    if options.match == "auto" and numbered and len(wanted) < rows and str(rows) not in wanted and name != "cluster":
        raise RawError(
            f"{path}: column {name} numbers the {rows} rows from 1, and the images' numbers may count them from 0."
            " Hint: `match: id` says that they are those of the column; else number them anew"
        )


def _only_numbered(ids: Sequence[str]) -> bool:
    return any(list(ids) == [str(first + i) for i in range(len(ids))] for first in (0, 1))


def _log10_mass(path: Path, mass: np.ndarray, name: str, options: Options) -> np.ndarray:
    if options.mass_is_log10:
        log10_mass = np.where(mass > 0, mass, np.nan)
    else:
        with np.errstate(divide="ignore", invalid="ignore"):
            log10_mass = np.log10(mass * options.mass_unit)
    usable = log10_mass[np.isfinite(log10_mass)]
    low, high = PLAUSIBLE
    if len(usable) and not low <= np.median(usable) <= high:
        raise RawError(
            f"{path}: column {name!r} has a median of {np.median(mass[np.isfinite(log10_mass)]):g}, which would be "
            f"log10 M = {np.median(usable):.2f}; expected {low:g} to {high:g}. Hint: set `mass_unit` or `mass_is_log10`"
        )
    return log10_mass
