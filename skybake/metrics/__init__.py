"""Metrics in numpy, one file per family; none imports a deep-learning framework."""

from __future__ import annotations

from dataclasses import dataclass

FRACTION, SCALE, OTHER = "fraction", "scale", "other"
"""Kinds of metrics, which decide how an interval is made: a share of objects; a positive number, as a width or a mean
of positive scores; every other one."""


@dataclass(frozen=True)
class Measured:
    """A metric and what it rests on.

    Attributes:
        value: In the units of the error it is made of; NaN where it is not defined.
        n: How many errors were used; objects without a label are left out.
    """

    value: float
    n: int
