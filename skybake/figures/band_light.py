"""Light of the images against what the catalogue says: are the units right?"""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.data.exploration import NANOMAGGY, Exploration, image_magnitudes, magnitudes
from skybake.figures import _panels, _style
from skybake.missing import present

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Light of every band"
CAPTION = (
    "Light within 0.3 of the cutout's side, less the level of its outer eighth, in every band; blue where it was"
    " located (see Centring), grey where it may be noise. Pixels in nanomaggies: magnitude of that light less the"
    " catalogue's of the band, against the latter; 0 is agreement, positive values are light outside the aperture,"
    " negative ones neighbours. Else: light against the label. The outermost hundredth at each end is not shown."
)
ACROSS = 5
ROOM = 1.5  # mag shown on each side


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw a panel for each band."""
    names = data.file.bands
    known = magnitudes(data.file) if data.units == NANOMAGGY else {}
    across = min(ACROSS, max(len(names), 3))
    figure = _style.figure(_style.DOUBLE, 0.8 + 1.65 * -(-len(names) // across) * 5 / across, mock=data.mock)
    panels = _panels.grid(figure, len(names), across, sharey=bool(known))
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        light, located = data.measured.light[:, place], np.isfinite(data.measured.offset[:, place, 0])
        axes.set_title(f"{name}\n{np.sum(light > 0):,} of {np.isfinite(light).sum():,}", fontsize=7)
        if known:
            _compare(axes, known.get(name), light, located)
        else:
            _against_label(axes, data.file.labels[data.label], light, located)
    label = _style.quantity(data.label, data.label_units)
    _panels.name_x(panels, across, "catalogue magnitude [mag]" if known else label)
    figure.supylabel("image - catalogue [mag]" if known else _style.quantity("light", data.units), fontsize=8)
    figure.suptitle(f"{data.dataset}: objects with positive light", fontsize=8)
    return figure


def _compare(axes: Axes, catalogue: np.ndarray | None, light: np.ndarray, located: np.ndarray) -> None:
    axes.axhline(0, color="black", lw=0.6, zorder=0)
    axes.set_ylim(-ROOM, ROOM)
    if catalogue is None:
        axes.text(0.5, 0.8, "no magnitude", ha="center", fontsize=7, color=_style.GREY, transform=axes.transAxes)
        return
    _dots(axes, catalogue, image_magnitudes(light) - catalogue, located)


def _against_label(axes: Axes, label: np.ndarray, light: np.ndarray, located: np.ndarray) -> None:
    _dots(axes, np.where(present(label), label, np.nan), np.where(light > 0, light, np.nan), located)
    shown = light[light > 0]
    if len(shown) and shown.max() > 10 * np.percentile(shown, 1):
        axes.set_yscale("log")
        axes.set_ylim(0.7 * np.percentile(shown, 1), 1.4 * shown.max())


def _dots(axes: Axes, x: np.ndarray, y: np.ndarray, located: np.ndarray) -> None:
    usable = np.isfinite(x) & np.isfinite(y)
    if not usable.any():
        return
    size = float(np.clip(4000 / usable.sum(), 1, 8))
    for chosen, colour in ((usable & ~located, _style.PALE), (usable & located, _style.PALETTE[0])):
        axes.scatter(x[chosen], y[chosen], s=size, color=colour, alpha=0.6, lw=0, rasterized=True)
    low, high = np.percentile(x[usable], [1, 99])
    axes.set_xlim(low - 0.05 * (high - low) - 0.05, high + 0.05 * (high - low) + 0.05)
