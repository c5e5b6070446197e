"""Galleries of test objects with true class, predicted class and probability: right ones, wrong ones, unsure ones."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure, SubFigure

from skybake.evaluation.trained import TOGETHER
from skybake.figures import JudgedRow, _panels, _style

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes", "images")
TITLE = "Galleries"
CAPTION = (
    "Test objects as the first seed judges them: above each its true class, below it the predicted class with its"
    " probability, and the object's name. Right and wrong ones: of each true class about as many, from the surest to"
    " the least sure of that class. Most uncertain: the greatest entropy of the probabilities. Photographs have their"
    " colours; of others the mean of all bands is shown, each object on its own asinh scale, dark is bright."
)
ACROSS, ROWS = 8, 2
HEAD_INCHES, ROW_INCHES = 0.28, 1.15
NAME, ID = 15, 21  # characters that have room


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the three galleries."""
    seed, probabilities = next(iter(data.test)), data.classes()[0]
    if not np.isfinite(probabilities).all():
        figure = _style.figure(_style.DOUBLE, 3.0, mock=data.mock)
        _style.say(figure.subplots(), "some probabilities are not finite numbers")
        return figure
    galleries = choose(data.true, probabilities, ACROSS * ROWS)
    rows = [max(1, -(-len(chosen) // ACROSS)) for chosen in galleries.values()]
    figure = _style.figure(
        _style.DOUBLE, 0.5 + sum(HEAD_INCHES + ROW_INCHES * number for number in rows), mock=data.mock
    )
    of_seed = "" if seed == TOGETHER else f", seed {seed}"
    figure.suptitle(f"{_style.competitor(data.model, data.loss)}{of_seed}", fontsize=8)
    parts = figure.subfigures(
        len(galleries), 1, squeeze=False, height_ratios=[HEAD_INCHES + ROW_INCHES * number for number in rows]
    )
    for part, (head, chosen), number in zip(parts[:, 0], galleries.items(), rows, strict=True):
        _gallery(part, head, chosen, number, data, probabilities)
    return figure


def choose(true: np.ndarray, probabilities: np.ndarray, most: int) -> dict[str, np.ndarray]:
    """Return head of a gallery -> places of its objects, at most ``most``.

    Args:
        true: (n,) class numbers.
        probabilities: (n, K).
        most: Of each gallery.
    """
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    right = predicted == true
    logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
    entropy = -(probabilities * logs).sum(axis=1)
    found = {
        "right": _of_each_class(np.flatnonzero(right), true, confidence, most),
        "wrong": _of_each_class(np.flatnonzero(~right), true, confidence, most),
        "most uncertain": np.argsort(-entropy, kind="stable")[:most],
    }
    share = f"{right.sum()} of {len(true)}"
    heads = {"right": f"right: {share}", "wrong": f"wrong: {len(true) - right.sum()} of {len(true)}"}
    return {heads.get(name, name): chosen for name, chosen in found.items()}


def _of_each_class(places: np.ndarray, true: np.ndarray, confidence: np.ndarray, most: int) -> np.ndarray:
    """Return some of the places, class by class, of each from the surest to the least sure at equal steps of rank."""
    kinds, counts = np.unique(true[places], return_counts=True)
    kept = _even(np.arange(len(kinds)), most)
    kinds, counts = kinds[kept], counts[kept]
    slots = np.zeros(len(kinds), dtype=int)
    while slots.sum() < min(most, counts.sum()):  # one more for each class that has one, until there is no room
        for kind in np.flatnonzero(slots < counts)[: most - slots.sum()]:
            slots[kind] += 1
    chosen = []
    for kind, number in zip(kinds, slots, strict=True):
        mine = places[true[places] == kind]
        chosen.append(_even(mine[np.argsort(-confidence[mine], kind="stable")], number))
    return np.concatenate(chosen) if chosen else np.empty(0, dtype=int)


def _even(items: np.ndarray, most: int) -> np.ndarray:
    """Return at most ``most`` of the items at equal steps, the first and the last among them."""
    if len(items) <= most:
        return items
    return items[np.round(np.linspace(0, len(items) - 1, most)).astype(int)]


def _gallery(
    part: SubFigure, head: str, chosen: np.ndarray, rows: int, data: JudgedRow, probabilities: np.ndarray
) -> None:
    part.suptitle(head, fontsize=8, x=0.01, ha="left", weight="bold")
    panels = part.subplots(rows, ACROSS, squeeze=False).ravel()
    for axes in panels[len(chosen) :]:
        axes.set_axis_off()
    if not len(chosen):
        panels[0].text(0, 0.5, "none", color=_style.GREY, transform=panels[0].transAxes)
        return
    names, ids, true = data.class_names, data.ids, data.true.astype(int)
    for axes, place, image in zip(panels, chosen, data.images(chosen), strict=False):
        _panels.view(axes, image, data.bands)
        axes.set_xticks([])
        axes.set_yticks([])
        predicted = int(probabilities[place].argmax())
        axes.set_title(_style.shortened(names[true[place]], NAME), fontsize=6.5, pad=2)
        said = f"{_style.shortened(names[predicted], NAME - 5)} {probabilities[place, predicted]:.2f}"
        colour = _style.PALETTE[0] if predicted == true[place] else _style.PALETTE[1]
        axes.set_xlabel(said, fontsize=6.5, labelpad=1.5, color=colour)
        axes.text(
            *(0.5, -0.19),
            _style.shortened(str(ids[place]), ID),
            ha="center",
            va="top",
            fontsize=4.5,
            color=_style.GREY,
            transform=axes.transAxes,
        )
        for spine in axes.spines.values():
            spine.set(color=colour, lw=1.0)
