"""How often conformal intervals and sets of classes hold the truth, and how large they are.

They are calibrated on the validation part (:mod:`skybake.evaluation.conformal`), for 68 and 95 % of the objects.
"""

from __future__ import annotations

import numpy as np

from skybake.metrics import metric

L68, L95 = 0, 1  # places of the levels


def inside(label: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Return 1 where a label (n,) lies in its interval (n, 2), else 0."""
    return ((label >= intervals[:, 0]) & (label <= intervals[:, 1])).astype(np.float64)


def width(intervals: np.ndarray) -> np.ndarray:
    """Return the widths (n,) of intervals (n, 2), 0 of an empty one."""
    return np.maximum(intervals[:, 1] - intervals[:, 0], 0)


def among(label: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return 1 where a class (n,) is in its set (n, K), else 0."""
    return sets[np.arange(len(label)), np.asarray(label, dtype=np.int64)].astype(np.float64)


@metric(
    of="intervals",
    head="Conformal coverage 68 [%]",
    said="labels inside the conformal 68 % interval, calibrated on the validation part",
    shown="nowhere",
    order=130,
    form="percent",
    interval=True,
    kind="fraction",
)
def conformal_coverage_68(label: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Return 1 where a label (n,) lies in its 68 % interval, of (n, 2, 2), else 0."""
    return inside(label, intervals[:, L68])


@metric(
    of="intervals",
    head="Conformal coverage [%]",
    said="labels inside the conformal 95 % interval, calibrated on the validation part",
    order=131,
    form="percent",
    interval=True,
    kind="fraction",
)
def conformal_coverage_95(label: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Return 1 where a label (n,) lies in its 95 % interval, of (n, 2, 2), else 0."""
    return inside(label, intervals[:, L95])


@metric(
    of="intervals",
    head="Conformal width 68",
    said="mean width of the conformal 68 % interval, in units of the label",
    shown="nowhere",
    order=132,
    decimals_of="std_error",
)
def conformal_width_68(label: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Return the width (n,) of the 68 % interval, of (n, 2, 2), in units of the label."""
    return width(intervals[:, L68])


@metric(
    of="intervals",
    head="Conformal width",
    said="mean width of the conformal 95 % interval, in units of the label",
    order=133,
    decimals_of="std_error",
)
def conformal_width_95(label: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Return the width (n,) of the 95 % interval, of (n, 2, 2), in units of the label."""
    return width(intervals[:, L95])


@metric(
    of="sets",
    head="Set coverage 68 [%]",
    said="classes that are in the conformal 68 % set, calibrated on the validation part",
    shown="nowhere",
    order=230,
    form="percent",
    interval=True,
    kind="fraction",
)
def set_coverage_68(label: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return 1 where a class (n,) is in its 68 % set, of (n, 2, K), else 0."""
    return among(label, sets[:, L68])


@metric(
    of="sets",
    head="Set coverage [%]",
    said="classes that are in the conformal 95 % set, calibrated on the validation part",
    order=231,
    form="percent",
    interval=True,
    kind="fraction",
)
def set_coverage_95(label: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return 1 where a class (n,) is in its 95 % set, of (n, 2, K), else 0."""
    return among(label, sets[:, L95])


@metric(
    of="sets",
    head="Set size 68",
    said="mean number of classes in the conformal 68 % set",
    shown="nowhere",
    order=232,
    form="brief",
)
def set_size_68(label: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return the number (n,) of classes in the 68 % set, of (n, 2, K)."""
    return sets[:, L68].sum(axis=-1).astype(np.float64)


@metric(
    of="sets",
    head="Set size",
    said="mean number of classes in the conformal 95 % set",
    order=233,
    form="brief",
)
def set_size_95(label: np.ndarray, sets: np.ndarray) -> np.ndarray:
    """Return the number (n,) of classes in the 95 % set, of (n, 2, K)."""
    return sets[:, L95].sum(axis=-1).astype(np.float64)
