"""Mean, standard deviation and maximum of every pixel: is the light in the middle, are there bad pixels or edges?"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import AsinhNorm
from matplotlib.figure import Figure

from skybake.data.exploration import Exploration, short_names
from skybake.figures import _panels, _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Mean, standard deviation and maximum images"
CAPTION = (
    "Mean, standard deviation and maximum of every pixel over all objects, in every band, each on its own asinh scale"
    " from its lowest (black) to its highest value (white), which stand below it. Ticks mark the middle of the sides."
)
ACROSS = 5


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw three rows of panels for every five bands."""
    names, units = short_names(data.file.bands)
    blocks = [range(first, min(first + ACROSS, len(names))) for first in range(0, len(names), ACROSS)]
    across = min(ACROSS, len(names))
    figure = _style.figure(_style.DOUBLE, 0.5 + 4.6 * len(blocks) * 5 / max(across, 4) * 0.88, mock=data.mock)
    panels = figure.subplots(3 * len(blocks), across, squeeze=False)
    kinds = {"mean": data.images.mean, "standard deviation": data.images.std, "maximum": data.images.maximum}
    for block, bands in enumerate(blocks):
        for row, (kind, images) in enumerate(kinds.items(), start=3 * block):
            for axes in panels[row, len(bands) :]:
                axes.set_axis_off()
            for axes, band in zip(panels[row], bands, strict=False):
                image = images[..., band]
                _panels.show(axes, image, norm=_scale(image), cmap="magma")
                axes.set_xlabel(f"{_panels.brief(image.min())} to {_panels.brief(image.max())}", fontsize=6, labelpad=2)
                if kind == "mean":
                    axes.set_title(names[band], fontsize=7, pad=6)
            panels[row, 0].set_ylabel(kind, fontsize=7)
    figure.suptitle(
        f"{data.dataset}: {len(data.file):,} objects [{data.units or 'pixel values'}]"
        f"{f', bands in {units}' if units else ''}",
        fontsize=8,
    )
    return figure


def _scale(image: np.ndarray) -> AsinhNorm:
    """Return a scale that is linear over the width of the image's darker half, where the sky is."""
    low, middle, high = (float(value) for value in np.percentile(image, [0, 50, 100]))
    if not high > low:
        low, high = low - 0.5, low + 0.5
    return AsinhNorm(max(middle - low, 0.02 * (high - low)), vmin=low, vmax=high)
