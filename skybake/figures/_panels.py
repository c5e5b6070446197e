"""Panels of images, which several figures of a dataset are made of."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import _style


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


def numbered(number: int, label: float) -> str:
    """Return how an example is called: its number and its label."""
    return f"{number}: {label:.4g}" if np.isfinite(label) else f"{number}"


def brief(value: float) -> str:
    """Return a number in few characters, for a panel's corner."""
    return f"{value:.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.3g}"
