"""Raw rows that are not in the dataset, by reason."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.data.exploration import Exploration
from skybake.figures import _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Rejected rows"
CAPTION = "Rows of the catalogue that are not in the dataset, by reason; rejected.csv lists each of them."
MOST = 20


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw a bar for each reason; of very many the most frequent."""
    shown = dict(list(data.rejected.items())[:MOST])
    figure = _style.figure(_style.SINGLE, max(1.6, 0.8 + 0.22 * len(shown)), mock=data.mock)
    axes = figure.subplots()
    rejected = sum(data.rejected.values())
    axes.set_title(f"{data.dataset}: {len(data.file):,} in the dataset, {rejected:,} rejected")
    if not shown:
        _style.say(axes, "no row was rejected")
        return figure
    places = -np.arange(len(shown))
    bars = axes.barh(places, list(shown.values()), color=_style.PALE)
    axes.bar_label(bars, [f"{number:,}" for number in shown.values()], padding=2, fontsize=7)
    axes.set_yticks(places, list(shown))
    axes.margins(x=0.15)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("rows")
    axes.locator_params("x", integer=True)
    return figure
