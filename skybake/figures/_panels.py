"""Panels of images, which several figures of a dataset are made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import _style
from skybake.metrics.regression import NORMAL_MAD

NOISES = 3  # up to there the scale of an object is about linear


def grid(figure: Figure, number: int, across: int, **keywords) -> list[Axes]:
    """Return ``number`` panels in rows of ``across``; what is left of the last row stays empty."""
    panels = list(figure.subplots(-(-number // across), across, squeeze=False, **keywords).ravel())
    for axes in panels[number:]:
        axes.set_axis_off()
    return panels[:number]


def name_x(panels: list[Axes], across: int, label: str) -> None:
    """Name the x axis once, under the middle of the last row (a figure's own ``supxlabel`` is where it says mock)."""
    last = panels[(len(panels) - 1) // across * across :]
    last[(len(last) - 1) // 2].set_xlabel(label)


def show(axes: Axes, picture: np.ndarray, **keywords) -> None:
    """Show an image (H, W) or (H, W, 3), first row below, with ticks at the middle of its sides."""
    axes.imshow(picture, origin="lower", interpolation="nearest", **keywords)
    height, width = picture.shape[:2]
    axes.set_xticks([(width - 1) / 2])
    axes.set_yticks([(height - 1) / 2])
    axes.tick_params(
        top=True, right=True, labelbottom=False, labelleft=False, direction="out", length=3, color=_style.GREY
    )
    for spine in axes.spines.values():
        spine.set(visible=True, lw=0.4, color=_style.GREY)


def photograph(bands: Sequence[str]) -> bool:
    """Tell whether images are colour photographs: their first row is the upper one, and their colours need no scale."""
    return tuple(bands) == ("red", "green", "blue")


def view(axes: Axes, image: np.ndarray, bands: Sequence[str]) -> None:
    """Show one object as it is: a photograph in its colours, else the mean of its bands in grey, on its own scale.

    Dark is bright. The scale is asinh, linear up to three times the noise (1.4826 MAD) about the median.

    Args:
        axes: Where.
        image: (H, W, C).
        bands: C names.
    """
    if photograph(bands):
        show(axes, np.clip(image / 255, 0, 1))
        axes.invert_yaxis()
    else:
        grey = image.astype(np.float64).mean(axis=-1)
        grey -= np.median(grey)
        noise = NORMAL_MAD * np.median(np.abs(grey)) or grey.std() or 1.0
        grey = np.arcsinh(grey / (NOISES * noise))
        show(axes, grey, cmap="Greys", vmin=np.percentile(grey, 1), vmax=max(grey.max(), np.arcsinh(1.0)))


def numbered(number: int, label: float) -> str:
    """Return how an example is called: its number and its label."""
    return f"{number}: {label:.4g}" if np.isfinite(label) else f"{number}"


def brief(value: float) -> str:
    """Return a number in few characters, for a panel's corner."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
