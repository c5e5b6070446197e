"""Published numbers beside which a bake-off's own stand, as the config says them."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from skybake.settings import Settings

COSTS = ("train_seconds", "parameters")  # what is told beside metrics, and not judged


class PublishedValue(Settings):
    """A published number."""

    value: float = Field(allow_inf_nan=False, description="As published.")
    uncertainty: float | None = Field(None, ge=0, description="Half its interval, if one was published.")


class Published(Settings):
    """A row of numbers that a paper has; it stands in the comparison of every dataset of its bake-off.

    With `model` and `loss` it is held against that row of the bake-off; with `name` it stands alone.
    """

    model: str | dict[str, dict[str, Any] | None] | None = Field(
        None, description="A model of the bake-off, as `models` has it."
    )
    loss: str | dict[str, dict[str, Any] | None] | None = Field(None, description="Its loss, as `losses` has it.")
    name: str | None = Field(
        None, description="Instead of both: what it is called, of a row that nothing here repeats."
    )
    values: dict[str, float | PublishedValue] = Field(
        min_length=1,
        description="Metric -> number, `{std_error: 0.249}` or `{std_error: {value: 0.249, uncertainty: 0.01}}`;"
        " `train_seconds` and `parameters` are shown and not judged.",
    )
    source: str = Field(min_length=3, description="Paper, table or page where they stand.")
    n_train: int | None = Field(None, ge=1, description="Objects that it was trained on.")
    n_test: int | None = Field(None, ge=1, description="Objects of its test.")
    may_explain: str = Field("", description="Why ours may differ; what follows from the data is added.")
    note: str = Field("", description="What else is to be said of it.")

    @model_validator(mode="after")
    def _of_a_row_or_alone(self) -> Published:
        pair = self.model is not None and self.loss is not None
        if pair == (self.name is not None) or (self.model is None) != (self.loss is None):
            raise ValueError(
                "give either 'model' and 'loss' (a row of this bake-off) or 'name' (of none), and not both"
            )
        return self

    def numbers(self) -> dict[str, PublishedValue]:
        """Return metric -> published number."""
        return {
            key: given if isinstance(given, PublishedValue) else PublishedValue(value=given)
            for key, given in self.values.items()
        }
