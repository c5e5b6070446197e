"""Curves of several rows in one panel: which rows, in which colours, and how the figure says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skybake.figures import Comparison, JudgedRow, _style
from skybake.results import identity

MOST = 8  # networks; more lines cannot be told apart
NAME = 40  # characters of a row in the legend
LINE_INCHES = 0.135  # of a line of the legend
STYLES = ("-", (0, (4, 1.2)))  # the second one where colours run out
BASELINE_STYLE = (0, (1, 1))

NOTHING = "no row can be drawn"

Suits = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Line:
    """A row of an overlay.

    Attributes:
        name: How it is called.
        data: What its own figures show.
        look: Colour and style, as matplotlib takes them.
    """

    name: str
    data: JudgedRow
    look: Mapping[str, Any]

    def told(self, words: str, metric: str) -> str:
        """Return its name with a number that ``metrics.json`` has of the test part."""
        value = self.data.pooled(metric)
        return self.name if np.isnan(value) else f"{self.name}: {words} {value:.3f}"


def everything(row: Mapping[str, Any]) -> bool:
    """Suit every row."""
    return True


def predicts_distributions(row: Mapping[str, Any]) -> bool:
    """Tell whether a row predicts distributions."""
    return row.get("pit_ks") is not None


def is_network(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is trained by epochs; the networks of a mean are, and stand in a row of their own."""
    return not row["baseline"] and row.get("prediction") not in identity.MEANS


def lines(data: Comparison, suits: Suits = everything, *, predictions: bool = True) -> Iterator[Line]:
    """Read one after another the best networks on validation, and the best baseline, of the rows that suit."""
    read, shown, beside = data.read, 0, False
    for place, row in enumerate(data.rows):
        full = beside if row["baseline"] else shown == MOST
        if read is None or full or not suits(row):
            continue
        found = read(place, predictions=predictions)
        if found is None:
            continue
        yield Line(_name(row), found, _look(shown, baseline=row["baseline"]))
        beside |= row["baseline"]
        shown += not row["baseline"]


def _name(row: Mapping[str, Any]) -> str:
    return _style.shortened(_style.competitor(row["model"], row["loss"]), NAME)


def _look(place: int, *, baseline: bool) -> dict[str, Any]:
    if baseline:
        return {"color": "black", "ls": BASELINE_STYLE}
    return look(place)


def look(place: int) -> dict[str, Any]:
    """Return colour and style of the network at a place."""
    return {"color": _style.PALETTE[place % len(_style.PALETTE)], "ls": STYLES[place // len(_style.PALETTE)]}


def title(data: Comparison, suits: Suits = everything) -> str:
    """Return the title: the dataset, and how many of how many are drawn, chosen on validation."""
    networks, baselines = (sum(suits(row) and row["baseline"] == kind for row in data.rows) for kind in (False, True))
    if networks <= MOST and baselines <= 1:
        return data.dataset
    said = f"best {MOST} of {networks} networks" if networks > MOST else f"{networks} networks"
    said += f", best of {baselines} baselines" if baselines > 1 else ""
    return f"{data.dataset}\n{said}\nby validation {data.choice}"


def panels(data: Comparison, height: float, suits: Suits = everything, **grid: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure of a column's width with its panels, and room for a legend beneath."""
    entries = min(sum(map(suits, data.rows)), MOST + 1) + data.mock
    figure = _style.figure(_style.SINGLE, height + LINE_INCHES * entries, mock=data.mock)
    found = list(np.ravel(figure.subplots(**grid)))
    found[0].set_title(title(data, suits))
    return figure, found


def finish(figure: Figure, *panels: Axes) -> None:
    """Put the legend of panels, each name once, beneath the figure; say so where nothing could be drawn."""
    named: dict[str, Artist] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    if not named:
        _style.say(panels[0], NOTHING)
        return
    legend(figure, list(named.values()), list(named))


def legend(figure: Figure, handles: Sequence[Artist], names: Sequence[str], columns: int = 1) -> None:
    """Put a legend beneath a figure, with an empty line under it where a mark of simulated objects stands."""
    marked = [Line2D([], [], ls="")] if figure.get_supxlabel() else []
    figure.legend(
        [*handles, *marked],
        [*names, *" " * len(marked)],
        loc="outside lower center",
        ncols=columns,
        handlelength=2.2,
        fontsize=6.5,
        labelspacing=0.3,
    )


def fewest(independent: Sequence[int | None]) -> int | None:
    """Return the smallest number of independent objects; None where one is not known."""
    known = [count for count in independent if count is not None]
    return min(known) if len(known) == len(independent) else None
