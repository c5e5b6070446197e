"""Sizes of groups, whose objects must stay on one side of a split."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.data import exploration
from skybake.figures import _style

SCOPE = "explore"
TASKS = ["regression", "classification"]
TITLE = "Groups"
CAPTION = (
    "How many groups have how many objects. Objects of a group (the same object, sky position or field) must not be on"
    " both sides of a split: few or large groups make a split by group coarse."
)
BARS = 40


@_style.styled
def draw(data: exploration.Exploration) -> Figure:
    """Draw a histogram of group sizes."""
    sizes = exploration.group_sizes(data.file)
    figure = _style.figure(_style.SINGLE, 2.2, mock=data.mock)
    axes = figure.subplots()
    low, high = int(sizes.min()), int(sizes.max())
    step = -(-(high - low + 1) // BARS)
    edges = np.arange(low, high + step + 1, step) - 0.5
    axes.hist(sizes, edges.tolist(), color=_style.PALE, ec="white", lw=0.4)
    number = "1 group" if len(sizes) == 1 else f"{len(sizes):,} groups"
    axes.set_title(f"{data.dataset}: {number}, the largest of {high:,}")
    if high == low:
        axes.set_xlim(low - 3, low + 3)
    axes.set(xlabel="objects in a group", ylabel="groups")
    axes.locator_params(integer=True)
    return figure
