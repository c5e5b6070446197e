"""Reliability diagram: how often a class is right that is predicted with some probability."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import Run, _style
from skybake.metrics.classification import ECE_BINS, ece

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes",)
TITLE = "Reliability"
CAPTION = (
    "Accuracy against confidence (the probability of the predicted class) of the test objects, all seeds, in bins of"
    " equal width, with the range that holds the accuracy of a calibrated prediction as often as the level of intervals"
    " says; below, the number of predictions, objects times seeds. Below the diagonal predictions are too sure."
)


@_style.styled
def draw(data: Run) -> Figure:
    """Draw accuracy against confidence, and the histogram of confidence beneath."""
    figure = _style.figure(_style.SINGLE, 3.4, mock=data.mock)
    classes = data.classes()
    if not np.isfinite(classes).all():
        axes = figure.subplots()
        axes.set_title(_style.title(data.model, data.loss))
        _style.say(axes, "some probabilities are not finite numbers")
        return figure
    top, foot = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    top.set_title(_style.title(data.model, data.loss))
    seeds, n, count = classes.shape
    confidence, right = classes.max(axis=-1), classes.argmax(axis=-1) == data.true
    place = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1).ravel()
    held = np.bincount(place, minlength=ECE_BINS)
    bins = np.flatnonzero(held)
    middle, accuracy = (
        np.bincount(place, values.ravel(), ECE_BINS)[bins] / held[bins] for values in (confidence, right)
    )
    # Seeds say much the same of an object: a bin rests on as many objects as one seed has there.
    objects = np.maximum(np.round(held[bins] / seeds), 1)
    low, high = stats.binom.interval(data.level, objects, np.minimum(middle, 1))
    level = f"calibrated, {100 * data.level:g} %"
    top.vlines(middle, low / objects, high / objects, color=_style.PALE, lw=5, label=level)
    top.plot([0, 1], [0, 1], color="black", lw=0.6)
    top.plot(middle, accuracy, "o-", color=_style.PALETTE[0], ms=3, label=f"{n} objects, {seeds} seeds")
    error = ece(np.tile(data.true, seeds), classes.reshape(-1, count))
    top.plot([], [], " ", label=f"ECE {error:.3f}")
    top.set(ylim=(0, 1.02), ylabel="accuracy")
    top.legend(loc="upper left", handlelength=1.4)
    edges = np.linspace(0, 1, ECE_BINS + 1)
    foot.stairs(held, edges, fill=True, color=_style.PALETTE[0], alpha=0.5)
    foot.set(xlim=(0, 1), xlabel="confidence", ylabel="number")
    return figure
