"""Accuracy against epoch: whether a network has learned the classes, and when."""

from __future__ import annotations

from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _epochs, _style

SCOPE = "run"
TASKS = ["classification"]
TITLE = "Accuracy against epoch"
CAPTION = (
    "Accuracy of the labelled objects in training (pale) and validation (dark) against epoch, one line per seed. In"
    " training it is the mean over an epoch, while the network learns and drops out. Circles mark the epoch with the"
    " lowest validation loss, which need not be that of the highest accuracy."
)
OF_BASELINES = False  # nothing is trained by epochs there
NEEDS = ("accuracy",)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the accuracies of all seeds; the axis begins where they do."""
    figure, _, _ = _epochs.draw(data, "accuracy")
    return figure
