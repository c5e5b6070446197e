"""Where the light of the objects is: is the middle of the cutout the object, in every band?"""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from skybake.data.exploration import Exploration
from skybake.figures import _panels, _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Centring"
CAPTION = (
    "Middle of the light of every object less the middle of the cutout, in every band, for the objects whose light"
    " stands out of the noise; objects with padded pixels are left out. The cross is the median, its x and y stand in"
    " the corner; the circle has a radius of one pixel. Light that is further off is not shown. Cutouts of whole pixels"
    " scatter over half a pixel to each side."
)
ACROSS = 5
CROWD = 3000  # points; beyond, their density is shown
REACH = 2.0  # pixels at least; more where the light of over a quarter is further off


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw a panel for each band."""
    names = data.file.bands
    across = min(ACROSS, max(len(names), 3))
    figure = _style.figure(_style.DOUBLE, 0.5 + (5.9 / across + 0.4) * -(-len(names) // across), mock=data.mock)
    panels = _panels.grid(figure, len(names), across, sharex=True, sharey=True)
    offsets = [_known(data.measured.offset[:, band]) for band in range(len(names))]
    far = [np.percentile(np.abs(offset), 75) for offset in offsets if len(offset)]
    reach = max([REACH, *far])
    for axes, name, offset in zip(panels, names, offsets, strict=True):
        axes.set_title(f"{name}\n{len(offset):,} located", fontsize=7)
        axes.axhline(0, color=_style.PALE, lw=0.5, zorder=0)
        axes.axvline(0, color=_style.PALE, lw=0.5, zorder=0)
        axes.add_patch(Circle((0, 0), 1, fill=False, lw=0.7, color="black", zorder=3))
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.tick_params(labelbottom=True)
        if not len(offset):
            continue
        if len(offset) > CROWD:
            axes.hexbin(*offset.T, gridsize=30, extent=(-reach, reach) * 2, bins="log", mincnt=1, lw=0.1, cmap="Blues")
        else:
            axes.plot(*offset.T, ".", color=_style.PALETTE[0], ms=2.5, mew=0, alpha=0.5, rasterized=True)
        x, y = np.median(offset, axis=0)
        axes.plot(x, y, "+", color=_style.PALETTE[1], ms=9, mew=1.5, zorder=4)
        axes.text(0.04, 0.04, f"{x:+.2f}, {y:+.2f}", transform=axes.transAxes, fontsize=7)
    _panels.name_x(panels, across, "x of the light - middle [pixels]")
    figure.supylabel("y of the light - middle [pixels]", fontsize=8)
    figure.suptitle(f"{data.dataset}: {len(data.file):,} objects", fontsize=8)
    return figure


def _known(offset: np.ndarray) -> np.ndarray:
    return offset[np.isfinite(offset).all(axis=1)]
