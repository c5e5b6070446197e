"""Forest plot: what every model and loss is judged by first, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.figures import Comparison, _style
from skybake.metrics import SIGNED, of_task

SCOPE = "comparison"
TASKS = ["regression", "classification"]
TITLE = "Scores with intervals"
CAPTION = (
    "Mean and standard deviation of the test errors, of classes accuracy and log loss of the test objects, with"
    " bootstrap intervals (of the networks as trained), networks in the order of their validation RMSE (of classes log"
    " loss), baselines below the line. Of simulated objects with a known limit, upright lines: what the best possible"
    " prediction reaches on the objects that it was found for, the first with its interval in grey."
)
MOST = 40  # rows that can be read on one page
ROW_INCHES, LONG_INCHES = 0.17, 0.27  # of a row, with a name of one line and of two


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a line for each row; of many networks the best, in the table's order."""
    networks = [row for row in data.rows if not row["baseline"]]
    baselines = [row for row in data.rows if row["baseline"]]
    shown = networks[:MOST] + baselines[:MOST]
    names = [_style.title(row["model"], row["loss"]) for row in shown]
    row_inches = LONG_INCHES if any("\n" in name for name in names) else ROW_INCHES
    figure = _style.figure(_style.DOUBLE, 1.0 + row_inches * max(len(shown), 3), mock=data.mock)
    if not shown:
        _style.say(figure.subplots(), "no run has ended")
        return figure
    metrics = [item for item in of_task(data.task) if item.tex_interval]
    panels = list(np.ravel(figure.subplots(1, len(metrics), sharey=True)))
    places = -np.arange(len(shown), dtype=float)
    places[len(networks[:MOST]) :] -= 0.6 if networks else 0.0
    units = "" if "/" in data.error else data.units
    for axes, metric in zip(panels, metrics, strict=True):
        _intervals(axes, places, shown, metric.name)
        if networks and baselines:
            axes.axhline(places[len(networks[:MOST]) - 1] - 0.8, color=_style.GREY, lw=0.5, ls=":")
        for line, style in zip(data.limits, _style.LIMITS, strict=False):
            if told := line["values"].get(metric.name):
                low, high = told.get("low"), told.get("high")
                if low is not None and line is data.limits[0]:
                    axes.axvspan(low, high, color=_style.GREY, alpha=0.2, lw=0, zorder=0)
                axes.axvline(told["value"], color="black", lw=0.9, ls=style, zorder=0, label=f"limit, {line['name']}")
        if metric.form == SIGNED:
            axes.axvline(0, color="black", lw=0.6, zorder=0)
        axes.set_xlabel(_style.quantity(metric.headline, units))
    panels[0].set_yticks(places, names)
    panels[0].set_ylim(places[-1] - 0.7, 0.7)
    for axes in panels:
        axes.grid(axis="x", lw=0.3, color=_style.PALE)
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
    handles, lines = panels[-1].get_legend_handles_labels()
    if handles:
        figure.legend(handles, lines, loc="outside lower center", ncols=len(lines), fontsize=6.5)
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
        parts.append(f"the best {MOST} of {networks} networks by validation {data.choice}")
    if baselines > MOST:
        parts.append(f"the best {MOST} of {baselines} baselines")
    return ", ".join(parts)
