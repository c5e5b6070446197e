"""Forest plot: bias and scatter of every model and loss with their intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.figures import Comparison, _style

SCOPE = "comparison"
TASKS = ["regression"]
TITLE = "Errors with intervals"
CAPTION = (
    "Mean and standard deviation of the test errors with bootstrap intervals (of the networks as trained), networks in"
    " the order of their validation RMSE, baselines below the line."
)
MOST = 40  # rows that can be read on one page
ROW_INCHES = 0.17


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a line for each row; of many networks the best, in the table's order."""
    networks = [row for row in data.rows if not row["baseline"]]
    baselines = [row for row in data.rows if row["baseline"]]
    shown = networks[:MOST] + baselines[:MOST]
    figure = _style.figure(_style.DOUBLE, 1.0 + ROW_INCHES * max(len(shown), 3), mock=data.mock)
    if not shown:
        _style.say(figure.subplots(), "no run has ended")
        return figure
    bias, spread = figure.subplots(1, 2, sharey=True)
    places = -np.arange(len(shown), dtype=float)
    places[len(networks[:MOST]) :] -= 0.6 if networks else 0.0
    for axes, name in ((bias, "mean_error"), (spread, "std_error")):
        _intervals(axes, places, shown, name)
        if networks and baselines:
            axes.axhline(places[len(networks[:MOST]) - 1] - 0.8, color=_style.GREY, lw=0.5, ls=":")
    bias.axvline(0, color="black", lw=0.6, zorder=0)
    bias.set_yticks(places, [_style.competitor(row["model"], row["loss"]) for row in shown])
    bias.set_ylim(places[-1] - 0.7, 0.7)
    units = "" if "/" in data.error else data.units
    bias.set_xlabel(_style.quantity("mean error", units))
    spread.set_xlabel(_style.quantity("standard deviation of error", units))
    for axes in (bias, spread):
        axes.grid(axis="x", lw=0.3, color=_style.PALE)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    figure.suptitle(_title(data, len(networks), len(baselines)), fontsize=8)
    return figure


def _intervals(axes: Axes, places: np.ndarray, rows: list[Mapping[str, Any]], name: str) -> None:
    for place, row in zip(places, rows, strict=True):
        colour = "black" if row["baseline"] else _style.PALETTE[0]
        axes.plot(
            [row[f"{name}_low"], row[f"{name}_high"]], [place, place], color=colour, lw=1.4, solid_capstyle="butt"
        )
        axes.plot(row[name], place, "D" if row["baseline"] else "o", color=colour, ms=3.5)


def _title(data: Comparison, networks: int, baselines: int) -> str:
    parts = [f"{data.dataset}: {100 * data.level:g} % intervals"]
    if networks > MOST:
        parts.append(f"the best {MOST} of {networks} networks by validation RMSE")
    if baselines > MOST:
        parts.append(f"the best {MOST} of {baselines} baselines")
    return ", ".join(parts)
