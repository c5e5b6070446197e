"""Cutouts of example objects in every band: are the bands aligned, is any of them empty?"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from skybake.data.exploration import Exploration, short_names
from skybake.figures import _panels, _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Example cutouts"
CAPTION = (
    "Objects spread evenly over the ranks of the label (columns; number as in the colour composites) in every"
    " band (rows), on one asinh scale for each band, linear up to three times the noise; the range stands at the right."
    " Ticks mark the middle of the sides."
)
MOST = 8
NOISES = 3


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw a row for each band and a column for each object."""
    examples = data.examples
    number = min(MOST, len(examples.rows))
    chosen = ((np.arange(number) + 0.5) * len(examples.rows) / number).astype(int)
    names, units = short_names(data.file.bands)
    noise, level = data.typical("border_noise"), data.typical("level")
    figure = _style.figure(_style.DOUBLE, 0.6 + 0.8 * len(names), mock=data.mock)
    panels = figure.subplots(len(names), MOST, squeeze=False)
    for band, name in enumerate(names):
        images = examples.images[chosen, :, :, band]
        low, high = level[band] - NOISES * noise[band], max(float(images.max()), level[band] + 2 * NOISES * noise[band])
        if not high > low:
            low, high = low - 0.5, low + 0.5
        for axes, image in zip(panels[band], images, strict=False):
            width = (NOISES * noise[band]) or (high - low) / 10
            _panels.show(axes, image - level[band], norm=AsinhNorm(width, low - level[band], high - level[band]))
        panels[band, 0].set_ylabel(name, fontsize=7, rotation=0, ha="right", va="center")
        last = panels[band, number - 1]
        last.text(
            *(1.12, 0.5),
            f"{_panels.brief(low)}\nto {_panels.brief(high)}",
            transform=last.transAxes,
            fontsize=6,
            va="center",
            color=_style.GREY,
        )
    for axes in panels[:, number:].ravel():
        axes.set_axis_off()
    for axes, place in zip(panels[0], chosen, strict=False):
        axes.set_title(_panels.numbered(place + 1, examples.labels[place]), fontsize=7, pad=6)
    label = _style.quantity(data.label, data.label_units)
    said = f"{_style.quantity('bands', units)}, {_style.quantity('range', data.units)}"
    figure.suptitle(f"{data.dataset}: number and {label}; {said}", fontsize=8)
    return figure
