"""One learning rate, after a warm-up."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from skybake.training.schedules._schedule import Schedule

LENGTH_MATTERS = False


class Options(Schedule):
    """One learning rate, after a warm-up."""

    name: Literal["constant"] = "constant"
    warmup_epochs: float = Field(
        1.0,
        ge=0,
        description="The rate grows linearly over so many epochs: Adam's first steps at full rate can kill every relu"
        " of a wide dense layer. 0 for none.",
    )


def rate(options: Options, learning_rate: float, *, epochs: int, steps: int) -> Any:
    """Return the rate of every step."""
    import keras

    warmup = round(options.warmup_epochs * steps)
    if not warmup:
        return learning_rate
    return keras.optimizers.schedules.PolynomialDecay(
        learning_rate / warmup, warmup, end_learning_rate=learning_rate, power=1.0
    )
