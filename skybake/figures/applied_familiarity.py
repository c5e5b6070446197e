"""How far new objects are from those of training: is the network asked for what it never saw?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.applying.outcome import Outcome
from skybake.figures import _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
NEEDS = ("familiarity",)
TITLE = "Familiarity"
CAPTION = (
    "Distance of the new objects from the training part, as the percentile among objects like those of training that"
    " were held out. New objects like these are spread evenly, as the line tells; a heap at 100 is of objects that the"
    " network was not trained for."
)
BINS = 25


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw the percentiles beside what is expected."""
    figure = _style.figure(_style.DOUBLE, 2.4, mock=data.mock)
    axes = figure.subplots()
    values = data.familiarity[np.isfinite(data.familiarity)]
    edges = np.linspace(0, 100, BINS + 1)
    axes.stairs(np.histogram(values, edges)[0], edges, fill=True, color=_style.PALETTE[0], label="new objects")
    axes.axhline(len(values) / BINS, color="black", lw=0.8, ls="--", label="if like those of training")
    axes.margins(y=0.35)  # room for the legend
    axes.set(xlabel="percentile of the distance from the training part", ylabel="objects", xlim=(0, 100))
    axes.set_title(f"{data.name}: {int(data.unfamiliar.sum()):,} of {len(data):,} unfamiliar")
    axes.legend(loc="upper left")
    return figure
