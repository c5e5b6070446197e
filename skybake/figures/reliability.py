"""Reliability diagram: how often a class is right that is predicted with some probability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes",)
TITLE = "Reliability"
CAPTION = (
    "Accuracy against confidence (the probability of the predicted class) of the test objects, all seeds, in bins of"
    " equal width, with the range that holds the accuracy of a calibrated prediction as often as the level of intervals"
    " says (of objects in groups, that of as many independent ones as scatter alike; none of fewer than ten groups in a"
    " bin); below, the number of predictions, objects times seeds. Below the diagonal predictions are too sure."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw accuracy against confidence, and the histogram of confidence beneath."""
    figure = _style.figure(_style.SINGLE, 3.4, mock=data.mock)
    bins = data.judged["reliability"]
    if bins is None:
        axes = figure.subplots()
        axes.set_title(_style.title(data.model, data.loss))
        _style.say(axes, "some probabilities are not finite numbers")
        return figure
    top, foot = figure.subplots(2, sharex=True, height_ratios=[3, 1])
    top.set_title(_style.title(data.model, data.loss))
    n, seeds = data.judged["n"], len(data.test)
    held = np.array([item["n"] for item in bins])
    middle, accuracy = points(bins)
    banded = [item for item in bins if item["effective_n"] is not None]
    if banded:
        objects = np.maximum(np.round([item["effective_n"] for item in banded]), 1)
        place = np.array([item["confidence"] for item in banded])
        low, high = stats.binom.interval(data.level, objects, np.minimum(place, 1))
        level = f"calibrated, {100 * data.level:g} %"
        top.vlines(place, low / objects, high / objects, color=_style.PALE, lw=5, label=level)
    top.plot([0, 1], [0, 1], color="black", lw=0.6)
    top.plot(middle, accuracy, "o-", color=_style.PALETTE[0], ms=3, label=f"{n} objects, {seeds} seeds")
    top.plot([], [], " ", label=f"ECE {data.pooled('ece'):.3f}")
    top.set(ylim=(0, 1.02), ylabel="accuracy")
    top.legend(loc="upper left", handlelength=1.4)
    foot.stairs(held, [*(item["low"] for item in bins), 1], fill=True, color=_style.PALETTE[0], alpha=0.5)
    foot.set(xlim=(0, 1), xlabel="confidence", ylabel="number")
    return figure


def points(bins: Sequence[Mapping[str, Any]], fewest: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean confidence and the accuracy of the bins that hold at least so many predictions."""
    held = [item for item in bins if item["n"] >= fewest]
    return np.array([item["confidence"] for item in held]), np.array([item["accuracy"] for item in held])
