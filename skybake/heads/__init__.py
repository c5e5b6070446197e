"""Heads: where a model and a loss meet.

A head knows the last layer (width, activation, initial bias) and turns its raw outputs into a :class:`Prediction`. A
loss names its head; any model's features go into any head. :func:`fit` makes both for training labels: parameters that
a head shares with its loss by name (quantile levels, bins, number of components) are given once, with the loss. Outputs
and labels here are in the units that the network is trained in; :meth:`Prediction.rescaled` brings predictions back to
the label's.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from types import ModuleType
from typing import Any

import numpy as np

from skybake import limits, plugins
from skybake.heads._head import Head


class _Heads(Mapping[str, type[Head]]):
    """Name -> class of every head; a file is imported when its head is asked for."""

    def __getitem__(self, name: str) -> type[Head]:
        (found,) = classes_of(plugins.heads()[name].load())
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(plugins.heads())

    def __len__(self) -> int:
        return len(plugins.heads())


HEADS: Mapping[str, type[Head]] = _Heads()


def classes_of(file: ModuleType) -> list[type[Head]]:
    """Return the heads that a file defines, which should be one: its classes that can fit and predict."""
    own = (item for item in vars(file).values() if isinstance(item, type) and item.__module__ == file.__name__)
    return [item for item in own if hasattr(item, "fit") and hasattr(item, "prediction")]


def fit(
    loss: str,
    given: Mapping[str, Any],
    labels: np.ndarray,
    *,
    scale: float = 1.0,
    shift: float = 0.0,
    classes: Sequence[str] = (),
) -> tuple[Head, dict[str, Any]]:
    """Make a loss's head for training labels, and complete the loss's parameters.

    Args:
        loss: Name of the loss.
        given: Its parameters in the config.
        labels: (N,) known labels of the training part, in the units that the network is trained in.
        scale, shift: A label in its own units is ``scale * label + shift``.
        classes: Of a classification, the names of class 0, 1, ...: each gets its output, with or without an object
            among the labels. Without names there are as many classes as the labels tell.

    Returns:
        The head, and the parameters for :func:`skybake.losses.get`.

    Raises:
        ValueError: There is no label, or a parameter makes no sense.
    """
    labels = np.asarray(labels, dtype=np.float64).ravel()
    if not labels.size:
        raise ValueError("no object of the training part has a label")
    part = plugins.losses()[loss]
    limits.check(part.parameters, part.limits, given)
    known = {**part.parameters, **given, "scale": scale, "shift": shift, "classes": classes}
    kind = HEADS[part.constants["head"]]
    wanted = inspect.signature(kind.fit).parameters
    head = kind.fit(labels, **{name: value for name, value in known.items() if name in wanted})
    constants = {"scale": scale, "shift": shift, **head.loss_parameters}
    return head, {**given, **{name: value for name, value in constants.items() if name in part.parameters}}


def as_dict(head: Head) -> dict[str, Any]:
    """Return a fitted head as plain values: ``name``, and its own by name."""
    name = type(head).__module__.rpartition(".")[2]
    return {"name": name, **{item.name: getattr(head, item.name) for item in fields(head)}}  # type: ignore[arg-type]


def of_dict(values: Mapping[str, Any]) -> Head:
    """Return the head of :func:`as_dict`, after JSON too.

    Raises:
        ValueError: There is no such head, or it has no such value.
    """
    name = values.get("name")
    own = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items() if key != "name"}
    try:
        return HEADS[str(name)](**own)
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"fitted head {name!r} with {sorted(own)} found; expected one of {', '.join(HEADS)} with its values."
            " Hint: train again"
        ) from error


def check(loss: str, given: Mapping[str, Any]) -> None:
    """Check parameters of a loss that its head would refuse whatever the labels are.

    Args:
        loss: Name of a loss.
        given: Its parameters in the config.

    Raises:
        ValueError: A parameter makes no sense, or two of them do not go together.
    """
    part = plugins.losses()[loss]
    if "regression" not in part.constants["tasks"]:
        return  # what a head of classes takes depends on their names
    known = {**part.parameters, **given}
    low, high = known.get("low"), known.get("high")
    first = low if low is not None else 0.0 if high is None else high - 1
    labels = np.linspace(first, first + 1 if high is None else high, 101)
    fit(loss, given, labels if known.get("edges") is None else np.ravel(np.asarray(known["edges"], dtype=np.float64)))
