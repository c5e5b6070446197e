"""The one answer to "is it known?", of labels and scalars: as numbers, and as text in a table."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

MAGIC = -9999.0  # astroNN's mark for a missing label
MOST_REDSHIFT = 20.0  # of anything seen in light; 99 is a mark, and more a velocity in km/s
BEYOND_MAGNITUDES = 90.0  # the Sun has -27, the faintest galaxies 35

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


def no_magnitude(values: np.ndarray) -> np.ndarray:
    """Return where numbers (N,) stand for a missing magnitude: 99, -99, 99.99, 999, as SExtractor and archives write.

    Those that :func:`present` knows are not among them.
    """
    return present(values) & (np.abs(values) >= BEYOND_MAGNITUDES)


def is_mark(text: str) -> bool:
    r"""Tell whether a text stands where there is no value: empty, ``nan``, ``null``, ``--``, ``\N``, ``<NA>``, ..."""
    return _MARK.fullmatch(text.strip()) is not None
