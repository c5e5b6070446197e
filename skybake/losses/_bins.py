"""Bins of a label: their edges, and which one a label falls into."""

from collections.abc import Sequence

import numpy as np
from keras import ops

from skybake.losses._numbers import HUGE, limited, working
from skybake.losses._rows import labels, rows


def edges_of(
    edges: Sequence[float] | None, count: int, low: float | None, high: float | None, spacing: str
) -> np.ndarray:
    """Return the edges (B + 1,) that a loss was given, or uniform ones.

    Raises:
        ValueError: They cannot be known without training labels, or do not ascend.
    """
    given: Sequence[float] | np.ndarray
    if edges is not None:
        given = edges
    elif low is not None and high is not None and spacing == "uniform":
        given = np.linspace(low, high, count + 1)
    else:
        raise ValueError(
            f"bins with low {low}, high {high} and spacing {spacing!r} need training labels. Hint: give 'low' and"
            " 'high', or 'edges'; in a bake-off the head sets them"
        )
    found = np.asarray(given, dtype=np.float32)
    if found.ndim != 1 or len(found) < 3 or not (np.diff(found) > 0).all():
        raise ValueError(f"edges: {list(given)} found; expected at least three ascending numbers")
    return found


def binned(y_true, y_pred, edges: np.ndarray):
    """Return labels (batch, 1), where they are known, their bins and the logits of the bins.

    Returns:
        Labels, known: (batch, 1). Bin numbers: (batch, 1), as floats; a label outside the range is in the nearest bin.
        Logits: (batch, B).

    Raises:
        ValueError: The number of outputs is not that of the bins, or an object has several labels.
    """
    values, known = labels(y_true)
    logits = limited(working(rows(y_pred)), HUGE)
    if values.shape[-1] != 1 or logits.shape[-1] != len(edges) - 1:
        raise ValueError(
            f"{values.shape[-1]} labels and {logits.shape[-1]} outputs found; expected one label and"
            f" {len(edges) - 1} outputs, one for each bin"
        )
    above = ops.cast(values >= ops.convert_to_tensor(edges[None, 1:-1], dtype=values.dtype), logits.dtype)
    return values, known, ops.sum(above, axis=-1, keepdims=True), logits
