"""What the files of the strategies share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import Field

from skybake.settings import Settings

REPEATS = Field(
    1,
    ge=1,
    le=100,
    description="Splits by as many seeds, from `seed` on: each trains anew, and all test parts are judged together.",
)


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

    @property
    def divisions(self) -> int:
        """How often the dataset is divided: folds times repeats, where a strategy has these options."""
        return getattr(self, "folds", 1) * getattr(self, "repeats", 1)

    def told(self) -> dict[str, Any]:
        """Return what is remembered of a split: all options, but for repeats where there is only one."""
        return self.model_dump(exclude={"repeats"} if getattr(self, "repeats", 1) == 1 else None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Raise TypeError if a strategy has no seed."""
        if "seed" not in cls.model_fields:
            raise TypeError(f"{cls.__module__}: Options.seed is missing; expected the seed of the split")
