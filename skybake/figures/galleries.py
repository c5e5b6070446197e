"""Galleries of test objects with true class, predicted class and probability: right ones, wrong ones, unsure ones."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

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
NAME = 15  # characters that have room


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the three galleries."""
    seed, probabilities = next(iter(data.test)), data.classes()[0]
    if not np.isfinite(probabilities).all():
        figure = _style.figure(_style.DOUBLE, 3.0, mock=data.mock)
        _style.say(figure.subplots(), "some probabilities are not finite numbers")
        return figure
    galleries = choose(data.true, probabilities, ACROSS * ROWS)
    of_seed = "" if seed == TOGETHER else f", seed {seed}"
    figure, panels = _panels.galleries(
        {head: len(chosen) for head, chosen in galleries.items()},
        title=f"{_style.competitor(data.model, data.loss)}{of_seed}",
        mock=data.mock,
        across=ACROSS,
    )
    for head, chosen in galleries.items():
        _gallery(panels[head], chosen, data, probabilities)
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


def _gallery(panels: Sequence[Axes], chosen: np.ndarray, data: JudgedRow, probabilities: np.ndarray) -> None:
    names, ids, true = data.class_names, data.ids, data.true.astype(int)
    if not len(chosen):
        return
    for axes, place, image in zip(panels, chosen, data.images(chosen), strict=True):
        predicted = int(probabilities[place].argmax())
        colour = _style.PALETTE[0] if predicted == true[place] else _style.PALETTE[1]
        _panels.tile(axes, image, data.bands, name=str(ids[place]), colour=colour)
        axes.set_title(_style.shortened(names[true[place]], NAME), fontsize=6.5, pad=2)
        said = f"{_style.shortened(names[predicted], NAME - 5)} {probabilities[place, predicted]:.2f}"
        axes.set_xlabel(said, fontsize=6.5, labelpad=1.5, color=colour)
