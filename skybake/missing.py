"""The one answer to "is it known?", of labels and scalars."""

from __future__ import annotations

from typing import Any

import numpy as np

MAGIC = -9999.0  # astroNN's mark for a missing label


def present(values: Any, ops: Any = np, magic: Any = MAGIC) -> Any:
    """Return where numbers are known: neither -9999 nor NaN nor infinite. Of their shape, bool.

    Args:
        values: Labels or scalars, of any shape.
        ops: The functions of arrays: numpy's, or ``keras.ops`` for those of a network.
        magic: -9999 as it is in the precision of these numbers, where that is not theirs already.
    """
    return ops.logical_and(ops.isfinite(values), ops.not_equal(values, magic))
