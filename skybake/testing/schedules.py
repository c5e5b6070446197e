"""A schedule in use: the rate of every step of a short training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from skybake.plugins import PlugIn
from skybake.testing import _options
from skybake.training.schedules._schedule import Schedule

RATE, EPOCHS, STEPS = 0.01, 6, 4


def use(part: PlugIn) -> Iterator[str]:
    """Ask for the rate of each step, and for the callback if there is one."""
    import keras

    wrong = list(_options.problems(part, Schedule))
    if wrong:
        yield from wrong
        return
    module = part.load()
    options = module.Options(name=part.name)
    found = module.rate(options, RATE, epochs=EPOCHS, steps=STEPS)
    if not isinstance(found, int | float | keras.optimizers.schedules.LearningRateSchedule):
        yield f"rate returned {type(found).__name__}; expected a number or a schedule of keras.optimizers.schedules"
        return
    rates = _rates(found)
    if not np.isfinite(rates).all() or (rates < 0).any() or not rates.any():
        yield f"rates {rates.tolist()} found; expected finite numbers that are not negative, and some above 0"
    of_longer = _rates(module.rate(options, RATE, epochs=2 * EPOCHS, steps=STEPS))
    if not part.constants["LENGTH_MATTERS"] and not np.array_equal(rates, of_longer):
        yield "LENGTH_MATTERS = False found, and rates differ with the number of epochs; expected LENGTH_MATTERS = True"
    if hasattr(module, "callback"):
        from skybake.training.callbacks import Stateful

        made = module.callback(options)
        if not isinstance(made, Stateful):
            yield f"callback returned {type(made).__name__}; expected a skybake.training.callbacks.Stateful"


def _rates(found) -> np.ndarray:
    """Return the rates of the steps of EPOCHS epochs."""
    import keras

    at = [found(step) if callable(found) else found for step in range(EPOCHS * STEPS)]
    return np.array([float(keras.ops.convert_to_numpy(rate)) for rate in at])
