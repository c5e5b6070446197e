"""Errors against a quantity of the objects: points or their density, and bias, NMAD and outliers in bins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style

CROWD = 5000  # points; beyond, single ones cannot be told apart and their density is shown
SHOWN = (0.005, 0.995)  # of the errors: a few absurd ones must not flatten the rest


def against(data: JudgedRow, name: str, values: np.ndarray, axis: str) -> Figure:
    """Draw the errors of all seeds against ``values`` (n,) of the test objects that have a label.

    Below them, in the same bins as the running median: their NMAD, and the fraction of outliers.

    Args:
        data: The run.
        name: Of the label or scalar, whose bins are drawn.
        values: NaN where missing; such objects are left out.
        axis: How the axis is called.
    """
    figure = _style.figure(_style.SINGLE, 4.2, mock=data.mock)
    axes, *below = figure.subplots(3, sharex=True, height_ratios=(3.5, 1, 1))
    axes.set_title(_style.title(data.model, data.loss))
    is_known = np.isfinite(values)
    every, values, errors = values, values[is_known], data.errors[:, is_known]
    if not np.isfinite(errors).all():
        _style.say(axes, f"{np.sum(~np.isfinite(errors))} of {errors.size} predictions are not finite numbers")
        for panel in below:
            panel.set_axis_off()
        return figure
    x, y = np.tile(values, len(errors)), errors.ravel()
    limits = {f"limit, {said}": of for said, of in data.limit_in_bins(name, every).items()}
    span = _span(y, data.outlier_threshold)
    if y.size > CROWD:
        extent = (x.min(), x.max() + 1e-9, *span)
        axes.hexbin(x, y, gridsize=(50, 30), extent=extent, bins="log", mincnt=1, lw=0.1, cmap="Greys", alpha=0.5)
    else:
        size = float(np.clip(8000 / y.size, 2.5, 12))
        axes.scatter(x, y, s=size, c=_style.PALETTE[0], alpha=0.35, lw=0, rasterized=True)
    axes.axhline(0, color="black", lw=0.6)
    _running(axes, below, data.bins(name))
    for (said, (middle, left)), style in zip(limits.items(), _style.LIMITS, strict=False):
        below[0].plot(middle, left, color="black", ls=style, lw=0.9, label=said)
    axes.set_ylim(span)
    axes.set_ylabel(_style.quantity(data.error, "" if "/" in data.error else data.units))
    name_below(below, data.outlier_threshold, axis)
    figure.align_ylabels()
    if data.bins(name):
        lines = [line for line in below[0].lines if line.get_label() in limits]
        handles = [*axes.get_legend_handles_labels()[0], *lines]
        axes.legend(handles=handles, loc="upper right", ncols=2, columnspacing=1, handlelength=1.4)
    return figure


def name_below(panels: Sequence[Axes], threshold: float, axis: str) -> None:
    """Name the axes of the panels of NMAD and outliers."""
    panels[0].set_ylabel("NMAD")
    panels[1].set_ylabel(f"beyond {threshold:g}")
    panels[1].set_xlabel(axis)


def _running(axes: Axes, below: Sequence[Axes], bins: Sequence[Mapping[str, Any]]) -> None:
    shown = ("middle", "error_16", "median_error", "error_84", "nmad", "outlier_fraction")
    middle, low, median, high, *heights = ([item[name] for item in bins] for name in shown)
    colour = _style.PALETTE[1]
    axes.fill_between(middle, low, high, color=colour, alpha=0.25, lw=0, label="16-84 %")
    axes.plot(middle, median, color=colour, marker="o", ms=2.5, label="median")
    for panel, values in zip(below, heights, strict=True):
        panel.plot(middle, values, color=colour, marker="o", ms=2.5)
        panel.set_ylim(0, 1.15 * max(values, default=0) or 1)


def _span(errors: np.ndarray, threshold: float) -> tuple[float, float]:
    """Return limits that hold all but a few errors, and zero, with room for the legend above."""
    low, high = np.quantile(errors, SHOWN)
    low, high = min(low, -0.1 * threshold), max(high, 0.1 * threshold)
    return float(low - 0.05 * (high - low)), float(high + 0.25 * (high - low))
