"""What is done to images before a network sees them.

A step is a file of this folder, and its name is the file's. It has:

- ``class Options(Step)``: its options in the config, with their limits, ``name: Literal["<file name>"]`` and a
  docstring, which ``docs/config.md`` shows
- ``apply(images, options, **numbers)``: images (N, H, W, C) as the network sees them, float32; the given array may be
  overwritten. An image comes out the same, whichever others come with it
- ``fit(images, options)``, where one image does not give its own numbers: arrays by name, which ``apply`` gets in
  double precision. It sees the training part only, as :class:`Pixels`
- ``symbolic(images, options, **numbers)``: ``apply`` in ``keras.ops``, which it imports itself, on a Keras tensor; it
  becomes part of ``predictor.keras`` (:mod:`skybake.training.predictor`)

What is fitted stands in ``run.json`` with name and options, and is read back from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake import plugins
from skybake.training.images._pixels import BLOCK, Held, Pixels
from skybake.training.images._step import Step

__all__ = ["BLOCK", "FittedStep", "Pixels", "fit", "steps"]


def steps() -> Mapping[str, plugins.PlugIn]:
    """Return the steps by name: the files of this folder."""
    return plugins.in_room("training/images", "apply")


@dataclass(frozen=True)
class FittedStep:
    """A step on images, fitted.

    Attributes:
        options: Its name and options.
        numbers: What was fitted, by name.
    """

    options: Step
    numbers: Mapping[str, np.ndarray] = field(default_factory=dict)

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Return images (N, H, W, C) as the network sees them, float32; the given array may be overwritten."""
        return steps()[self.options.name].load().apply(images, self.options, **self.numbers)

    def symbolic(self, images: Any) -> Any:
        """Return what :meth:`apply` does to a Keras tensor (N, H, W, C)."""
        return steps()[self.options.name].load().symbolic(images, self.options, **self.numbers)

    def as_dict(self) -> dict[str, Any]:
        """Return name, options and numbers, for the run record."""
        return {**self.options.model_dump(), **{key: value.tolist() for key, value in self.numbers.items()}}

    @classmethod
    def of_dict(cls, facts: Mapping[str, Any]) -> FittedStep:
        """Return the step of a run record.

        Raises:
            ValueError: There is no such step.
        """
        known = steps()
        if facts.get("name") not in known:
            raise ValueError(f"image step {facts.get('name')!r} found; expected one of {', '.join(known)}")
        kind = known[facts["name"]].load().Options
        own = {key: value for key, value in facts.items() if key in kind.model_fields}
        return cls(
            kind(**own), {key: np.array(value, dtype=np.float64) for key, value in facts.items() if key not in own}
        )


def fit(options: Step, images: np.ndarray | Pixels) -> FittedStep:
    """Fit a step on training images (N, H, W, C), which need not be in memory all at once."""
    file = steps()[options.name].load()
    if not hasattr(file, "fit"):
        return FittedStep(options)
    numbers = file.fit(Held(images) if isinstance(images, np.ndarray) else images, options)
    return FittedStep(options, {key: np.asarray(value, dtype=np.float64) for key, value in numbers.items()})
