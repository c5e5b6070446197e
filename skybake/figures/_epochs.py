"""What is recorded of a training after every epoch, in training and in validation, drawn alike for all such numbers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.evaluation.trained import History
from skybake.figures import JudgedRow, _style
from skybake.figures._overlay import Line


def draw(data: JudgedRow, name: str) -> tuple[Figure, Axes, np.ndarray]:
    """Draw ``name`` and ``val_<name>`` of the histories of all seeds that have it.

    Returns:
        The figure, its axes, and all numbers drawn; none where nothing was trained by epochs.
    """
    figure = _style.figure(_style.SINGLE, 2.6, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    histories = recorded(data, name)
    if not histories:
        _style.say(axes, "not trained by epochs")
        return figure, axes, np.empty(0)
    for place, history in enumerate(histories):
        first = place == 0
        training, validation = getattr(history, name), getattr(history, f"val_{name}")
        axes.plot(history.epoch, training, color="#8fbcdb", lw=0.9, label="training" if first else None)
        axes.plot(history.epoch, validation, color=_style.PALETTE[0], lw=1, label="validation" if first else None)
        best = history.epoch == history.best_epoch
        axes.plot(
            history.epoch[best],
            validation[best],
            "o",
            mfc="none",
            mec=_style.PALETTE[1],
            label="best epoch" if first else None,
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(name)
    axes.legend()
    return figure, axes, numbers(histories, name)


def recorded(data: JudgedRow, name: str) -> list[History]:
    """Return the histories of all seeds that have ``name``."""
    return [
        history
        for history in data.histories.values()
        if len(history.epoch) and getattr(history, f"val_{name}") is not None
    ]


def numbers(histories: Sequence[History], name: str) -> np.ndarray:
    """Return all values of ``name`` in training and validation; none where there is no history."""
    found = [values for item in histories for values in (getattr(item, name), getattr(item, f"val_{name}"))]
    return np.concatenate([np.empty(0), *found])


def overlay(axes: Axes, lines: Iterable[Line], name: str) -> np.ndarray:
    """Draw ``name`` of several rows in one panel, a line for each seed, and return all numbers drawn."""
    drawn = [np.empty(0)]
    for line in lines:
        histories = recorded(line.data, name)
        for place, history in enumerate(histories):
            label, validation = line.name if place == 0 else None, getattr(history, f"val_{name}")
            point: dict[str, Any] = (
                {"marker": "o", "ms": 3} if len(history.epoch) == 1 else {}
            )  # a line of one point is not seen
            axes.plot(history.epoch, validation, lw=1, label=label, **line.look, **point)
            axes.plot(history.epoch, getattr(history, name), lw=0.6, alpha=0.4, **line.look, **point)
        drawn.append(numbers(histories, name))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.set(xlabel="epoch", ylabel=name)
    return np.concatenate(drawn)
