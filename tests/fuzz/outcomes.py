"""The two outcomes that are allowed: what is right, or an error of ours that names the file, row or key."""

from contextlib import contextmanager

import numpy as np
from hypothesis import strategies as st

from skybake.data.columns import DatasetError
from skybake.raw import RawError

MARKS = ["", "--", "---", r"\N", "<NA>", "null", "NaN", "N/A", "masked", " "]


@contextmanager
def right_or_refused(folder, tried):
    """Count an input that is read and one that is refused; any other error is a fault of ours, and passes through."""
    try:
        yield
    except (RawError, DatasetError) as error:
        text = str(error)
        assert str(folder) in text or "row " in text or "option " in text, text
        assert len(text) < 5000, text
        tried("refused")
    else:
        tried("read")


@st.composite
def damage(draw):
    """Return a function of bytes that cuts them off, overwrites a part or swaps one for another."""
    kind = draw(st.sampled_from(["cut", "overwrite", "flip", "insert"]))
    place, content = draw(st.floats(0, 1)), draw(st.binary(min_size=1, max_size=40))

    def damaged(data: bytes) -> bytes:
        k = int(place * len(data))
        if kind == "cut":
            return data[:k]
        if kind == "flip":
            return data[:k] + bytes(byte ^ content[0] for byte in data[k : k + 1]) + data[k + 1 :]
        return data[:k] + content + data[k + (len(content) if kind == "overwrite" else 0) :]

    return damaged


def equal(one, other):
    """Tell whether numbers are the same, or both unknown."""
    return np.array_equal(np.asarray(one, dtype=float), np.asarray(other, dtype=float), equal_nan=True)
