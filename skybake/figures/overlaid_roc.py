"""ROC curves of all models: which finds more of a class for the same false alarms."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.figures import Comparison, _curves, _style, roc

SCOPE = "comparison"
TASKS = ["classification"]
NEEDS = ["runs"]
TITLE = "ROC of all models"
CAPTION = (
    "True against false positive rate of the test objects for all thresholds of the probability, all seeds together: of"
    " the second of two classes; of more classes the mean over classes, each against the rest, at the same false"
    " positive rate. AUC is the area, of more classes their mean. The networks are the best on validation, black is the"
    " best baseline there; the diagonal is a guess."
)


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a curve for each of the best rows."""
    return _curves.overlaid(data, roc.curve, at, ("AUC", "roc_auc"), roc.finish)


def at(false: np.ndarray, true: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return true positive rates at other false positive rates."""
    return np.interp(places, false, true)
