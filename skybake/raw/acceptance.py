"""Whether what was read can be used: not where most of it was rejected, nor where there is nothing to learn."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b

import numpy as np

from skybake.data.columns import Column
from skybake.data.rejections import NO_LOSS, Rejection
from skybake.missing import present
from skybake.raw import Batch

EXAMPLES = 3  # rows that are named of a reason


def against(rows: int, rejections: Sequence[Rejection], most_rejected: float) -> str:
    """Return what is wrong with so many rejections, the reasons with counts and examples; empty if nothing is.

    Args:
        rows: Number of all rows.
        rejections: All; those that are merged into another row, or have a label where none is wanted, are no loss.
        most_rejected: Fraction of the rows that one reason may reject.
    """
    lost = Counter(item.reason for item in rejections if item.reason not in NO_LOSS)
    if rows == len(rejections):
        return f"no object was accepted of {rows} rows{_reasons(rejections)}"
    number = max(lost.values(), default=0)
    if number > most_rejected * rows:
        return (
            f"{number} of {rows} rows were rejected for one reason, more than a fraction of {most_rejected:g}"
            f"{_reasons(rejections)}\nHint: if this is meant, options: {{most_rejected: {_above(number / rows)}}}"
        )
    return ""


def _above(fraction: float) -> str:
    return f"{min(1.0, np.ceil(100 * fraction) / 100):g}"


def _reasons(rejections: Sequence[Rejection]) -> str:
    """Return a line for each reason, the most frequent first."""
    of_reason: dict[str, list[Rejection]] = defaultdict(list)
    for item in sorted(rejections, key=lambda item: item.row):
        of_reason[item.reason].append(item)
    lines = ""
    for reason, items in sorted(of_reason.items(), key=lambda pair: -len(pair[1])):
        some = "; ".join(_said(item) for item in items[:EXAMPLES])
        lines += f"\n  {reason}: {len(items)}, as in {some}"
    return lines


def _said(item: Rejection) -> str:
    return f"row {item.row} ({item.id})" + (f": {item.detail}" if item.detail else "")


class PixelsSeen:
    """Collects the classes of objects with the same pixels, batch by batch: nobody can tell which of two is right."""

    def __init__(self, name: str, column: Column):
        self._name, self._column = name, column
        self._same: dict[bytes, list[tuple[int, str, float]]] = defaultdict(list)

    def add(self, batch: Batch) -> None:
        """Take note of some objects; of a label that is a number nothing is kept."""
        if self._column.kind != "class":
            return
        labels = np.asarray(batch.labels[self._name], dtype=np.float64)
        images = np.ascontiguousarray(batch.image, dtype=np.float32)
        for place in np.flatnonzero(present(labels)).tolist():
            digest = blake2b(images[place].tobytes(), digest_size=16).digest()
            self._same[digest].append((int(batch.rows[place]), batch.id[place], float(labels[place])))

    def disagreeing(self) -> dict[int, tuple[str, str]]:
        """Return row -> (reason, detail) of every object that has another class than one with the same pixels."""
        found = {}
        for items in self._same.values():
            for row, _, label in items:
                other = next(((name, value) for _, name, value in items if value != label), None)
                if other is not None:
                    one, another = (_class(self._column, value) for value in (label, other[1]))
                    found[row] = ("labels disagree", f"{one}, with the same pixels as {other[0]}, which is {another}")
        return found


class LabelsSeen:
    """Collects what values a label has, batch by batch."""

    def __init__(self, name: str, column: Column):
        self._name, self._column = name, column
        self._times: Counter[float] = Counter()
        self._number, self._low, self._high = 0, np.inf, -np.inf

    def add(self, values: np.ndarray) -> None:
        """Take note of the labels (n,) of some objects."""
        known = np.asarray(values, dtype=np.float64)
        known = known[present(known)]
        if self._column.kind == "class":
            self._times.update(known.tolist())
        if len(known):
            self._low, self._high = min(self._low, known.min()), max(self._high, known.max())
        self._number += len(known)

    def against(self) -> str:
        """Return why there is nothing to learn; empty if there is."""
        if not self._number:
            return f"no object has a known {self._name}"
        if self._number > 1 and self._low == self._high:
            value = _class(self._column, self._low) if self._column.kind == "class" else f"{self._low:g}"
            return (
                f"{self._name} is {value} for all of {self._number} objects; there is nothing to learn from one value"
            )
        return ""

    def doubts(self) -> Iterator[str]:
        """Yield what may be meant, and should be seen."""
        for number in range(len(self._column.classes)):
            if not self._times[float(number)]:
                yield f"class {_class(self._column, number)} has no object"


def _class(column: Column, number: float) -> str:
    return column.classes[int(number)] if column.classes else f"{number:g}"


def accounts(accepted: int, rejections: Sequence[Rejection]) -> str:
    """Return how many rows were accepted and rejected, by reason."""
    times: Mapping[str, int] = Counter(item.reason for item in rejections)
    reasons = ", ".join(f"{reason} {number}" for reason, number in sorted(times.items(), key=lambda pair: -pair[1]))
    return f"{accepted} objects accepted, {len(rejections)} rejected" + (f": {reasons}" if reasons else "")
