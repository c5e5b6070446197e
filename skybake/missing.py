"""The one answer to "is it known?", of labels and scalars: as numbers, and as text in a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

MAGIC = -9999.0  # astroNN's mark for a missing label
MOST_REDSHIFT = 20.0  # of anything seen in light; 99 is a mark, and more a velocity in km/s
BEYOND_MAGNITUDES = 90.0  # the Sun has -27, the faintest galaxies 35
MAGNITUDES = ("magnitude", "dereddened_magnitude")  # kinds of columns
LARGEST = 1e18  # of a pixel, label or scalar: the square of a larger one is near the end of float32

# As csv, SQL, pandas, astropy, TOPCAT and IRAF write it; any run of hyphens, dashes or dots, and Excel's errors.
_MARK = re.compile(
    r"|[-–—]+|\.+|…|_+|\?+|\*+|\\n|[+-]?nan|nat|-?1\.#(ind|qnan)|#?n[./]?a\.?|#(null|num|div/0|value|ref)!|<na>|none"
    r"|[(<\[]?null[)>\]]?|masked|indef",
    re.IGNORECASE,
)


def present(values: Any, ops: Any = np, magic: Any = MAGIC) -> Any:
    """Return where numbers are known: neither -9999 nor NaN nor infinite. Of their shape, bool.

    Args:
        values: Labels or scalars, of any shape.
        ops: The functions of arrays: numpy's, or ``keras.ops`` for those of a network.
        magic: -9999 as it is in the precision of these numbers, where that is not theirs already.
    """
    return ops.logical_and(ops.isfinite(values), ops.not_equal(values, magic))


def listed(values: np.ndarray, marks: Sequence[float]) -> np.ndarray:
    """Return where numbers are one of some marks of a missing value, to the precision of float32. Of their shape, bool.

    Args:
        values: Of any shape.
        marks: Those that stand for a missing value beside what :func:`present` knows: -99, -999.
    """
    with np.errstate(over="ignore"):
        return np.isin(np.asarray(values, dtype=np.float32), np.asarray(marks, dtype=np.float32))


def no_magnitude(values: np.ndarray) -> np.ndarray:
    """Return where numbers (N,) stand for a missing magnitude: 99, -99, 99.99, 999, as SExtractor and archives write.

    Those that :func:`present` knows are not among them.
    """
    return present(values) & (np.abs(values) >= BEYOND_MAGNITUDES)


def known(values: Any, kind: str, ops: Any = np) -> Any:
    """Return where scalars are known and their kind can have them: no magnitude of 99, no redshift of 99.

    This is what ingest keeps of a scalar, so that other numbers are missing for a network at work as they were for the
    one in training.

    Args:
        values: Of any shape.
        kind: Of the column.
        ops: The functions of arrays: numpy's, or ``keras.ops``.
    """
    found = ops.logical_and(present(values, ops), ops.less_equal(ops.absolute(values), LARGEST))
    if kind in MAGNITUDES:
        found = ops.logical_and(found, ops.less(ops.absolute(values), BEYOND_MAGNITUDES))
    elif kind == "redshift":
        found = ops.logical_and(
            found, ops.logical_and(ops.greater(values, -1.0), ops.less_equal(values, MOST_REDSHIFT))
        )
    return found


def is_mark(text: str) -> bool:
    r"""Tell whether a text stands where there is no value: empty, ``nan``, ``null``, ``--``, ``\N``, ``<NA>``, ..."""
    return _MARK.fullmatch(text.strip()) is not None
