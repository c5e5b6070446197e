"""Predicted against true label: where a model is right, where it bends towards the mean, where it has collapsed."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.figures import JudgedRow, _style
from skybake.missing import present

SCOPE = "run"
TASKS = ["regression"]
TITLE = "Predicted against true"
CAPTION = (
    "Predicted against true label of the test objects, all seeds, coloured by redshift where it is known; on the line"
    " they are equal."
)
CROWD = 5000  # points; beyond, single ones cannot be told apart and their density is shown


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw all seeds' predictions of the test objects that have a label."""
    figure = _style.figure(_style.SINGLE, 2.9, mock=data.mock)
    axes = figure.subplots()
    true, predicted, redshift = _points(data)
    usable = np.isfinite(predicted)
    axes.set_title(_style.title(data.model, data.loss))
    if not usable.any():
        _style.say(axes, "no prediction is a finite number")
        return figure
    true, predicted = true[usable], predicted[usable]
    span = _span(true, predicted)
    axes.plot(span, span, color="black", lw=0.8, zorder=3)
    if redshift is not None:
        points = _scatter(axes, true, predicted, c=redshift[usable], cmap=_style.ORDERED)
        bar = figure.colorbar(points, ax=axes, label="redshift", pad=0.02)
        if bar.solids is not None:
            bar.solids.set_alpha(1)
    elif len(true) > CROWD:
        density = axes.hexbin(true, predicted, gridsize=60, extent=(*span, *span), bins="log", mincnt=1, lw=0.1)
        figure.colorbar(density, ax=axes, label="objects", pad=0.02)
    else:
        _scatter(axes, true, predicted, c=_style.PALETTE[0])
    axes.set(xlim=span, ylim=span, aspect="equal")
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.set_xlabel(_style.quantity(f"true {data.label}", data.units))
    axes.set_ylabel(_style.quantity(f"predicted {data.label}", data.units))
    return figure


def _points(data: JudgedRow) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Return true, predicted and redshift of all seeds' objects with a label, each (S n,); redshift may be None."""
    parts = list(data.test.values())
    known = present(parts[0].label)
    true = np.tile(parts[0].label[known], len(parts))
    predicted = np.concatenate([part.prediction.point[known] for part in parts])
    if "redshift" not in data.holds:
        return true, predicted, None
    _, redshift = data.of_kind("redshift")
    return true, predicted, np.tile(redshift, len(parts))


def _span(true: np.ndarray, predicted: np.ndarray) -> tuple[float, float]:
    """Return limits that hold all true labels and all but absurd predictions."""
    low, high = true.min(), true.max()
    room = max(high - low, 1e-6)
    near = predicted[(predicted > low - room) & (predicted < high + room)]
    low, high = min([low, *near]), max([high, *near])
    return low - 0.04 * (high - low + 1e-6), high + 0.04 * (high - low + 1e-6)


def _scatter(axes: Axes, true: np.ndarray, predicted: np.ndarray, **colour):
    size = float(np.clip(8000 / len(true), 2.5, 12))
    return axes.scatter(true, predicted, s=size, alpha=0.7, lw=0, rasterized=True, plotnonfinite=True, **colour)
