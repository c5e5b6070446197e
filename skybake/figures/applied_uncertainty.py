"""How sure the network is of new objects, and how much its seeds differ."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.applying.outcome import UNCERTAINTIES, Outcome
from skybake.figures import _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
NEEDS = ("uncertainty",)
TITLE = "Uncertainties"
CAPTION = (
    "How sure the network is of new objects, in numbers of objects: the width of predictive distributions or the"
    " probability of the predicted class, and the standard deviation over seeds. A network may be sure of an object"
    " unlike all that it was trained with, and wrong: unfamiliar ones are drawn by themselves."
)
BINS = 30
MOST = 99.5  # percentile up to which the axis goes


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw a panel for each uncertainty that there is."""
    known = [name for name in UNCERTAINTIES if name in data.uncertainty]
    figure = _style.figure(_style.DOUBLE, 2.3, mock=data.mock)
    panels = figure.subplots(1, max(2, len(known)), squeeze=False)[0]
    for axes in panels[len(known) :]:
        axes.set_axis_off()
    for axes, name in zip(panels, known, strict=False):
        _panel(axes, data, name)
    panels[0].set_ylabel("objects")
    if data.unfamiliar.any():
        panels[0].legend()
    figure.suptitle(f"{data.name}: {len(data):,} new objects, predicted by {data.row}", fontsize=8)
    return figure


def _panel(axes: Axes, data: Outcome, name: str) -> None:
    values = data.uncertainty[name]
    known = np.isfinite(values)
    most = 1.0 if name == "probability" else 1.02 * float(np.percentile(values[known], MOST))
    edges = np.linspace(0, most or 1.0, BINS + 1)
    for wanted, head, colour in (
        (~data.unfamiliar, "new objects", _style.PALETTE[0]),
        (data.unfamiliar, "unfamiliar", _style.PALETTE[1]),
    ):
        chosen = values[known & wanted]
        if len(chosen):
            axes.stairs(np.histogram(np.minimum(chosen, edges[-1]), edges)[0], edges, color=colour, lw=1.2, label=head)
    of_class = name == "probability" or (name == "spread" and data.classes)
    said = "standard deviation over seeds\nof that probability" if name == "spread" and data.classes else None
    heads = {"std": "standard deviation", "half_width": "half width of 68 %", "spread": "spread over seeds"}
    axes.set_xlabel(_style.quantity(said or heads.get(name, UNCERTAINTIES[name]), "" if of_class else data.units))
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_title(f"median {np.median(values[known]):.3g}", fontsize=7, color=_style.GREY, loc="right")
