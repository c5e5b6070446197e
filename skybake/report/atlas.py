"""The failure atlas: the test objects that are predicted worst and best, and whether all rows fail at the same ones.

An object at which all networks fail in the same way may have a wrong label; one at which a single network fails tells
of that network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skybake.figures import _style
from skybake.report import competitors
from skybake.report.competitors import Competitor, Field, Objects
from skybake.report.numbers import MINUS
from skybake.report.thumbnails import Sheet

CARDS = 8  # worst objects of a row, and as many of the best
LINES = 20  # objects that are shown across all rows
FEWEST = 2  # networks that must agree before a label is called suspect
FAR = 5  # medians of a network's |error| beyond which an object is not like the others
SURE = 0.5  # probability of the wrong class


@dataclass(frozen=True)
class Card:
    """An object as one row sees it.

    Attributes:
        id: Of the object.
        x, y: Of its thumbnail in the sheet [pixels].
        true, predicted, error: In words, the prediction with its uncertainty.
        bad: Whether it is an outlier or the wrong class.
    """

    id: str
    x: int
    y: int
    true: str
    predicted: str
    error: str
    bad: bool


@dataclass(frozen=True)
class Cell:
    """What a row says of an object, in a table of many.

    Attributes:
        text: In few characters.
        shade: From 0, right, to 1, an outlier or worse.
        bad: Whether it is an outlier or the wrong class.
    """

    text: str
    shade: float
    bad: bool


@dataclass(frozen=True)
class Line:
    """An object across all rows.

    Attributes:
        id, x, y, true: As of :class:`Card`.
        sky: Its position in degrees; empty where it is not known.
        cells: One a row.
        failing: How many networks fail, of how many.
        suspect: Why its label may be wrong; empty where nothing says so.
        leak: What it has in common with an object of another part; empty where nothing is known.
    """

    id: str
    x: int
    y: int
    true: str
    sky: str
    cells: Sequence[Cell]
    failing: str
    suspect: str
    leak: str


@dataclass(frozen=True)
class Atlas:
    """Worst and best objects.

    Attributes:
        heads: Names of the rows.
        worst, best: One sequence of cards a row.
        lines: Objects across all rows, from the worst on.
        suspects: How many labels are suspect, of all objects.
    """

    heads: Sequence[str]
    worst: Sequence[Sequence[Card]]
    best: Sequence[Sequence[Card]]
    lines: Sequence[Line]
    suspects: int


def make(field: Field, sheet: Sheet, audit: Mapping[str, Any]) -> Atlas:
    """Return the atlas of the objects that are shown.

    Args:
        field: All rows on the same objects.
        sheet: Thumbnails of the objects kept.
        audit: Of the split, as :func:`skybake.data.audit.read` tells it.
    """
    kept = field.kept.places
    where = {int(place): number for number, place in enumerate(kept)}
    shown = np.isin(np.arange(len(field.objects.ids)), kept)
    judges = field.networks or list(field.competitors)
    suspects = _suspects(field.objects, judges)
    leaks = _leaks(audit)
    together = [place for place in competitors.worst_first(judges) if shown[place]]

    def cards(one: Competitor, places: np.ndarray) -> list[Card]:
        return [_card(field.objects, one, place, sheet, where[int(place)]) for place in places]

    def line(place: int) -> Line:
        name, number = str(field.objects.ids[place]), where[int(place)]
        failing = sum(bool(one.bad[place]) for one in judges)
        return Line(
            id=name,
            x=int(sheet.x[number]),
            y=int(sheet.y[number]),
            true=_true(field.objects, place),
            sky=_sky(field.objects, place),
            cells=[_cell(field.objects, one, place) for one in field.competitors],
            failing=f"{failing} of {len(judges)}",
            suspect=suspects.get(int(place), ""),
            leak=leaks.get(name, ""),
        )

    ordered = [np.argsort(competitors.order(one), kind="stable") for one in field.competitors]
    ordered = [places[shown[places]] for places in ordered]
    right = [
        places[np.isfinite(one.size[places])][::-1] for one, places in zip(field.competitors, ordered, strict=True)
    ]
    first = sorted(together, key=lambda place: int(place) not in suspects)[:LINES]
    return Atlas(
        heads=[one.name for one in field.competitors],
        worst=[cards(one, places[:CARDS]) for one, places in zip(field.competitors, ordered, strict=True)],
        best=[cards(one, places[:CARDS]) for one, places in zip(field.competitors, right, strict=True)],
        lines=[line(int(place)) for place in first],
        suspects=len(suspects),
    )


def _suspects(objects: Objects, judges: Sequence[Competitor]) -> dict[int, str]:
    """Return place of an object -> why its label may be wrong: all networks fail at it in the same way, and clearly.

    A network that is poor everywhere tells nothing of a label: its error must be large among its own too, and of a
    class it must be sure.
    """
    if len(judges) < FEWEST:
        return {}
    if objects.classes:
        clear = [one.sigma > SURE for one in judges]
    else:
        clear = [one.size > FAR * np.nanmedian(one.size) for one in judges]
    bad = np.all([one.bad & far & np.isfinite(one.predicted) for one, far in zip(judges, clear, strict=True)], axis=0)
    if objects.classes:
        said = np.stack([one.predicted for one in judges])
        same = bad & (said == said[0]).all(axis=0)
        name = {place: objects.classes[int(said[0, place])] for place in np.flatnonzero(same)}
        return {int(place): f"all {len(judges)} networks say {text}" for place, text in name.items()}
    signs = np.sign([one.error for one in judges])
    same = bad & (signs == signs[0]).all(axis=0)
    side = {1.0: "high", -1.0: "low"}
    return {
        int(place): f"all {len(judges)} networks predict too {side[float(signs[0, place])]} a value"
        for place in np.flatnonzero(same & (signs[0] != 0))
    }


def _leaks(audit: Mapping[str, Any]) -> dict[str, str]:
    """Return id of a test object -> the part in which the audit's examples have its counterpart."""
    found: dict[str, str] = {}
    for parts, kinds in audit["leaks"].items():
        one, other = parts.split("/")
        for told in kinds.values() if other == "test" else ():
            for _, name in (told or {"examples": ()})["examples"]:
                found[name] = one
    return found


