"""Noise and background level of every band: are the units right, is the sky subtracted?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from skybake.data.exploration import Exploration, short_names
from skybake.figures import _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Noise and level of every band"
CAPTION = (
    "Left: 1.4826 median absolute deviation of an object's pixels, of the whole cutout and of its outer eighth alone."
    " Right: median of the outer eighth, which is 0 where the sky is subtracted. Points are medians over objects, bars"
    " hold 68 % of them; objects with padded pixels are left out. Digitised pixels come in steps, and so do a median"
    " and a median absolute deviation of few of them: by up to a third where a step is half the noise."
)


@_style.styled
def draw(data: Exploration) -> Figure:
    """Draw two panels with a place for each band."""
    names, units = short_names(data.file.bands)
    figure = _style.figure(_style.DOUBLE, 2.9, mock=data.mock)
    noise, level = figure.subplots(1, 2)
    measured = data.measured
    _points(noise, measured.noise, -0.12, _style.PALETTE[0], "o", "whole cutout")
    _points(noise, measured.border_noise, 0.12, _style.PALETTE[1], "s", "outer eighth")
    _points(level, measured.level, 0, _style.PALETTE[1], "s", "outer eighth")
    level.axhline(0, color="black", lw=0.6, zorder=0)
    if noise.lines and min(line.get_ydata().min() for line in noise.lines) > 0:
        noise.set_yscale("log")
        noise.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        noise.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        noise.yaxis.set_minor_formatter(NullFormatter())
    noise.set_ylabel(_style.quantity("noise of a pixel", data.units))
    level.set_ylabel(_style.quantity("level of a pixel", data.units))
    if noise.lines:
        noise.legend()
    for axes in (noise, level):
        axes.set_xticks(range(len(names)), names, **_slanted(names))
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_xlabel(_style.quantity("band", units))
    number = np.isfinite(measured.noise).all(axis=1).sum()
    figure.suptitle(f"{data.dataset}: {number:,} object{'' if number == 1 else 's'}", fontsize=8)
    return figure


def _points(axes: Axes, values: np.ndarray, shift: float, colour: str, marker: str, label: str) -> None:
    values = values[np.isfinite(values).all(axis=1)]
    if not len(values):
        return
    low, middle, high = np.percentile(values, [16, 50, 84], axis=0)
    places = np.arange(values.shape[1]) + shift
    axes.vlines(places, low, high, color=colour, lw=1)
    axes.plot(places, middle, marker, color=colour, ms=4, label=label)


def _slanted(names: Sequence[str]) -> dict:
    return {} if max(map(len, names)) <= 2 else {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
