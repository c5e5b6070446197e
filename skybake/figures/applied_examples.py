"""Images of new objects: any, the most unfamiliar and the least certain ones."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure, SubFigure

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
HEAD_INCHES, ROW_INCHES = 0.28, 1.12
NAME, ID = 12, 21  # characters that have room
WORDS = {"std": "\N{PLUS-MINUS SIGN} {:.2g}", "spread": "\N{PLUS-MINUS SIGN} {:.2g}", "probability": "{:.2f}"}
SEED = 0


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw a gallery of each kind that there is."""
    galleries = choose(data, ACROSS * ROWS)
    rows = [-(-len(chosen) // ACROSS) for chosen in galleries.values()]
    heights = [HEAD_INCHES + ROW_INCHES * number for number in rows]
    figure = _style.figure(_style.DOUBLE, 0.4 + sum(heights), mock=data.mock)
    figure.suptitle(f"{data.name}: predicted {_style.quantity(data.label, data.units)}", fontsize=8)
    parts = figure.subfigures(len(galleries), 1, squeeze=False, height_ratios=heights)
    for part, (head, chosen), number in zip(parts[:, 0], galleries.items(), rows, strict=True):
        _gallery(part, head, chosen, number, data)
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


def _gallery(part: SubFigure, head: str, chosen: np.ndarray, rows: int, data: Outcome) -> None:
    part.suptitle(head, fontsize=8, x=0.01, ha="left", weight="bold")
    panels = part.subplots(rows, ACROSS, squeeze=False).ravel()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    file, places = data.file, data.place[chosen]
    for axes, number, place, image in zip(panels, chosen, places, file.images(places), strict=False):
        if np.isfinite(image).all():
            _panels.view(axes, image, file.bands)
        else:
            axes.text(0.5, 0.5, "not finite", ha="center", va="center", fontsize=6, transform=axes.transAxes)
        axes.set_xticks([])
        axes.set_yticks([])
        odd = bool(data.unfamiliar[number])
        colour = _style.PALETTE[1] if odd else "black"
        axes.set_xlabel(_said(data, int(number)), fontsize=6.5, labelpad=1.5, color=colour)
        axes.text(
            *(0.5, -0.19),
            _style.shortened(str(file.ids[place]), ID),
            ha="center",
            va="top",
            fontsize=4.5,
            color=_style.GREY,
            transform=axes.transAxes,
        )
        for spine in axes.spines.values():
            spine.set(color=colour, lw=1.0 if odd else 0.4)


def _said(data: Outcome, number: int) -> str:
    """Return what is predicted for an object, and how sure that is."""
    point = data.point[number]
    if not np.isfinite(point):
        return "no number"
    said = _style.shortened(data.classes[int(point)], NAME) if data.classes else f"{point:.4g}"
    name, _ = data.doubt()
    return f"{said} {WORDS[name].format(data.uncertainty[name][number])}" if name in WORDS else said
