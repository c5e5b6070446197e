"""Whether a catalogue has the columns that options name: told by its header, before a row is read."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path

from skybake.raw import RawError, tables
from skybake.raw.options import CatalogueOptions

MOST_NAMED = 20  # columns that a message proposes
POSITIONS = {
    "ra": ("ra", "raj2000", "ra_deg", "alpha_j2000"),
    "dec": ("dec", "dej2000", "decj2000", "dec_deg", "delta_j2000"),
}
"""What columns are usually called, in small letters."""
_SINGLE = ("id", "group", "ra", "dec", "file")  # options that are one column each, whether labels are needed or not


def check_file(path: Path, options: CatalogueOptions) -> list[str]:
    """Open a catalogue, look for what the options name, and return the names of the scalars that objects will have.

    Raises:
        RawError: It is no table, or a column is missing.
    """
    names = tables.source(path, table=options.table)[0]
    check_columns(path, names, options)
    return [*_positions(names, options), *options.scalars, *_made(options)]


def _positions(names: Sequence[str], options: CatalogueOptions) -> list[str]:
    """Return those of ra and dec that objects have, unless the file says that they are no degrees."""
    called = {name: [column for column in names if column.lower() in POSITIONS[name]] for name in POSITIONS}
    return [name for name, columns in called.items() if getattr(options, name) or len(columns) == 1]


def _made(options: CatalogueOptions) -> list[str]:
    error = [f"{options.name}_error"] if options.label_error else []
    return [*error, *(["part"] if options.split_column and options.needs_label else [])]


def check_columns(path: Path, names: Sequence[str], options: CatalogueOptions) -> None:
    """Raise RawError if a catalogue lacks a column that options name, or they describe one that is not used."""
    if options.needs_label and "label" not in options.model_fields_set and options.label not in names:
        lines = " or ".join(f"`label: {name}`" for name in names[:MOST_NAMED])
        raise RawError(
            f"{path}: no column 'label', and none is named to be predicted; found {', '.join(names)}. Hint: say which,"
            f" options: {lines}"
        )
    for option in (*(("label", "label_error", "split_column") if options.needs_label else ()), *_SINGLE):
        if name := getattr(options, option, ""):
            check_column(path, names, name, option)
    for name in options.scalars:
        check_column(path, names, name, "scalars")
    for name in options.labels:
        check_column(path, names, name, "labels")
    _check_described(path, options)


def check_column(path: Path, names: Sequence[str], name: str, option: str) -> None:
    """Raise RawError if a catalogue has no such column, with a near one."""
    if name in names:
        return
    near = difflib.get_close_matches(name, names, n=1, cutoff=0.4) or list(names[:1])
    raise RawError(
        f"{path}: option {option}: no column {name!r}; found {', '.join(names) or 'none'}."
        f" Hint: options: {{{option}: {near[0] if near else '...'}}}, or another one of them"
    )


def _check_described(path: Path, options: CatalogueOptions) -> None:
    """Raise RawError if kinds or units are given of a column that is neither the label nor a scalar."""
    used = [*(options.labels or (options.label,)), *options.scalars, *filter(None, (options.ra, options.dec))]
    for option in ("kinds", "units"):
        for name in getattr(options, option):
            if name not in used:
                near = difflib.get_close_matches(name.lower(), [item.lower() for item in used], n=1, cutoff=0.5)
                hint = f" Did you mean {next(item for item in used if item.lower() == near[0])!r}?" if near else ""
                raise RawError(
                    f"{path}: option {option}: {name!r} is neither the label nor a scalar; those are"
                    f" {', '.join(used)}.{hint}"
                )
