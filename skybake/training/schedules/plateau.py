"""A learning rate that falls where the validation loss no longer does."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from skybake.training.schedules._schedule import Schedule

LENGTH_MATTERS = False


class Options(Schedule):
    """The learning rate falls whenever the validation loss has not improved for some epochs."""

    name: Literal["plateau"]
    factor: float = Field(0.5, gt=0, lt=1, description="What the rate is multiplied by.")
    patience: int = Field(5, ge=1, description="Epochs without improvement.")
    minimum: float = Field(1e-6, gt=0, description="The rate never falls below.")


def rate(options: Options, learning_rate: float, *, epochs: int, steps: int) -> float:
    """Return the rate of the first epoch."""
    return learning_rate


def callback(options: Options) -> Any:
    """Return what lowers the rate."""
    import keras

    from skybake.training.callbacks import Stateful

    class Plateau(Stateful, keras.callbacks.ReduceLROnPlateau):  # here, since its bases need Keras
        STATE = ("best", "wait", "cooldown_counter")

    return Plateau(factor=options.factor, patience=options.patience, min_lr=options.minimum)
