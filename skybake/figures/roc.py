"""ROC curve: how many of a class are found for how many false alarms."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn import metrics

from skybake.figures import JudgedRow, _curves, _style

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes",)
TITLE = "ROC"
CAPTION = (
    "True against false positive rate of the test objects for all thresholds of the probability, all seeds together: of"
    " the second of two classes, a thin line for each seed, or of each class against the rest. The diagonal is a guess."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the curves with their areas."""
    return _curves.figure(data, curve, "AUC", finish)


def curve(member: np.ndarray, probability: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Return false and true positive rates, and the area, of membership (m,) and its probability (m,)."""
    false, true, _ = metrics.roc_curve(member, probability)
    return false, true, float(metrics.auc(false, true))


def finish(axes: Axes) -> None:
    """Name the axes and draw a guess."""
    axes.plot([0, 1], [0, 1], color="black", lw=0.6, zorder=0)
    axes.set(xlabel="false positive rate", ylabel="true positive rate")
