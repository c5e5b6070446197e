"""Confusion matrix: what objects of each class were taken for."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes",)
TITLE = "Confusion matrix"
CAPTION = (
    "Of the test objects of each class (rows), all seeds together, the share that was taken for each class (columns),"
    " in per cent; below it, where there is room, the number of predictions, objects times seeds. Rows add up to 100 %,"
    " but for rounding. A grey row is a class without a test object. Small shares are darker than in proportion, as the"
    " colour bar tells. The predicted class is the most probable one."
)
SMALL = 5  # up to so many classes one column is wide enough
COUNTED, NUMBERED = 12, 20  # up to so many classes there are counts, and per cent
NAMED = 50  # up to so many classes every one has its name
NAME = 20  # characters
DARK = 0.35  # share from which text is white


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the matrix; numbers are left out where they could not be read."""
    counts = data.judged["confusion"]["pooled"]
    seeds, n, count = len(data.test), data.judged["n"], len(data.class_names)
    size = (_style.SINGLE, 3.5) if count <= SMALL else (_style.DOUBLE, 6.3)
    figure = _style.figure(*size, mock=data.mock)
    axes = figure.subplots()
    # Of the whole figure: over the matrix alone a long name would run into the colour bar.
    figure.suptitle(
        f"{_style.title(data.model, data.loss)}\n{n} objects, {seeds} seed{'s' if seeds > 1 else ''}", fontsize=8
    )
    if counts is None:
        _style.say(axes, "some probabilities are not finite numbers")
        return figure
    counts = np.array(counts)
    total = counts.sum(axis=1, keepdims=True)
    shares = np.where(total > 0, counts / np.maximum(total, 1), np.nan)
    axes.set_facecolor(_style.PALE)
    image = axes.imshow(shares, cmap="Blues", norm=PowerNorm(0.5, 0, 1), interpolation="nearest")
    bar = figure.colorbar(image, ax=axes, ticks=[0, 0.01, 0.1, 0.25, 0.5, 1], shrink=0.8, format=_percent)
    bar.set_label("of the true class [%]")
    bar.outline.set_linewidth(0.4)
    _numbers(axes, shares, counts)
    _names(axes, data.class_names)
    return figure


def _percent(share: float, place: int | None = None) -> str:
    return f"{100 * share:.0f}"


def _numbers(axes: Axes, shares: np.ndarray, counts: np.ndarray) -> None:
    count = len(counts)
    if count > NUMBERED:
        return
    size = 7 if count <= SMALL else 6.5 - 2 * (count - SMALL) / (NUMBERED - SMALL)
    for (row, column), share in np.ndenumerate(shares):
        if np.isnan(share) or (count > SMALL and not counts[row, column]):
            continue  # of many classes, empty cells say it by their colour
        text = f"{100 * share:.1f} %" if count <= SMALL else _percent(share) if share >= 0.005 else "<1"
        text += f"\n{counts[row, column]:,}" if count <= COUNTED else ""
        axes.text(
            *(column, row),
            text,
            ha="center",
            va="center",
            fontsize=size,
            color="white" if share > DARK else "black",
        )


def _names(axes: Axes, names: tuple[str, ...]) -> None:
    """Name the classes, or as many of them as have room."""
    every = -(-len(names) // NAMED)
    places = np.arange(0, len(names), every)
    shown = [_style.shortened(names[place], NAME) for place in places]
    size = 7 if len(names) <= NUMBERED else 5
    axes.set_yticks(places, shown, fontsize=size)
    flat = max(map(len, shown)) * len(shown) <= (28 if len(names) <= SMALL else 72)
    axes.set_xticks(places, shown, fontsize=size, rotation=0 if flat else 90)
    axes.set(xlabel="predicted class", ylabel="true class")
    for axis in ("x", "y"):
        axes.tick_params(axis, length=2 if len(names) > NUMBERED else 0)
    for spine in axes.spines.values():
        spine.set(visible=True, lw=0.4, color=_style.GREY)
    if len(names) <= NAMED:
        edges = np.arange(len(names) - 1) + 0.5
        for lines in (axes.hlines, axes.vlines):
            lines(edges, -0.5, len(names) - 0.5, color="white", lw=0.5)
