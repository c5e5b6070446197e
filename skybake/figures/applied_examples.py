"""Images of new objects: any, the most unfamiliar and the least certain ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.applying.outcome import Outcome
from skybake.figures import _panels, _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
TITLE = "Examples"
CAPTION = (
    "New objects taken at random, the least familiar, and the least certain ones (largest standard deviation, lowest"
    " probability of the predicted class, or largest spread over seeds). Under each image what is predicted, and the"
    " object's name. Photographs have their colours; of others the mean of all bands is shown, each object on its own"
    " asinh scale, dark is bright."
)
ACROSS, ROWS = 8, 2
ROW_INCHES = 1.12
NAME = 12  # characters that have room
WORDS = {"std": "\N{PLUS-MINUS SIGN} {:.2g}", "spread": "\N{PLUS-MINUS SIGN} {:.2g}", "probability": "{:.2f}"}
SEED = 0


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw a gallery of each kind that there is."""
    galleries = choose(data, ACROSS * ROWS)
    figure, panels = _panels.galleries(
        {head: len(chosen) for head, chosen in galleries.items()},
        title=f"{data.name}: predicted {_style.quantity(data.label, data.units)}",
        mock=data.mock,
        across=ACROSS,
        row_inches=ROW_INCHES,
        top_inches=0.4,
    )
    for head, chosen in galleries.items():
        _gallery(panels[head], chosen, data)
    return figure


def choose(data: Outcome, most: int) -> dict[str, np.ndarray]:
    """Return head of a gallery -> places of its objects, at most ``most``; the same ones every time."""
    n = len(data)
    any_ones = np.sort(np.random.default_rng(SEED).choice(n, min(most, n), replace=False))
    found = {"at random": any_ones}
    _, doubt = data.doubt()
    for head, values in (("least familiar", data.distance), ("least certain", doubt)):
        known = np.flatnonzero(np.isfinite(values))
        if known.size:
            found[head] = known[np.argsort(-values[known], kind="stable")[:most]]
    return found


def _gallery(panels: Sequence[Axes], chosen: np.ndarray, data: Outcome) -> None:
    file, places = data.file, data.place[chosen]
    for axes, number, place, image in zip(panels, chosen, places, file.images(places), strict=True):
        odd = bool(data.unfamiliar[number])
        colour = _style.PALETTE[1] if odd else "black"
        _panels.tile(axes, image, file.bands, name=str(file.ids[place]), colour=colour, lw=1.0 if odd else 0.4)
        axes.set_xlabel(_said(data, int(number)), fontsize=6.5, labelpad=1.5, color=colour)


def _said(data: Outcome, number: int) -> str:
    """Return what is predicted for an object, and how sure that is."""
    point = data.point[number]
    if not np.isfinite(point):
        return "no number"
    said = _style.shortened(data.classes[int(point)], NAME) if data.classes else f"{point:.4g}"
    name, _ = data.doubt()
    return f"{said} {WORDS[name].format(data.uncertainty[name][number])}" if name in WORDS else said
