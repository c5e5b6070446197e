"""Precision against recall: what share of what is called a class belongs to it, as more of the class is found."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics

from skybake.figures import JudgedRow, _curves, _style

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes",)
TITLE = "Precision and recall"
CAPTION = (
    "Precision against recall of the test objects for all thresholds of the probability, all seeds together: of the"
    " second of two classes, a thin line for each seed, or of each class against the rest; AP is the average precision."
    " A guess has the share of the class among the objects as its precision."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the curves with their average precisions."""
    return _curves.figure(data, curve, "AP", finish)


def curve(member: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return recalls, precisions and the average precision, of membership (m,) and its probability (m,)."""
    precision, recall, _ = metrics.precision_recall_curve(member, probability, drop_intermediate=True)
    return recall, precision, float(metrics.average_precision_score(member, probability))


def finish(axes: Axes) -> None:
    """Name the axes."""
    axes.set(xlabel="recall", ylabel="precision")
