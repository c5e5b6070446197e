"""Losses: one file per loss or close family.

A loss is a function ``(y_true, y_pred, **parameters) -> (batch,)`` in ``keras.ops``, marked with :func:`loss`, which
names the head that makes its ``y_pred``. ``y_true`` is (batch, L) labels, of which those that are -9999 or NaN are left
out; ``y_pred`` is (batch, head width). Their names and parameters are read without importing a framework
(:func:`skybake.discovery.losses`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from skybake import discovery


def loss(*, head: str, tasks: Sequence[str], batch: bool = False, aliases: Sequence[str] = ()) -> Callable:
    """Mark a function as a loss.

    Args:
        head: The head that makes its predictions, a name in :mod:`skybake.heads`.
        tasks: ``"regression"`` and/or ``"classification"``.
        batch: Whether the value of one object depends on the others in the batch.
        aliases: Further names.
    """

    def mark(function: Callable) -> Callable:
        return function

    return mark


def get(name: str, **parameters: Any):
    """Return a loss as a Keras loss, for ``model.compile(loss=...)``.

    Args:
        name: Name of a loss.
        **parameters: Its parameters, e.g. ``delta=0.5``.

    Raises:
        ValueError: There is no such loss or parameter.
    """
    from skybake.losses._keras import PerObjectLoss

    return PerObjectLoss(name=name, parameters=parameters)


def function(name: str) -> Callable:
    """Return the per-object function of a loss; its file is imported, and with it Keras."""
    known = discovery.losses()
    if name not in known:
        raise ValueError(f"no loss {name!r}; allowed: {', '.join(known)}")
    return getattr(known[name].load(), known[name].constants["function"])
