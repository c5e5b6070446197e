"""Predictions beside the labels that some new objects have."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.applying.outcome import Outcome
from skybake.figures import _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
NEEDS = ("known",)
TITLE = "Beside known labels"
CAPTION = (
    "Predicted against known label of the new objects that have one. No test: nothing keeps these objects apart from"
    " those of training, and they may be other objects than those without a label. The test part of the bake-off is the"
    " test. Of classes, the share of each known class (rows) that is taken for each class (columns)."
)
CROWD = 5000  # points; beyond, their density is shown
NUMBERED, NAME = 12, 16  # classes up to which there are numbers; characters
DARK = 0.5


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw numbers as points, classes as a matrix."""
    figure = _style.figure(_style.SINGLE, 3.2, mock=data.mock)
    axes = figure.subplots()
    known = data.usable & np.isfinite(data.true)
    true, predicted = data.true[known], data.point[known]
    figure.suptitle(f"{data.name}: {len(true):,} objects with a label\nno test", fontsize=8)
    if data.classes:
        _matrix(axes, true.astype(int), predicted.astype(int), data.classes)
    else:
        _points(figure, axes, true, predicted)
        axes.set_xlabel(_style.quantity(f"known {data.label}", data.units))
        axes.set_ylabel(_style.quantity(f"predicted {data.label}", data.units))
    return figure


def _points(figure: Figure, axes: Axes, true: np.ndarray, predicted: np.ndarray) -> None:
    low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
    room = 0.04 * (high - low) or 0.5
    span = (float(low - room), float(high + room))
    axes.plot(span, span, color="black", lw=0.8, zorder=3)
    if len(true) > CROWD:
        density = axes.hexbin(true, predicted, gridsize=60, extent=(*span, *span), bins="log", mincnt=1, lw=0.1)
        figure.colorbar(density, ax=axes, label="objects", pad=0.02)
    else:
        size = float(np.clip(8000 / len(true), 2.5, 12))
        axes.scatter(true, predicted, s=size, alpha=0.7, lw=0, color=_style.PALETTE[0], rasterized=True)
    axes.set(xlim=span, ylim=span, aspect="equal")


def _matrix(axes: Axes, true: np.ndarray, predicted: np.ndarray, names: tuple[str, ...]) -> None:
    counts = np.zeros((len(names), len(names)))
    np.add.at(counts, (true, predicted), 1)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    axes.set_facecolor(_style.PALE)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    shown = [_style.shortened(name, NAME) for name in names]
    size = 7 if len(names) <= NUMBERED else 4
    axes.set_xticks(range(len(names)), shown, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), shown, fontsize=size)
    axes.set(xlabel="predicted class", ylabel="known class")
    for (row, column), share in np.ndenumerate(shares):
        if len(names) <= NUMBERED and np.isfinite(share) and counts[row, column]:
            text = f"{100 * share:.0f} %\n{counts[row, column]:,.0f}"
            colour = "white" if share > DARK else "black"
            axes.text(column, row, text, ha="center", va="center", fontsize=6, color=colour)
