"""Precision against recall of all models: which keeps its sample purer as more of a class is found."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.figures import Comparison, _curves, _style, precision_recall

SCOPE = "comparison"
TASKS = ["classification"]
NEEDS = ["runs"]
TITLE = "Precision and recall of all models"
CAPTION = (
    "Precision against recall of the test objects for all thresholds of the probability, all seeds together: of the"
    " second of two classes; of more classes the mean over classes, each against the rest, at the same recall. AP is"
    " the average precision, of more classes their mean. The networks are the best on validation, black is the best"
    " baseline there."
)


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a curve for each of the best rows."""
    return _curves.overlaid(data, precision_recall.curve, at, ("AP", "pr_auc"), precision_recall.finish)


def at(recall: np.ndarray, precision: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the precision where so much is found first: between thresholds it is a step, as in the average."""
    return precision[::-1][np.searchsorted(recall[::-1], places)]
