"""Distributions of labels and scalars: ranges, outliers, what is missing."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.data.exploration import Exploration
from skybake.figures import _panels, _style
from skybake.missing import present

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Labels and scalars"
CAPTION = (
    "Distribution of every label (orange) and scalar (blue) over its whole range. Missing values are left out and"
    " counted; a value that all objects share stands beside the count."
)
ACROSS = 4
MOST = 24
BINS = 40


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw a panel for each label and scalar, labels first; of very many the first."""
    file = data.file
    columns = [("label", name, values) for name, values in file.labels.items()]
    columns += [("scalar", name, values) for name, values in file.scalars.items()]
    shown = columns[:MOST]
    across = min(ACROSS, max(len(shown), 2))
    figure = _style.figure(_style.DOUBLE, 0.5 + 1.35 * -(-len(shown) // across) * 4 / across, mock=data.mock)
    for axes, (kind, name, values) in zip(_panels.grid(figure, len(shown), across), shown, strict=True):
        _histogram(axes, values, _style.PALETTE[1] if kind == "label" else _style.PALETTE[0])
        axes.set_xlabel(_style.quantity(name, file.columns[f"{kind}/{name}"].units), fontsize=7)
    left = f", the first {MOST} of {len(columns)} columns" if len(columns) > MOST else ""
    figure.suptitle(f"{data.dataset}: {len(file):,} objects{left}", fontsize=8)
    return figure


def _histogram(axes: Axes, values: np.ndarray, colour: str) -> None:
    known = values[present(values)]
    missing = len(values) - len(known)
    said = f"{missing:,} missing" if missing else "none missing"
    if len(known) and known.min() == known.max():
        said += f", all {known[0]:g}"
    axes.set_title(said, fontsize=6, color=_style.GREY, loc="right")
    if not len(known):
        return
    low, high = float(known.min()), float(known.max())
    if not high > low:
        low, high = low - 0.5, high + 0.5
    axes.hist(known, np.linspace(low, high, BINS + 1).tolist(), color=colour)
    axes.tick_params(labelsize=6)
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
