"""Colour composites of example objects: is there an object, in the middle, and does its colour follow the label?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from skybake.data.exploration import Exploration, aperture, short_names
from skybake.figures import _panels, _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Colour composites"
CAPTION = (
    "Objects spread evenly over the ranks of the label, with their number and label: composites after Lupton et al."
    " (2004), one scale for all, black at one noise above the level, channels of equal light for a typical object."
    " Ticks mark the middle of the sides. Where cutouts are of whole pixels, bands are up to a pixel apart, and stars"
    " have coloured sides."
)
ACROSS = 6
NOISES = 6  # of a pixel; up to there the scale is about linear
SOFTENING = 8  # Q of Lupton et al.

Channels = tuple[Sequence[int], Sequence[int], Sequence[int]]


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw the examples in rows, by ascending label."""
    channels = choose_channels(data.file.bands)
    pictures = composites(data, channels)
    figure = _style.figure(_style.DOUBLE, 0.6 + 1.25 * -(-len(pictures) // ACROSS), mock=data.mock)
    panels = _panels.grid(figure, len(pictures), ACROSS)
    for place, (axes, picture, label) in enumerate(zip(panels, pictures, data.examples.labels, strict=True)):
        _panels.show(axes, picture)
        axes.set_title(_panels.numbered(place + 1, label), fontsize=7, pad=6)
    head = f"{data.dataset}: number and {_style.quantity(data.label, data.label_units)}"
    figure.suptitle(f"{head}\n{_said(channels, data.file.bands)}", fontsize=8)
    return figure


def choose_channels(bands: Sequence[str]) -> Channels:
    """Return which bands make red, green and blue.

    Optical i, r, g take the usual order, and red, green and blue their own. Other bands are three parts in their order,
    the first of them red where the names are energies, and blue where they are not, as wavelengths are listed.
    """
    for names in (("i", "r", "g"), ("red", "green", "blue")):
        if set(names) <= set(bands):
            red, green, blue = ([list(bands).index(name)] for name in names)
            return red, green, blue
    if len(bands) < 3:
        return [0], list(range(len(bands))), [len(bands) - 1]
    parts = [part.tolist() for part in np.array_split(np.arange(len(bands)), 3)]
    first, second, third = parts if bands[0].endswith("eV") else parts[::-1]
    return first, second, third


def composites(data: Exploration, channels: Channels) -> np.ndarray:
    """Return the examples in colour, (n, H, W, 3) uint8."""
    return coloured(data.examples.images, channels, *map(data.typical, ("level", "border_noise", "light")))


def coloured(
    images: np.ndarray, channels: Channels, level: np.ndarray, noise: np.ndarray, light: np.ndarray
) -> np.ndarray:
    """Return images in colour, (n, H, W, 3) uint8, by Lupton et al. (2004, PASP 116, 133), one scale for all.

    Args:
        images: (n, H, W, C).
        channels: Bands of red, green and blue.
        level, noise, light: (C,) of a typical object, as :class:`skybake.data.exploration.Measured` has them.
    """
    from astropy.visualization import make_lupton_rgb

    pixels = aperture(images.shape[1:3]).sum()
    layers, noises = [], []
    for bands in map(list, channels):
        error = np.hypot.reduce(noise[bands])
        scale = max(light[bands].sum(), error * np.sqrt(pixels), np.finfo(np.float32).tiny)
        layers.append(((images[..., bands] - level[bands]).sum(axis=-1) - error) / scale)
        noises.append(error / scale)
    stretch = NOISES * np.mean(noises) or np.max(layers) / 10 or 1.0
    with np.errstate(invalid="ignore"):  # astropy divides by the intensity before it leaves out where that is 0
        return np.stack(
            [make_lupton_rgb(*colours, stretch=stretch, Q=SOFTENING) for colours in zip(*layers, strict=True)]
        )


def _said(channels: Channels, bands: Sequence[str]) -> str:
    """Return which bands make which colour, in words."""
    if len(bands) == 1:
        return bands[0]
    names, units = short_names(tuple(bands))
    parts = []
    for colour, chosen in zip(("red", "green", "blue"), channels, strict=True):
        ends = dict.fromkeys((names[chosen[0]], names[chosen[-1]]))
        parts.append(f"{colour} {' to '.join(ends)}")
    return ", ".join(parts) + (f" {units}" if units else "")
