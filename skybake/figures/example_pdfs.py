"""Predicted distributions of a few objects, from the smallest label to the largest, with the truth marked."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style
from skybake.results import distributions
from skybake.results.distributions import Distribution
from skybake.results.predictions import Prediction

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("distribution",)
TITLE = "Example distributions"
CAPTION = (
    "Predicted distributions of ten test objects, at equal steps of the rank of their label, by the first seed (filled)"
    " and the others (lines), each scaled to the same height. Upright marks are the true labels."
)
MOST = 10
ROW_INCHES = 0.3
HEIGHT = 0.85  # of a curve, in rows
TAIL = 0.002  # probability on either side that is not shown
POINTS = 400


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw a row for each of up to ten objects, the one with the smallest label at the foot."""
    chosen = spread(data.true)
    figure = _style.figure(_style.SINGLE, 1.0 + ROW_INCHES * len(chosen), mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    true, rows = data.true[chosen], np.flatnonzero(data.known)[chosen]
    seeds = [part.prediction.select(rows) for part in data.test.values()]
    if not all(_finite(prediction) for prediction in seeds):
        _style.say(axes, "some distributions are not finite")
        return figure
    each = [distributions.required(prediction) for prediction in seeds]
    for distribution in each[1:]:
        _curves(axes, distribution, filled=False)
    _curves(axes, each[0], filled=True)
    places = np.arange(len(true))
    axes.vlines(true, places, places + HEIGHT, color=_style.PALETTE[1], lw=1.3, zorder=4)
    axes.set_ylim(-0.2, len(true))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(_style.quantity(data.label, data.units))
    return figure


def spread(true: np.ndarray) -> np.ndarray:
    """Return the places of up to ten of the labels (n,), at equal steps of their rank, ascending."""
    count = min(MOST, len(true))
    ranks = ((np.arange(count) + 0.5) / count * len(true)).astype(int)
    return np.argsort(true, kind="stable")[ranks]


def _finite(prediction: Prediction) -> bool:
    return all(np.isfinite(values).all() for values in prediction.given().values())


def _curves(axes: Axes, distribution: Distribution, *, filled: bool) -> None:
    low, high = distribution.quantile([TAIL, 1 - TAIL]).T
    grids = np.linspace(low, high, POINTS, axis=1)
    densities = distribution.pdf(grids)
    for place, (grid, density) in enumerate(zip(grids, densities, strict=True)):
        curve = place + HEIGHT * density / density.max()
        if filled:
            axes.fill_between(grid, place, curve, color=_style.PALETTE[0], alpha=0.25, lw=0, zorder=2)
        axes.plot(grid, curve, color=_style.PALETTE[0], lw=1 if filled else 0.5, alpha=1 if filled else 0.5, zorder=3)
