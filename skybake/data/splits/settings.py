"""How a dataset is divided, as the config says it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skybake.settings import Settings


class Holdout(Settings):
    """A test part is cut off, then a validation part of what remains: sklearn's `train_test_split` twice."""

    strategy: Literal["holdout"] = "holdout"
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Fractions(Settings):
    """Three parts by their fractions, shuffled once: astroML's `split_samples`."""

    strategy: Literal["fractions"]
    train: float = Field(0.7, gt=0, lt=1, description="Fraction of all objects to train on.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of all objects kept for validation.")
    test: float = Field(0.2, gt=0, lt=1, description="Fraction of all objects kept for the test.")
    seed: int = Field(40, ge=0, description="Seed of the split.")

    @model_validator(mode="after")
    def _add_up(self) -> Fractions:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-9:
            raise ValueError(
                f"the fractions train {self.train}, valid {self.valid} and test {self.test} add up to {total:g},"
                " expected 1"
            )
        return self


class Group(Settings):
    """As `holdout`, but whole groups: objects of one group are never on both sides."""

    strategy: Literal["group"]
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of all groups kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining groups kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Sky(Settings):
    """As `group`, but by place: equal-area cells of the sky in `ra` and sin(`dec`) are never divided."""

    strategy: Literal["sky"]
    cell: float = Field(
        1.0, gt=0, le=60, description="Side of a cell at the equator [deg]; the area is its square everywhere."
    )
    test: float = Field(0.1, gt=0, lt=1, description="Fraction of the cells that have objects, kept for the test.")
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the remaining cells kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the split.")


class Official(Settings):
    """The test part is the one that the survey's makers set aside; a validation part is cut off the rest."""

    strategy: Literal["official"]
    valid: float = Field(0.1, gt=0, lt=1, description="Fraction of the other objects kept for validation.")
    seed: int = Field(40, ge=0, description="Seed of the validation part.")
