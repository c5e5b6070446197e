"""Losses against epoch of all models, those of the same loss in one panel."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skybake.figures import Comparison, _epochs, _overlay, _panels, _style, loss_curve
from skybake.results import identity

SCOPE = "comparison"
TASKS = ["regression", "classification"]
NEEDS = ["networks"]
TITLE = "Loss against epoch of all models"
CAPTION = (
    "Validation loss against epoch, a line for each seed; pale and thin the training loss. Each loss has a panel of"
    " its own, since losses differ in units (and so do those of labels with another scale, or with a penalty on the"
    " weights); panels and"
    " networks are the best on validation."
)
PANELS = 6


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a panel for each loss, in the order of its best network; a network has one colour in all of them."""
    networks = [(place, row) for place, row in enumerate(data.rows) if _overlay.is_network(row)]
    names = list(dict.fromkeys(_name(row) for _, row in networks))
    looks = {name: _overlay.look(place) for place, name in enumerate(names[: _overlay.MOST])}
    losses: dict[str, list[int]] = {}
    for place, row in networks:
        if _name(row) in looks:
            losses.setdefault(row["loss_curve"], []).append(place)
    shown = dict(list(losses.items())[:PANELS])
    across = min(len(shown), 2)
    down = math.ceil(len(shown) / across)
    width = _style.SINGLE if across == 1 else _style.DOUBLE
    beneath = _overlay.LINE_INCHES * (math.ceil(len(looks) / across) + data.mock)
    figure = _style.figure(width, 0.5 + 2.2 * down + beneath, mock=data.mock)
    panels = _panels.grid(figure, len(shown), across)
    for axes, (loss, places) in zip(panels, shown.items(), strict=True):
        drawn = _epochs.overlay(axes, _lines(data, places, looks), "loss")
        loss_curve.scale(axes, drawn)
        axes.set_title(_style.shortened(loss, _style.COLUMN_CHARACTERS))
        if not drawn.size:
            _style.say(axes, _overlay.NOTHING)
    handles = [Line2D([], [], **look) for look in looks.values()]
    _overlay.legend(figure, handles, [_style.shortened(name, _overlay.NAME) for name in looks], across)
    figure.suptitle(_title(data, len(names), len(losses)), fontsize=8)
    return figure


def _name(row: Mapping[str, Any]) -> str:
    return identity.with_words(row["model"], row["words"])


def _lines(data: Comparison, places: list[int], looks: Mapping[str, Mapping[str, Any]]) -> Iterator[_overlay.Line]:
    for place in places:
        found = data.read(place, predictions=False) if data.read else None
        if found is not None:
            name = _name(data.rows[place])
            yield _overlay.Line(name, found, looks[name])


def _title(data: Comparison, networks: int, losses: int) -> str:
    said = [
        f"the best {most} of {found} {what}"
        for what, found, most in (("networks", networks, _overlay.MOST), ("losses", losses, PANELS))
        if found > most
    ]
    return f"{data.dataset}{': ' if said else ''}{' and '.join(said)}{f' by validation {data.choice}' if said else ''}"
