"""Panels of images, which several figures of a dataset are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import _style
from skybake.metrics.regression import NORMAL_MAD

NOISES = 3  # up to there the scale of an object is about linear
HEAD_INCHES = 0.28  # of a gallery
ID = 21  # characters of an object's name that have room


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


def galleries(
    numbers: Mapping[str, int],
    *,
    title: str,
    mock: bool,
    across: int = 8,
    abreast: int = 1,
    row_inches: float = 1.15,
    top_inches: float = 0.5,
) -> tuple[Figure, dict[str, list[Axes]]]:
    """Return a figure of two columns' width with a gallery under each head, and head -> its panels.

    Args:
        numbers: Head -> objects of the gallery; one without any says so.
        title: Of the figure.
        mock: Whether the objects are simulated.
        across: Panels in a row of a gallery.
        abreast: Galleries side by side.
        row_inches, top_inches: Height of a row of panels, and of what is above and below all galleries.
    """
    rows = [max(1, -(-number // across)) for number in numbers.values()]
    tallest = [max(rows[first : first + abreast]) for first in range(0, len(rows), abreast)]
    heights = [HEAD_INCHES + row_inches * number for number in tallest]
    figure = _style.figure(_style.DOUBLE, top_inches + sum(heights), mock=mock)
    figure.suptitle(title, fontsize=8)
    parts = figure.subfigures(len(heights), abreast, squeeze=False, height_ratios=heights).ravel()
    found = {}
    for place, (head, number) in enumerate(numbers.items()):
        parts[place].suptitle(head, fontsize=8, x=0.01, ha="left", weight="bold")
        panels = list(parts[place].subplots(tallest[place // abreast], across, squeeze=False).ravel())
        for axes in panels[number:]:
            axes.set_axis_off()
        if not number:
            panels[0].text(0, 0.5, "none", color=_style.GREY, transform=panels[0].transAxes)
        found[head] = panels[:number]
    return figure, found


def tile(axes: Axes, image: np.ndarray, bands: Sequence[str], *, name: str, colour: str, lw: float = 1.0) -> None:
    """Show one object of a gallery as it is, in a frame, with its name below.

    Args:
        axes: Where.
        image: (H, W, C).
        bands: C names.
        name: Of the object.
        colour, lw: Of the frame.
    """
    if np.isfinite(image).all():
        view(axes, image, bands)
    else:
        axes.text(0.5, 0.5, "not finite", ha="center", va="center", fontsize=6, transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.text(
        *(0.5, -0.19),
        _style.shortened(name, ID),
        ha="center",
        va="top",
        fontsize=4.5,
        color=_style.GREY,
        transform=axes.transAxes,
    )
    for spine in axes.spines.values():
        spine.set(color=colour, lw=lw)
