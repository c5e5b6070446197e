"""Losses: one file per loss or close family.

A loss is a function ``(y_true, y_pred, **parameters) -> (batch,)`` in ``keras.ops``, marked with :func:`loss`, which
names the head that makes its ``y_pred``. ``y_true`` is (batch, L) labels, of which those that are -9999 or not finite
are left out: the loss of an object is the mean over its known labels, which is the mean over all times the correction
F = (n_ok + n_missing) / n_ok, and 0 if it has none. ``y_pred`` is (batch, W L), where the head gives W numbers for a
label: all first ones, then all second ones. ``LIMITS`` in the file gives the allowed values of every parameter of its
losses (:mod:`skybake.limits`). All this is read without importing a framework (:func:`skybake.plugins.losses`), and
``docs/losses.md`` is made of it and of the docstrings.
"""

from collections.abc import Callable, Sequence
from typing import Any

from skybake import plugins

NOTEBOOKS = (
    "PairedModel",
    "mse_lin_wrapper",
    "mse_var_wrapper",
    "bayesian_categorical_crossentropy_wrapper",
    "bayesian_categorical_crossentropy_var_wrapper",
    "bayesian_binary_crossentropy_wrapper",
    "bayesian_binary_crossentropy_var_wrapper",
    "categorical_accuracy",
    "binary_accuracy",
)
"""What notebooks may import from here besides :func:`get`: losses of two outputs, and metrics."""


def loss(
    *, head: str, tasks: Sequence[str], batch: bool = False, trains: bool = True, aliases: Sequence[str] = ()
) -> Callable:
    """Mark a function as a loss.

    Args:
        head: The head that makes its predictions, a name in :mod:`skybake.heads`.
        tasks: ``"regression"`` and/or ``"classification"``.
        batch: Whether the value of one object depends on the others in the batch.
        trains: Whether a network can be trained with it. A signed error has no minimum: it is for notebooks, and a
            bake-off that names it is refused.
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

    Example:
        >>> model.compile(loss=skybake.losses.get("robust_mse"))
    """
    from skybake.losses._keras import PerObjectLoss

    return PerObjectLoss(name=name, parameters=parameters)


def register() -> None:
    """Let ``keras.saving.load_model`` know the losses, in a process that has not called :func:`get`.

    Keras imports no module that a file names, so a network that was saved with its loss cannot find the class alone.
    """
    from skybake.losses import _keras  # noqa: F401  importing registers it


def __getattr__(name: str) -> Any:
    """Import what notebooks compile with by astroNN's names when it is asked for, and Keras with it."""
    if name not in NOTEBOOKS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from skybake.losses import _paired

    return getattr(_paired, name)


def function(name: str) -> Callable:
    """Return the per-object function of a loss; its file is imported, and with it Keras."""
    known = plugins.losses()
    if name not in known:
        raise ValueError(f"no loss {name!r}; allowed: {', '.join(known)}")
    return getattr(known[name].load(), known[name].constants["function"])


def magic_correction_term(y_true):
    """Return the correction F = (n_ok + n_missing) / n_ok of each row of labels (batch, L), (batch,)."""
    from skybake.losses._rows import correction

    return correction(y_true)
