"""Loss against epoch: whether a network has learned, over-learned, or stopped too early."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.figures import Run, _style

SCOPE = "run"
TASKS = ["regression", "classification"]
TITLE = "Loss against epoch"
CAPTION = (
    "Training loss (pale) and validation loss (dark) against epoch, one line per seed. Circles mark the epoch with the"
    " lowest validation loss."
)
OF_BASELINES = False  # nothing is trained by epochs there


@_style.styled
def draw(data: Run) -> Figure:
    """Draw the losses of all seeds; the axis is logarithmic where all of them are positive."""
    figure = _style.figure(_style.SINGLE, 2.6, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    histories = [history for history in data.histories.values() if len(history.epoch)]
    if not histories:
        _style.say(axes, "not trained by epochs")
        return figure
    for place, history in enumerate(histories):
        first = place == 0
        axes.plot(history.epoch, history.loss, color="#8fbcdb", lw=0.9, label="training" if first else None)
        axes.plot(history.epoch, history.val_loss, color=_style.PALETTE[0], lw=1, label="validation" if first else None)
        best = history.epoch == history.best_epoch
        axes.plot(
            history.epoch[best],
            history.val_loss[best],
            "o",
            mfc="none",
            mec=_style.PALETTE[1],
            label="best epoch" if first else None,
        )
    _scale(axes, np.concatenate([values for item in histories for values in (item.loss, item.val_loss)]))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss")
    axes.legend()
    return figure


def _scale(axes: Axes, losses: np.ndarray) -> None:
    """Choose the axis: a likelihood's loss may be negative, and start in the hundreds."""
    losses = losses[np.isfinite(losses)]
    if not losses.size:
        return
    if (losses > 0).all():
        axes.set_yscale("log")
    elif np.ptp(losses) > 100:
        axes.set_yscale("symlog", linthresh=1.0)
