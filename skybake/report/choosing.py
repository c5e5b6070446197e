"""Chooses among the rows of a dataset, on the validation part; what comes after it reads the choice as a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from skybake import files
from skybake.report.rows import OK, Entry, Row, ordered, read
from skybake.report.tasks import task_of
from skybake.results import identity


def best(entries: Iterable[Entry]) -> Entry | None:
    """Return the network that is best on validation (a baseline if no network has ended); None if nothing has.

    It has the lowest RMSE there, for classes the lowest log loss.
    """
    ended = [entry for entry in ordered(entries) if entry.status == OK]
    return ended[0] if ended else None


def choose(rows: Iterable[Row], chosen: Path) -> None:
    """Write ``chosen.json``: what every row of a dataset reached on validation, in that order, and which is chosen.

    Args:
        rows: Of one dataset; those without metrics have failed.
        chosen: File to write. ``by`` is the column of ``comparison.csv`` that decides, ``chosen`` the axes of the row
            (:mod:`skybake.results.identity`), null where no row has ended.
    """
    entries = ordered(read(row, mock=False) for row in rows)
    by = f"valid_{task_of(entry.record for entry in entries).choice}"
    first = best(entries)
    told = [
        {**identity.of(entry.row), "baseline": entry.row.baseline, "status": entry.status, by: entry.record[by]}
        for entry in entries
    ]
    files.write_json(chosen, {"by": by, "chosen": identity.of(first.row) if first else None, "rows": told})


def chosen_entry(entries: Sequence[Entry], chosen: Path) -> Entry | None:
    """Return the entry that ``chosen.json`` names; None where no row had ended.

    Raises:
        ValueError: It is none of the rows, or has not ended.
    """
    named = files.read_json(chosen)["chosen"]
    if named is None:
        return None
    for entry in entries:
        if identity.of(entry.row) == named and entry.status == OK:
            return entry
    raise ValueError(f"{chosen}: the row {named} is none of those that have ended. Hint: delete this file")
