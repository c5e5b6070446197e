"""Validation score against the values of a sweep: is the choice clear, or within the spread over seeds?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import Comparison, _style

SCOPE = "comparison"
TASKS = ["regression", "classification"]
NEEDS = ["sweep"]
TITLE = "Validation score against swept values"
CAPTION = (
    "Score on the validation part of every point of a sweep: mean and sample standard deviation over seeds, small dots"
    " are seeds. The ring marks the chosen point, the only one that was tested; a cross at the upper edge is a point"
    " of which a seed diverged. Where several values are swept, lines join points that differ in the one below."
)
MOST = 12  # panels
DECADE = 10.0  # values that span more than this factor stand on a logarithmic axis
SCORES = {"valid_rmse": "validation RMSE", "valid_log_loss": "validation log loss"}

Point = Mapping[str, Any]


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a panel for each sweep of several points."""
    sweeps = [sweep for sweep in data.sweeps if len(sweep["points"]) > 1][:MOST]
    columns = min(len(sweeps), 2)
    rows = math.ceil(len(sweeps) / columns)
    width = _style.SINGLE if columns == 1 else _style.DOUBLE
    figure = _style.figure(width, 0.4 + 2.3 * rows, mock=data.mock)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, sweep in zip(panels, sweeps, strict=False):
        _panel(axes, sweep)
    for axes in panels[len(sweeps) :]:
        axes.set_axis_off()
    return figure


def _panel(axes: Axes, sweep: Mapping[str, Any]) -> None:
    key, *others = _varied(sweep["points"])
    values = [point["values"][key] for point in sweep["points"]]
    worded = not all(_is_number(value) for value in values)
    places = _places(axes, values)
    lines: dict[str, list[tuple[float, Point]]] = {}
    for place, point in zip(places, sweep["points"], strict=True):
        name = ", ".join(f"{other} {_value(point['values'][other])}" for other in others)
        lines.setdefault(name, []).append((place, point))
    colour = _style.colours(list(lines))
    for name, points in lines.items():
        _line(axes, sorted(points, key=lambda item: item[0]), colour[name], name, sweep["chosen"], joined=not worded)
    axes.set_xlabel(key.replace("_", " "))
    axes.set_ylabel(SCORES[sweep["score"]])
    axes.set_title(_style.title(sweep["model"], sweep["loss"]))
    if others and len(lines) <= len(_style.PALETTE):
        axes.legend(fontsize=6)


def _varied(points: Sequence[Point]) -> list[str]:
    """Return the keys whose values differ, that with the most values first."""
    keys = dict.fromkeys(key for point in points for key in point["values"])
    values = {key: {_value(point["values"].get(key)) for point in points} for key in keys}
    varied = [key for key in keys if len(values[key]) > 1]
    return sorted(varied, key=lambda key: -len(values[key]))


def _places(axes: Axes, values: Sequence[Any]) -> list[float]:
    """Prepare the axis of the swept values; words stand one beside the other."""
    if all(map(_is_number, values)):
        if min(values) > 0 and max(values) / min(values) > DECADE:
            axes.set_xscale("log")
        else:
            axes.margins(x=0.08)
        return [float(value) for value in values]
    words = list(dict.fromkeys(map(_value, values)))
    axes.set_xticks(range(len(words)), words, rotation=30 if max(map(len, words)) > 8 else 0)
    axes.margins(x=0.15)
    return [float(words.index(_value(value))) for value in values]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value(item)}" if key != "name" else _value(item) for key, item in value.items())
    return f"{value:g}" if isinstance(value, float) else str(value)


def _line(
    axes: Axes, points: Sequence[tuple[float, Point]], colour: str, name: str, chosen: str, *, joined: bool
) -> None:
    x = np.array([place for place, _ in points])
    mean = np.array([math.nan if point["mean"] is None else point["mean"] for _, point in points])
    spread = np.array([point["std_over_seeds"] or 0.0 for _, point in points])
    axes.errorbar(
        x, mean, yerr=spread, fmt="o-" if joined else "o", color=colour, ms=3.5, capsize=2, lw=1.0, label=name or None
    )
    for place, point in points:
        seeds = [value for value in point["seeds"].values() if value is not None]
        if point["mean"] is None:
            axes.plot(place, 0.97, "x", color=colour, transform=axes.get_xaxis_transform())
        elif len(seeds) > 1:
            axes.plot([place] * len(seeds), seeds, "o", mfc="white", mec=colour, ms=2.5, mew=0.6, zorder=3)
        if point["point"] == chosen:
            axes.plot(place, point["mean"], "o", mfc="none", mec="black", ms=9, mew=1.0, zorder=5)
