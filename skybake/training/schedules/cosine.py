"""Half a cosine, after a warm-up."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from skybake.training.schedules._schedule import Schedule

LENGTH_MATTERS = True


class Options(Schedule):
    """After a warm-up the learning rate falls to zero as half a cosine (Loshchilov & Hutter 2017, arXiv:1608.03983)."""

    name: Literal["cosine"]
    warmup_epochs: float = Field(1.0, ge=0, description="The rate grows linearly over so many epochs. 0 for none.")


def rate(options: Options, learning_rate: float, *, epochs: int, steps: int) -> Any:
    """Return the rate of every step."""
    import keras

    warmup = round(options.warmup_epochs * steps)
    return keras.optimizers.schedules.CosineDecay(
        learning_rate / max(warmup, 1),
        decay_steps=max(epochs * steps - warmup, 1),
        warmup_target=learning_rate if warmup else None,
        warmup_steps=warmup,
    )
