"""Raw objects that are not in the dataset, and why."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skybake.files import atomic_write

MERGED = "merged"
"""Reason against a row whose object is in the dataset, by another row."""
LABELLED = "has a label"
"""Reason against a row of which only such are wanted that have none."""
NOT_SELECTED = "not selected"
"""Reason against a row that the dataset's `where` leaves out."""
NOT_DRAWN = "not drawn"
"""Reason against a row that was not drawn, where there are more objects than `max_objects`."""
NO_LOSS = (MERGED, LABELLED, NOT_SELECTED, NOT_DRAWN)
"""Reasons that say nothing against the raw files."""


@dataclass(frozen=True)
class Rejection:
    """A raw object that is not in the dataset.

    Attributes:
        row: Row number in the catalogue, counted from 0.
        id: Its id as the catalogue has it.
        reason: One of few words that can be counted, e.g. ``"mass not positive"``.
        detail: What was found.
    """

    row: int
    id: str
    reason: str
    detail: str = ""


def write_rejected(path: Path | str, rejections: Iterable[Rejection]) -> None:
    """Write ``rejected.csv``, in the catalogue's order."""
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["row", "id", "reason", "detail"])
        for item in sorted(rejections, key=lambda item: item.row):
            table.writerow([item.row, item.id, item.reason, item.detail])
