"""The mean training label, or the frequencies of the classes: what a network must beat to have learned anything."""

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor

TASKS = ("regression", "classification")


def features(images, scalars):
    """Return no features: (N, 0)."""
    return np.empty((len(images), 0))


def build(task):
    """Return the predictor."""
    return DummyRegressor(strategy="mean") if task == "regression" else DummyClassifier(strategy="prior")
