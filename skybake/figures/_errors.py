"""Errors against a quantity of the objects: points or their density, and bias, NMAD and outliers in bins."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import Run, _style
from skybake.metrics import in_bins
from skybake.metrics.regression import Statistic, median_error, nmad, outlier_fraction

CROWD = 5000  # points; beyond, single ones cannot be told apart and their density is shown
MOST, OBJECTS = 15, 25  # as many bins as have so many objects each
BAND = (0.16, 0.84)
SHOWN = (0.005, 0.995)  # of the errors: a few absurd ones must not flatten the rest


def against(data: Run, values: np.ndarray, name: str) -> Figure:
    """Draw the errors of all seeds against ``values`` (n,) of the test objects that have a label.

    Below them, in the same bins as the running median: their NMAD, and the fraction of outliers.

    Args:
        data: The run.
        values: NaN where missing; such objects are left out.
        name: Of the values, with their units.
    """
    figure = _style.figure(_style.SINGLE, 4.2, mock=data.mock)
    axes, *below = figure.subplots(3, sharex=True, height_ratios=(3.5, 1, 1))
    axes.set_title(_style.title(data.model, data.loss))
    there = np.isfinite(values)
    values, errors = values[there], data.errors[:, there]
    if not np.isfinite(errors).all():
        _style.say(axes, f"{np.sum(~np.isfinite(errors))} of {errors.size} predictions are not finite numbers")
        for panel in below:
            panel.set_axis_off()
        return figure
    x, y = np.tile(values, len(errors)), errors.ravel()
    span = _span(y, data.outlier_threshold)
    if y.size > CROWD:
        extent = (x.min(), x.max() + 1e-9, *span)
        axes.hexbin(x, y, gridsize=(50, 30), extent=extent, bins="log", mincnt=1, lw=0.1, cmap="Greys", alpha=0.5)
    else:
        size = float(np.clip(8000 / y.size, 2.5, 12))
        axes.scatter(x, y, s=size, c=_style.PALETTE[0], alpha=0.35, lw=0, rasterized=True)
    axes.axhline(0, color="black", lw=0.6)
    _running(axes, below, values, errors, data.outlier_threshold)
    axes.set_ylim(span)
    axes.set_ylabel(_style.quantity(data.error, "" if "/" in data.error else data.units))
    below[0].set_ylabel("NMAD")
    below[1].set_ylabel(f"beyond {data.outlier_threshold:g}")
    below[1].set_xlabel(name)
    figure.align_ylabels()
    axes.legend(loc="upper right", ncols=2, columnspacing=1, handlelength=1.4)
    return figure


def _running(axes: Axes, below: Sequence[Axes], values: np.ndarray, errors: np.ndarray, threshold: float) -> None:
    edges = in_bins.edges(values, int(np.clip(len(values) // OBJECTS, 1, MOST)))
    statistics: dict[str, Statistic] = {
        "low": partial(np.quantile, q=BAND[0]),
        "median": median_error,
        "high": partial(np.quantile, q=BAND[1]),
        "nmad": nmad,
        "outliers": partial(outlier_fraction, threshold=threshold),
    }
    found = [item for item in in_bins.measure(errors, values, edges, statistics) if item.n]
    middle = [item.middle for item in found]
    low, median, high, *shown = ([item.values[name] for item in found] for name in statistics)
    colour = _style.PALETTE[1]
    axes.fill_between(middle, low, high, color=colour, alpha=0.25, lw=0, label="16-84 %")
    axes.plot(middle, median, color=colour, marker="o", ms=2.5, label="median")
    for panel, heights in zip(below, shown, strict=True):
        panel.plot(middle, heights, color=colour, marker="o", ms=2.5)
        panel.set_ylim(0, 1.15 * max(heights) or 1)


def _span(errors: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return limits that hold all but a few errors, and zero, with room for the legend above."""
    low, high = np.quantile(errors, SHOWN)
    low, high = min(low, -0.1 * threshold), max(high, 0.1 * threshold)
    return float(low - 0.05 * (high - low)), float(high + 0.25 * (high - low))
