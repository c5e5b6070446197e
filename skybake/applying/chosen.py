"""Which row of a bake-off predicts new objects: that which the config names, or that which was chosen on validation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake import files
from skybake.results import folders, identity


def row_of(rows: Sequence[Mapping[str, Any]], chosen: Iterable[Path | str]) -> Mapping[str, Any]:
    """Return the row that predicts.

    Args:
        rows: Those that may predict: their axes, and what else is told of them.
        chosen: ``chosen.json``; empty where only one row may.

    Raises:
        ValueError: No network was chosen.
    """
    named = rows[0]
    for path in chosen:
        found = files.read_json(Path(path))["chosen"]
        fits = [row for row in rows if {axis: row[axis] for axis in identity.AXES} == found]
        if not fits:
            raise ValueError(
                f"{path}: {found} chosen; expected one of the networks, to apply it. Hint: name one by `model`"
            )
        named = fits[0]
    return named


def runs_of(rows: Sequence[Mapping[str, Any]], chosen: Iterable[Path | str], paths: Iterable[str]) -> dict[int, Path]:
    """Return seed -> folder of the run, of the row that predicts.

    Args:
        rows, chosen: As of :func:`row_of`; rows have ``trained``, the folder among the runs (model, loss).
        paths: Files of the runs of all these rows.

    Raises:
        ValueError: No network was chosen.
    """
    model, loss = row_of(rows, chosen)["trained"]
    return folders.of_rows(paths)[model, loss]
