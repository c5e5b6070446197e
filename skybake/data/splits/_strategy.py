"""What the files of the strategies share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skybake.settings import Settings


class SplitError(ValueError):
    """A split that cannot be made, or does not belong to the dataset."""


class Strategy(Settings):
    """The options of a strategy: its own, and the seed, which names the split's file.

    Attributes:
        strategy: Its name, that of its file.
        seed: Declared by every strategy, in its own words.
    """

    strategy: str
    if TYPE_CHECKING:
        seed: int

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Raise TypeError if a strategy has no seed."""
        if "seed" not in cls.model_fields:
            raise TypeError(f"{cls.__module__}: Options.seed is missing; expected the seed of the split")
