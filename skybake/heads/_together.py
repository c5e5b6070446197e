"""Heads of several labels, side by side in the last layer of one network."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from skybake.heads._head import Head


@dataclass(frozen=True)
class Together:
    """The heads of all labels of a network: the outputs of the first, then those of the second, and so on.

    Attributes:
        each: In the order of the labels; of one kind, each fitted to its own label.
    """

    each: tuple[Head, ...]

    @property
    def width(self) -> int:
        """Number of outputs of all of them."""
        return sum(head.width for head in self.each)

    @property
    def activation(self) -> str | None:
        """Of the last layer."""
        return self.each[0].activation

    @property
    def bias(self) -> tuple[float, ...]:
        """(width,) initial bias."""
        return tuple(value for head in self.each for value in head.bias)

    @property
    def places(self) -> list[slice]:
        """Where the outputs of each head are."""
        ends = np.cumsum([0, *(head.width for head in self.each)]).tolist()
        return [slice(start, end) for start, end in itertools.pairwise(ends)]
