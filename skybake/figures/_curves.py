"""Curves of a classification's trade-offs, a class against the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style

Curve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]
MOST = len(_style.PALETTE)  # classes with a colour and a name
NAME = 20  # characters of a class in the legend


def figure(data: JudgedRow, curve: Curve, area: str, finish: Callable[[Axes], None]) -> Figure:
    """Draw a curve for the second of two classes, with one of each seed, or for each of more classes.

    Args:
        data: The run.
        curve: (member (m,), probability (m,)) -> x, y and the area.
        area: Its name.
        finish: Labels the axes, and draws what the curves are to be held against.
    """
    made = _style.figure(_style.SINGLE, 3.1, mock=data.mock)
    axes = made.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    classes = data.classes()
    if not np.isfinite(classes).all():
        _style.say(axes, "some probabilities are not finite numbers")
        return made
    kinds = list(_kinds(data.true, classes))
    if not kinds:
        _style.say(axes, "all objects are of one class")
        return made
    for place, (kind, member, probability) in enumerate(kinds):
        if classes.shape[-1] == 2 and len(classes) > 1:
            for one in classes:
                x, y, _ = curve(data.true == 1, one[:, 1])
                axes.plot(x, y, color=_style.PALETTE[0], lw=0.5, alpha=0.4)
        x, y, value = curve(member, probability)
        named = place < MOST
        colour = _style.PALETTE[place] if named else _style.GREY
        name = _style.shortened(data.class_names[kind], NAME)
        name = f"class {name}" if name.isdecimal() else name
        label = f"{name}: {area} {value:.3f}" if named else ("other classes" if place == MOST else None)
        axes.plot(x, y, color=colour, label=label, lw=1.2 if named else 0.6)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    finish(axes)
    axes.legend(loc="best", handlelength=1.4, frameon=True, framealpha=0.85, edgecolor="none")
    return made


def _kinds(true: np.ndarray, classes: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield class, membership and probability (S n,) of all seeds; classes without an object are left out."""
    count = classes.shape[-1]
    for kind in [1] if count == 2 else range(count):
        member = np.tile(true == kind, len(classes))
        if member.any() and not member.all():
            yield kind, member, classes[..., kind].ravel()
