"""What changed since earlier results: of every row the difference with its interval."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.figures import Differences, _style

SCOPE = "difference"
TASKS = ["regression", "classification"]
TITLE = "What changed"
CAPTION = (
    "Now minus before, of every row that predicts other bytes than it did: at the left of the line is better."
    " Filled marks: the same test objects, compared by pairs; open ones: other objects, with the intervals of both."
)
NEEDS = ("changes",)
MOST = 60  # rows that can be read on one page
ROW_INCHES = 0.17


@_style.styled
def draw(data: Differences) -> Figure:
    """Draw a line for each row, in the table's order; of many the largest changes."""
    rows = [row for row in data.rows if row["difference"] is not None]
    largest = sorted(rows, key=lambda row: -abs(row["difference"]))[:MOST]
    shown = [row for row in rows if any(row is other for other in largest)]
    figure = _style.figure(_style.DOUBLE, 1.0 + ROW_INCHES * max(len(shown), 3), mock=data.mock)
    axes = figure.subplots()
    places = -np.arange(len(shown), dtype=float)
    for place, row in zip(places, shown, strict=True):
        colour = "black" if row["baseline"] else _style.PALETTE[0]
        if row["low"] is not None and row["high"] is not None:
            axes.plot([row["low"], row["high"]], [place, place], color=colour, lw=1.4, solid_capstyle="butt")
        face = colour if row["paired"] else "white"
        axes.plot(row["difference"], place, "D" if row["baseline"] else "o", color=colour, mfc=face, ms=3.5)
    axes.axvline(0, color="black", lw=0.6, zorder=0)
    axes.set_yticks(places, [row["name"] for row in shown])
    axes.set_ylim(places[-1] - 0.7, 0.7)
    axes.set_xlabel(_style.quantity(f"{data.said}, now minus before", data.units))
    axes.grid(axis="x", lw=0.3, color=_style.PALE)
    axes.set_axisbelow(True)
    axes.tick_params(axis="y", length=0)
    parts = [f"{data.dataset}, since {_style.shortened(data.since, 40)}", f"{100 * data.level:g} % intervals"]
    if len(rows) > MOST:
        parts.append(f"the largest {MOST} of {len(rows)} changes")
    figure.suptitle(": ".join(parts[:2]) + "".join(f", {more}" for more in parts[2:]), fontsize=8)
    return figure
