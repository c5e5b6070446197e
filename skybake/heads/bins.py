"""Probabilities of bins of the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from skybake.heads._numbers import floats, softmax
from skybake.results.predictions import Prediction

MARGIN = 0.05  # of the range of the training labels, on either side of bins that are made for it


@dataclass(frozen=True)
class Bins:
    """Logits of the probabilities of bins.

    Attributes:
        edges: (B + 1,) of the bins.
    """

    activation: ClassVar[None] = None
    edges: tuple[float, ...] = (0.0, 0.5, 1.0)
    bias: tuple[float, ...] = (0.0, 0.0)

    @property
    def width(self) -> int:
        """One output a bin."""
        return len(self.edges) - 1

    @property
    def loss_parameters(self) -> dict[str, Any]:
        """The edges."""
        return {"edges": list(self.edges)}

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        count: int,
        low: float | None = None,
        high: float | None = None,
        spacing: str = "uniform",
        edges: Sequence[float] | None = None,
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> Bins:
        """Start at the frequencies of the labels.

        Args:
            labels: (N,) in the network's units.
            count: Number of bins; fewer with ``equal_population`` where labels repeat.
            low, high: Ends of the first and last bin, in the label's units; by default the range of the labels and 5 %
                more on either side.
            spacing: ``"uniform"`` or ``"equal_population"``.
            edges: Instead of all these, the edges, in the label's units.
            scale, shift: A label in its own units is ``scale * label + shift``.

        Raises:
            ValueError: A parameter makes no sense, or there are not two bins.
        """
        if low is not None and high is not None and not low < high:
            raise ValueError(f"low: {low:g} and high: {high:g} found; expected low < high")
        if edges is not None:
            found = (np.asarray(edges, dtype=np.float64) - shift) / scale
            if found.ndim != 1:
                raise ValueError(f"edges: {edges} found; expected a list of numbers")
        else:
            margin = MARGIN * np.ptp(labels) or 1.0
            ends = (
                labels.min() - margin if low is None else (low - shift) / scale,
                labels.max() + margin if high is None else (high - shift) / scale,
            )
            found = _edges(labels, count, *ends, spacing)
        if len(found) < 3 or not (np.diff(found) > 0).all():
            shown = np.round(scale * found + shift, 6).tolist()
            raise ValueError(f"bins with edges {shown} found; expected at least three ascending numbers")
        if labels.max() < found[0] or labels.min() > found[-1]:
            shown = [f"{scale * end + shift:g}" for end in (found[0], found[-1], labels.min(), labels.max())]
            raise ValueError("bins from {} to {} found; the training labels lie from {} to {}".format(*shown))
        held = np.histogram(np.clip(labels, found[0], found[-1]), found)[0]
        return cls(edges=floats(found), bias=floats(np.log((held + 1) / (held.sum() + held.size))))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of the bins, the mean and the standard deviation; within a bin all is even."""
        edges, probabilities = np.asarray(self.edges), softmax(outputs)
        centres = 0.5 * (edges[1:] + edges[:-1])
        mean = probabilities @ centres
        variance = (probabilities * ((centres - mean[:, None]) ** 2 + np.diff(edges) ** 2 / 12)).sum(axis=1)
        return Prediction(point=mean, std=np.sqrt(variance), probabilities=probabilities, edges=edges)

    def symbolic(self, outputs: Any) -> dict[str, Any]:
        """Return what :meth:`prediction` does, in ``keras.ops``."""
        from keras import ops

        edges, probabilities = np.asarray(self.edges), ops.softmax(outputs, axis=1)
        centres, widths = (0.5 * (edges[1:] + edges[:-1])).astype(np.float32), np.diff(edges).astype(np.float32)
        mean = ops.sum(ops.multiply(probabilities, centres), axis=1)
        within = ops.add(ops.square(ops.subtract(mean[:, None], centres)), widths**2 / 12)
        std = ops.sqrt(ops.sum(probabilities * within, axis=1))
        return {"point": mean, "std": std, "probabilities": probabilities, "edges": edges}

    def explained(self, outputs: Any, kind: int) -> Any:
        """Return the mean (n,)."""
        from keras import ops

        edges = np.asarray(self.edges)
        return ops.sum(ops.softmax(outputs, axis=1) * (0.5 * (edges[1:] + edges[:-1])).astype(np.float32), axis=1)


def _edges(labels: np.ndarray, count: int, low: float, high: float, spacing: str) -> np.ndarray:
    if not low < high:
        raise ValueError(f"low and high: {low} and {high} found (in the network's units); expected low < high")
    if spacing == "uniform":
        return np.linspace(low, high, count + 1)
    inside = labels[(labels > low) & (labels < high)]
    if not inside.size:
        raise ValueError("no training label lies between low and high")
    inner = np.quantile(inside, np.arange(1, count) / count)
    return np.unique([low, *inner, high])  # equal labels make equal edges, so empty bins: fewer bins instead