def _card(objects: Objects, one: Competitor, place: int, sheet: Sheet, number: int) -> Card:
    predicted, sigma = one.predicted[place], one.sigma[place]
    if objects.classes:
        text = f"{objects.classes[int(predicted)]}, {sigma:.2f}" if np.isfinite(predicted) else "no number"
        error = f"true class: {1 - one.error[place]:.2g}"
    else:
        text = _number(predicted) + (f" \N{PLUS-MINUS SIGN} {sigma:.2g}" if np.isfinite(sigma) else "")
        error = f"error {_number(one.error[place], '+')}"
    return Card(
        id=str(objects.ids[place]),
        x=int(sheet.x[number]),
        y=int(sheet.y[number]),
        true=_true(objects, place),
        predicted=text,
        error=error,
        bad=bool(one.bad[place]),
    )


def _cell(objects: Objects, one: Competitor, place: int) -> Cell:
    size, bad = one.size[place], bool(one.bad[place])
    if not np.isfinite(one.predicted[place]):
        return Cell("no number", 1.0, bad)
    if objects.classes:
        return Cell(_style.shortened(objects.classes[int(one.predicted[place])], 14), float(np.clip(size, 0, 1)), bad)
    threshold = one.data.outlier_threshold
    scale = threshold if np.isfinite(threshold) and threshold > 0 else np.nanmax(one.size) or 1.0
    return Cell(_number(one.error[place], "+"), float(np.clip(size / scale, 0, 1)), bad)


def _true(objects: Objects, place: int) -> str:
    value = objects.true[place]
    return objects.classes[int(value)] if objects.classes else _number(value)


def _sky(objects: Objects, place: int) -> str:
    names = [objects.of_kind(kind) for kind in ("right_ascension", "declination")]
    if not all(names):
        return ""
    ra, dec = (objects.scalars[found[0]][place] for found in names)
    return f"{ra:.5f} {dec:+.5f}".replace("-", MINUS) if np.isfinite([ra, dec]).all() else ""


def _number(value: float, sign: str = "") -> str:
    return f"{value:{sign}.4g}".replace("-", MINUS) if np.isfinite(value) else "no number"
