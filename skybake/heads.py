"""Heads: where a model and a loss meet.

A head knows the last layer (width, initial bias) and turns its raw outputs into a :class:`Prediction`. A loss names
its head; any model's features go into any head. Outputs and labels here are in the units that the network is trained
in; :meth:`Prediction.rescaled` brings predictions back to the label's.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from skybake.predictions import Prediction


class Head(Protocol):
    """What every head can do."""

    width: int

    def bias(self, labels: np.ndarray) -> np.ndarray:
        """Return the initial bias (width,) for training labels (N,), missing ones left out."""

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Turn raw outputs (N, width) into predictions."""


class Point:
    """One number: the label itself."""

    width = 1

    def bias(self, labels: np.ndarray) -> np.ndarray:
        """Return the mean label."""
        return np.array([labels.mean()])

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the output as the point estimate."""
        return Prediction(point=outputs[:, 0])


class Gaussian:
    """Mean and log-variance of a Gaussian."""

    width = 2

    def bias(self, labels: np.ndarray) -> np.ndarray:
        """Return mean and log-variance of the labels."""
        return np.array([labels.mean(), np.log(max(labels.var(), 1e-12))])

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean as the point estimate, and the standard deviation."""
        return Prediction(point=outputs[:, 0], std=np.exp(0.5 * outputs[:, 1]))


HEADS: dict[str, type[Head]] = {"point": Point, "gaussian": Gaussian}
