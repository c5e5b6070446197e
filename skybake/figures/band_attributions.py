"""What each band adds to a prediction: integrated gradients, summed over the pixels of a band."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.figures import _style
from skybake.results.attributions import Attributions

SCOPE = "inside"
TASKS = ["regression", "classification"]
NEEDS = ("band_shares",)
TITLE = "What each band adds"
CAPTION = (
    "Sum over all pixels of a band of the integrated gradients of test objects (thin lines), and their median: the"
    " band's share in the number less that of a blank image, in which each band has its own median everywhere."
)
NAME = 16  # characters


@_style.styled
def draw(data: Attributions) -> Figure:
    """Draw a line for each object."""
    shares = data.array("integrated_gradients").astype(np.float64).sum(axis=(1, 2))
    figure = _style.figure(_style.SINGLE, 2.8, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(f"{_style.title(data.model, data.loss)}\nseed {data.seed}: {data.quantity}")
    places = np.arange(len(data.bands))
    axes.axhline(0, color="black", lw=0.6)
    for number, line in enumerate(shares):
        label = f"{len(shares)} object{'s' if len(shares) > 1 else ''}" if number == 0 else None
        axes.plot(places, line, "o-", color="#8fbcdb", lw=0.6, ms=2, label=label)
    axes.plot(places, np.median(shares, axis=0), "o-", color=_style.PALETTE[1], ms=4, label="median")
    names = [_style.shortened(name, NAME) for name in data.bands]
    steep = max(map(len, names)) * len(names) > 36
    axes.set_xticks(places, names, rotation=90 if steep else 0)
    axes.set(xlabel="band", xlim=(-0.4, len(places) - 0.6))
    axes.set_ylabel(_style.quantity("share of the band", "" if data.classes else data.units))
    axes.legend()
    return figure
