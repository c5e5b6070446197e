"""Loss against epoch: whether a network has learned, over-learned, or stopped too early."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _epochs, _style

SCOPE = "run"
TASKS = ["regression", "classification"]
TITLE = "Loss against epoch"
CAPTION = (
    "Training loss (pale) and validation loss (dark) against epoch, one line per seed. Circles mark the epoch with the"
    " lowest validation loss."
)
OF_BASELINES = False  # nothing is trained by epochs there


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the losses of all seeds; the axis is logarithmic where all of them are positive."""
    figure, axes, losses = _epochs.draw(data, "loss")
    scale(axes, losses)
    return figure


def scale(axes: Axes, losses: np.ndarray) -> None:
    """Choose the axis: a likelihood's loss may be negative, and start in the hundreds."""
    losses = losses[np.isfinite(losses)]
    if not losses.size:
        return
    if (losses > 0).all():
        axes.set_yscale("log")
    elif np.ptp(losses) > 100:
        axes.set_yscale("symlog", linthresh=1.0)
