"""What a row of the comparison is: its place on six axes, which no other row shares.

``dataset``, ``split`` (``group-40``: strategy and seed), ``training`` (the bake-off whose settings it was trained
with), ``model``, ``loss`` and ``prediction`` (``seeds``: what the trained networks predict, all seeds pooled;
``ensemble``: the mean of what they predict; ``mc_dropout``: the mean of what each predicts with dropout). Paths leave
out what is ordinary; ``comparison.csv`` and ``chosen.json`` hold all six.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

AXES = ("dataset", "split", "training", "model", "loss", "prediction")
SEEDS = "seeds"  # the ordinary prediction
ENSEMBLE = "ensemble"  # the mean of all seeds
DROPOUT = "mc_dropout"  # of each seed the mean of passes with dropout
MEANS = (ENSEMBLE, DROPOUT)  # of what was trained already
FOLD = "fold-"  # before the number of a fold: mse@fold-1 trains one part of the row mse
MARK = "@"  # before what is not ordinary, in the name of a folder: mse@longer
_LEFT_OUT = ("split", "training", "prediction")  # axes that an ordinary row's name leaves out


def of(row: Any) -> dict[str, str]:
    """Return axis -> place of a row, whose attributes are named as the axes."""
    return {axis: getattr(row, axis) for axis in AXES}


def told_apart(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return, for each row, the words that tell it from rows with the same dataset, model and loss; mostly none.

    Args:
        rows: Axis -> place, of all rows that stand together.
    """
    places = [(row["dataset"], row["model"], row["loss"]) for row in rows]
    twice = {place for place, count in Counter(places).items() if count > 1}
    found = []
    for place, row in zip(places, rows, strict=True):
        others = [other for other, where in zip(rows, places, strict=True) if where == place]
        differing = [axis for axis in _LEFT_OUT if len({other[axis] for other in others}) > 1]
        found.append(", ".join(str(row[axis]) for axis in differing) if place in twice else "")
    return found


def with_words(name: str, words: str) -> str:
    """Return a name with the words behind it that tell it apart: ``"mse (longer)"``."""
    return f"{name} ({words})" if words else name
