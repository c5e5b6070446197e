"""Labels of which losses, heads and baselines are tried."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from skybake import heads
from skybake.plugins import PlugIn

NUMBERS = np.random.default_rng(2).gamma(3.0, 0.4, 200)
CLASSES = np.random.default_rng(2).choice(3, 200, p=[0.6, 0.3, 0.1]).astype(float)
TWO = (CLASSES > 0).astype(float)


def of_task(task: str) -> Iterator[np.ndarray]:
    """Yield labels (200,) of a task; of classes three, then two, as some heads are for two alone."""
    yield from (NUMBERS,) if task == "regression" else (CLASSES, TWO)


def fitted(loss: PlugIn) -> tuple[np.ndarray, heads.Head, dict[str, Any]]:
    """Return labels that suit a loss, its head fitted to them, and the loss's parameters.

    Raises:
        ValueError: The head takes no labels of the loss's task.
    """
    *others, last = (labels for task in loss.tasks for labels in of_task(task))
    for labels in others:
        try:
            return labels, *heads.fit(loss.name, {}, labels)
        except ValueError:
            continue
    return last, *heads.fit(loss.name, {}, last)


def outputs(head: heads.Head, values: np.ndarray) -> np.ndarray:
    """Return numbers (n, width) as outputs of a network with the head's activation, float32."""
    if head.activation == "softmax":
        powers = np.exp(np.clip(values, -80, 80))
        values = powers / powers.sum(axis=1, keepdims=True)
    elif head.activation == "sigmoid":
        values = 1 / (1 + np.exp(-np.clip(values, -80, 80)))
    return values.astype(np.float32)
