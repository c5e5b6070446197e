"""Curves of a classification's trade-offs, a class against the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.figures import Comparison, JudgedRow, _overlay, _style

Curve = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray, float]]
MOST = len(_style.PALETTE)  # classes with a colour and a name
NAME = 20  # characters of a class in the legend
SHARED = np.linspace(0, 1, 501)  # places at which curves of several classes are averaged


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
    judged = list(kinds(data.true, classes))
    if not judged:
        _style.say(axes, "all objects are of one class")
        return made
    for place, (kind, member, probability) in enumerate(judged):
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


def kinds(true: np.ndarray, classes: np.ndarray) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
    """Yield class, membership and probability (S n,) of all seeds; classes without an object are left out."""
    count = classes.shape[-1]
    for kind in [1] if count == 2 else range(count):
        member = np.tile(true == kind, len(classes))
        if member.any() and not member.all():
            yield kind, member, classes[..., kind].ravel()


def overlaid(
    data: Comparison,
    curve: Curve,
    at: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    area: tuple[str, str],
    finish: Callable[[Axes], None],
) -> Figure:
    """Draw a curve for each of the best rows: of the second of two classes, or the mean over more classes.

    Args:
        data: The comparison.
        curve: As of :func:`figure`.
        at: (x, y, places) -> a curve's y at other places of x.
        area: Its name, and the metric that it is.
        finish: As of :func:`figure`.
    """
    made, (axes,) = _overlay.panels(data, 3.1)
    for line in _overlay.lines(data):
        x, y = _mean_curve(line.data, curve, at)
        axes.plot(x, y, label=line.told(*area), lw=1.1, **line.look)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    finish(axes)
    _overlay.finish(made, axes)
    return made


def _mean_curve(data: JudgedRow, curve: Curve, at: Callable) -> tuple[np.ndarray, np.ndarray]:
    """Return the curve of the only class that is judged, or the mean over classes at the same x."""
    curves = [curve(member, probability)[:2] for _, member, probability in kinds(data.true, data.classes())]
    if len(curves) == 1:
        return curves[0]
    if not curves:
        return np.empty(0), np.empty(0)
    return SHARED, np.mean([at(x, y, SHARED) for x, y in curves], axis=0)
