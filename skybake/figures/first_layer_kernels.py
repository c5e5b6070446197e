"""Kernels of a network's first layer as pictures, band by band."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import _panels, _style
from skybake.results.attributions import Attributions

SCOPE = "inside"
TASKS = ["regression", "classification"]
NEEDS = ("kernels",)
TITLE = "First-layer kernels"
CAPTION = (
    "Weights of the first layer that sees the image: a column for each filter, in the order of their size (the root of"
    " the sum of squares), a row for each band. One scale for all, the same to both sides of zero. A dense layer on"
    " each pixel has kernels of one pixel. Images are seen by it after their normalisation."
)
MOST = 64  # filters
ACROSS = 16  # filters in a row
BLOCK_ROWS = 40  # bands that can be shown in one figure, in all blocks of filters together
NAME = 14  # characters


@_style.styled
def draw(data: Attributions) -> Figure:
    """Draw the largest filters, in blocks of as many as have room abreast."""
    kernels = data.array("kernels").astype(np.float64)
    height, width, bands, count = kernels.shape
    order = np.argsort(-np.square(kernels).sum(axis=(0, 1, 2)), kind="stable")
    most = min(MOST, ACROSS * max(1, BLOCK_ROWS // bands))
    shown = kernels[..., order[:most]]
    end = float(np.abs(shown).max()) or 1.0
    blocks = -(-shown.shape[-1] // ACROSS)
    cell = (_style.DOUBLE - 1.4) / ACROSS
    inches = 0.75 + blocks * (bands * cell * height / width + 0.1)
    figure = _style.figure(_style.DOUBLE, max(inches, 1.5), mock=data.mock)
    chosen = f"the {shown.shape[-1]} largest of {count}" if count > shown.shape[-1] else f"{count}"
    size = f"{height}\N{MULTIPLICATION SIGN}{width}"
    figure.suptitle(
        f"{_style.competitor(data.model, data.loss)}, seed {data.seed}: {chosen} kernels {size} of {data.layer}",
        fontsize=8,
    )
    panels = figure.subplots(blocks, 1, squeeze=False)[:, 0]
    for block, axes in enumerate(panels):
        image = _block(axes, shown[..., block * ACROSS : (block + 1) * ACROSS], end, data.bands)
    bar = figure.colorbar(image, ax=panels, shrink=min(1.0, 0.7 + 0.1 * blocks), aspect=12 + 4 * blocks, pad=0.01)
    bar.set_label("weight", fontsize=7)
    bar.outline.set_linewidth(0.4)
    return figure


def _block(axes: Axes, kernels: np.ndarray, end: float, bands: tuple[str, ...]):
    """Show kernels (h, w, C, F) side by side, the rows of bands below one another, and return the picture."""
    height, width, count, filters = kernels.shape
    upright = kernels if _panels.photograph(bands) else kernels[::-1]  # row 0 of an image is its lowest
    table = np.full((count * (height + 1) + 1, filters * (width + 1) + 1), np.nan)
    for band in range(count):
        for number in range(filters):
            y, x = band * (height + 1) + 1, number * (width + 1) + 1
            table[y : y + height, x : x + width] = upright[:, :, band, number]
    colours = colormaps["RdBu_r"].with_extremes(bad=_style.PALE)
    image = axes.imshow(table, cmap=colours, vmin=-end, vmax=end, interpolation="nearest")
    axes.set_xlim(-0.5, ACROSS * (width + 1) + 0.5)
    axes.set_xticks([])
    middles = np.arange(count) * (height + 1) + (height + 1) / 2
    axes.set_yticks(middles, [_style.shortened(name, NAME) for name in bands], fontsize=7)
    axes.tick_params(length=0)
    axes.set_anchor("W")
    for spine in axes.spines.values():
        spine.set_visible(False)
    return image
