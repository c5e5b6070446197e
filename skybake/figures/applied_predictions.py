"""Predictions for new objects beside the labels of the training part: is this the kind of sample it was trained for?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.applying.outcome import Outcome
from skybake.figures import _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
TITLE = "Predictions"
CAPTION = (
    "What is predicted for the new objects beside the labels of the training part; unfamiliar objects are drawn by"
    " themselves. Each histogram has an area of one, of few objects each has a mark, the classes' shares add up to"
    " 100 %. Networks draw predictions towards the middle of the training part: a narrower distribution is no finding."
)
BINS = 40
FEW = 20  # objects, of which a histogram would tell nothing: they are marked one by one
CLASSES = 20  # that have room
NAME = 20  # characters
INSIDE = (0.1, 99.9)  # percentiles of predictions that the axis holds


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw histograms of numbers, or bars of classes."""
    if data.classes:
        figure = _style.figure(_style.DOUBLE, 1.2 + 0.3 * min(len(data.classes), CLASSES), mock=data.mock)
        _bars(figure.subplots(), data)
        figure.legend(loc="outside right center")
    else:
        figure = _style.figure(_style.DOUBLE, 2.7, mock=data.mock)
        _histograms(figure.subplots(), data)
    left = int((~data.usable).sum())
    said = f"; {left:,} without a number left out" if left else ""
    figure.suptitle(f"{data.name}: {len(data):,} new objects, predicted by {data.row}{said}", fontsize=8)
    return figure


def _groups(data: Outcome) -> dict[str, tuple[np.ndarray, str]]:
    """Return what is drawn: heading -> labels or predictions, and colour."""
    groups = {
        "training part": (data.trained, _style.GREY),
        "new objects": (data.point[data.usable & ~data.unfamiliar], _style.PALETTE[0]),
        "new objects, unfamiliar": (data.point[data.usable & data.unfamiliar], _style.PALETTE[1]),
    }
    return {f"{head} ({len(values):,})": (values, colour) for head, (values, colour) in groups.items() if len(values)}


def _histograms(axes: Axes, data: Outcome) -> None:
    groups = _groups(data)
    ends = np.array([np.percentile(values, INSIDE) for values, _ in groups.values()])
    low, high = float(ends[:, 0].min()), float(ends[:, 1].max())
    room = 0.02 * (high - low) or 0.5
    edges = np.linspace(low - room, high + room, BINS + 1)
    for head, (values, colour) in groups.items():
        first = head.startswith("training")
        if len(values) < FEW and not first:
            axes.plot(values, np.zeros(len(values)), ls="none", marker="|", markersize=12, color=colour, label=head)
            continue
        density = np.histogram(values, edges)[0] / (len(values) * np.diff(edges))
        axes.stairs(density, edges, fill=first, color=_style.PALE if first else colour, lw=1.2, label=head)
    axes.set(xlabel=_style.quantity(data.label, data.units), ylabel="density")
    axes.set_xlim(edges[0], edges[-1])
    axes.legend()


def _bars(axes: Axes, data: Outcome) -> None:
    groups = _groups(data)
    counts = {
        head: np.bincount(values.astype(int), minlength=len(data.classes)) for head, (values, _) in groups.items()
    }
    order = np.argsort(-next(iter(counts.values())), kind="stable")[:CLASSES]
    height = 0.8 / len(groups)
    for number, (head, (values, colour)) in enumerate(groups.items()):
        places = np.arange(len(order)) + (number - (len(groups) - 1) / 2) * height
        fill = _style.PALE if head.startswith("training") else colour
        axes.barh(places, 100 * counts[head][order] / len(values), height, color=fill, label=head)
    if data.shares.size:
        axes.plot(
            *(100 * data.shares[order], np.arange(len(order))),
            ls="none",
            marker="D",
            color="black",
            markersize=3,
            label="mean probability, new objects",
        )
    axes.set_yticks(np.arange(len(order)), [_style.shortened(data.classes[place], NAME) for place in order])
    axes.invert_yaxis()
    left = len(data.classes) - len(order)
    axes.set_xlabel("share [%]" + (f"; the {len(order)} most frequent of {len(data.classes)} classes" if left else ""))
