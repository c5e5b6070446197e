"""How uncertainties are found, as the config says it."""

from __future__ import annotations

from pydantic import Field

from skybake.settings import Settings


class Statistics(Settings):
    """How uncertainties of the comparison are found."""

    draws: int = Field(10_000, ge=100, description="Bootstrap draws over objects.")
    level: float = Field(0.95, gt=0, lt=1, description="Confidence level of the intervals.")
    seed: int = Field(0, ge=0, description="Seed of the draws.")
