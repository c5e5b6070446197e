"""Where a network looks: maps of what its predictions rest on, beside the objects."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import _panels, _style
from skybake.missing import present
from skybake.results.attributions import Attributions

SCOPE = "inside"
TASKS = ["regression", "classification"]
NEEDS = ("maps",)
TITLE = "Where the network looks"
CAPTION = (
    "Test objects as the first seed judges them, and what that rests on. Occlusion: by how much the number at the"
    " head of the figure falls when the surroundings of a pixel are blank, or what stands above. Gradient: the size"
    " of its derivative by the pixel as the network sees it, the largest of all bands. Integrated gradients: the"
    " share of the pixel, all bands together, in the number less that of a blank image. Grad-CAM: how much the last"
    " maps of features raise it. Red raises the number, blue lowers it; each map has its own scale, whose end stands"
    " below. Blank is each band's median. A map shows what the network uses, which need not be what makes the object"
    " what it is."
)
METHODS = {
    "occlusion": "occlusion",
    "saliency": "gradient",
    "integrated_gradients": "int. gradients",
    "grad_cam": "Grad-CAM",
}
ONE_SIDED = {"saliency": "Greys", "grad_cam": "Reds"}  # nowhere below 0
NAME, ID = 12, 16  # characters


@_style.styled
def draw(data: Attributions) -> Figure:
    """Draw a group of panels for each object, two groups abreast."""
    methods = [name for name in METHODS if getattr(data, name) is not None]
    group = 1 + len(methods)
    rows = -(-len(data.ids) // 2)
    side = _style.DOUBLE / max(2 * group, 6)
    figure = _style.figure(_style.DOUBLE, 0.65 + rows * (side + 0.37), mock=data.mock)
    explained = _style.quantity(data.quantity, "" if data.classes else data.units)
    figure.suptitle(f"{_style.competitor(data.model, data.loss)}, seed {data.seed}: {explained}", fontsize=8)
    spaces = max(6 - 2 * group, 0.2)  # between the two groups
    widths = [*[1] * group, spaces, *[1] * group]
    panels = figure.subplots(rows, len(widths), squeeze=False, width_ratios=widths)
    for axes in panels.ravel():
        axes.set_axis_off()
    for number in range(len(data.ids)):
        row, column = divmod(number, 2)
        first, *others = panels[row, column * (group + 1) :][:group]
        _object(first, data, number)
        for axes, name in zip(others, methods, strict=True):
            _map(axes, data, name, number)
            if row == 0:
                said = (name == "occlusion" and _style.shortened(data.occluded, ID)) or METHODS[name]
                axes.set_title(said, fontsize=6.5, pad=2)
    return figure


def _object(axes: Axes, data: Attributions, number: int) -> None:
    axes.set_axis_on()
    _panels.view(axes, data.images[number], data.bands)
    _bare(axes)
    axes.set_title(_style.shortened(str(data.ids[number]), ID), fontsize=5.5, pad=2, color=_style.GREY)
    true, predicted = data.true[number], data.predicted[number]
    if data.classes:
        names = ["?" if np.isnan(item) or item < 0 else data.classes[int(item)] for item in (true, predicted)]
        true, predicted = (_style.shortened(name, NAME) for name in names)
        said = f"true {true}\npred. {predicted} {data.array('probability')[number]:.2f}"
    else:
        known = present(true)
        said = f"true {f'{true:.4g}' if known else '?'}\npred. {predicted:.4g}"
    axes.set_xlabel(said, fontsize=6, labelpad=1.5)


def _map(axes: Axes, data: Attributions, name: str, number: int) -> None:
    values = data.array(name)[number].astype(np.float64)
    if name == "saliency":
        values = np.abs(values).max(axis=-1)
    elif values.ndim == 3:
        values = values.sum(axis=-1)
    axes.set_axis_on()
    end = float(np.abs(values).max())
    colours: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -(end or 1)}
    if name == "occlusion" and data.occluded:
        colours = {"cmap": "Reds", "vmin": values.min()}
    elif name in ONE_SIDED:
        colours = {"cmap": ONE_SIDED[name], "vmin": 0}
    _panels.show(axes, values, vmax=end or 1, **colours)
    if _panels.photograph(data.bands):
        axes.invert_yaxis()
    _bare(axes)
    sign = chr(177) if colours["cmap"] == "RdBu_r" else ""
    axes.set_xlabel(f"{sign}{end:.2g}", fontsize=6, labelpad=1.5, color=_style.GREY)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
