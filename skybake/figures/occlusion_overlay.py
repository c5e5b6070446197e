"""What an occlusion map points at: laid over the objects, red and transparent."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from skybake.figures import _panels, _style
from skybake.results.attributions import Attributions

SCOPE = "inside"
TASKS = ["regression", "classification"]
NEEDS = ("occlusion",)
TITLE = "Occlusion on the objects"
CAPTION = (
    "Test objects with their occlusion map over them: the redder a place, the more the network misses it when it is"
    " hidden. Clear is the least of the map, or no fall of the number; full red is its largest value, which stands"
    " below. Places that lower the number are not shown here."
)
ACROSS = 6
STRONG = 0.75  # opacity of full red
RED = LinearSegmentedColormap.from_list("clear_to_red", [(1, 0, 0, 0), (1, 0, 0, STRONG)])


@_style.styled
def draw(data: Attributions) -> Figure:
    """Draw a panel for each object."""
    said = data.occluded or f"fall of the {data.quantity}"
    figure, panels = _panels.galleries(
        {f"{data.patch} x {data.patch} pixels hidden: {said}": len(data.ids)},
        title=f"{_style.competitor(data.model, data.loss)}, seed {data.seed}",
        mock=data.mock,
        across=ACROSS,
        row_inches=1.4,
    )
    (axes_of,) = panels.values()
    for number, axes in enumerate(axes_of):
        _panel(axes, data, number)
    return figure


def _panel(axes: Axes, data: Attributions, number: int) -> None:
    _panels.tile(axes, data.images[number], data.bands, name=str(data.ids[number]), colour=_style.GREY, lw=0.4)
    values = data.array("occlusion")[number].astype(np.float64)
    low = values.min() if data.occluded else 0.0
    high = max(float(values.max()), low)
    limits = axes.get_ylim()  # a photograph's first row is the upper one
    if high > low:
        axes.imshow(values, cmap=RED, vmin=low, vmax=high, origin="lower", interpolation="nearest")
        axes.set_ylim(limits)
    span = f"{low:.2g} to {high:.2g}" if data.occluded else f"to {high:.2g}"
    axes.set_xlabel(span, fontsize=6, labelpad=1.5, color=_style.GREY)
