"""Settings that readers share."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from skybake.data.columns import KINDS
from skybake.raw import selecting
from skybake.raw.masked import MISSING_PIXELS
from skybake.raw.tables import TABLE
from skybake.settings import Settings

Transform = Literal["none", "log10", "ln"]
Part = Literal["train", "valid", "test"]


class CommonOptions(Settings):
    """What is asked of every reading."""

    most_rejected: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Ingest stops if one reason rejects more than this fraction of the rows; 1: it never does.",
    )
    where: str = Field(
        "",
        description="Condition on labels and scalars of the dataset, as it has them: `13 < log10_mass and log10_mass <"
        " 15`. Others, and those with a missing value of a column that it names, are counted as not selected.",
    )
    max_objects: int | None = Field(
        None,
        ge=1,
        description="At most so many objects, drawn at random; the others are counted as not drawn.",
    )
    max_objects_seed: int = Field(
        1, ge=0, description="Of that draw, which depends on the objects' ids, not on their order."
    )
    missing_values: tuple[float, ...] = Field(
        (),
        description="Numbers that stand for a missing value, in every column of numbers that is read: `[-99, -999]`;"
        " -9999 always does.",
    )
    saturation: float | None = Field(
        None,
        description="Value of a pixel from which on it is saturated, in the image's units: objects with one have 1 in"
        " the column `saturated`, others 0.",
    )
    neighbours: float | None = Field(
        None,
        gt=0,
        description="Objects beside which a pixel has more than so many times the light of the brightest one in the"
        " middle (within 0.15 of the side) have 1 in the column `bright_neighbour`, others 0.",
    )
    without_label: Literal["reject", "keep", "only"] = Field(
        "reject",
        description="Objects whose label is missing or cannot be used: rejected, kept, or they alone are kept. `apply`"
        " sets it: a network at work needs no labels, nor a column of them.",
    )

    @field_validator("where")
    @classmethod
    def _a_condition(cls, given: str) -> str:
        if given:
            selecting.condition(given)
        return given

    @property
    def needs_label(self) -> bool:
        """Whether an object without a label is of no use."""
        return self.without_label == "reject"


class CatalogueOptions(CommonOptions):
    """What is taken from a catalogue, by the names of its columns."""

    label: str = Field("label", description="Column to predict.")
    labels: tuple[str, ...] = Field(
        (),
        description="Instead of `label`: several columns of numbers that one network predicts together, each with its"
        " own comparison. An object needs one of them; the first one stratifies the split.",
    )
    task: Literal["auto", "regression", "classification"] = Field(
        "auto", description="What the label is; auto: a class where `classes` are given, else a number."
    )
    label_name: str = Field(
        "", description="The label's name in tables and figures; empty: as its column, transformed."
    )
    transform: Transform = Field("none", description="What is predicted of the label: itself, or its logarithm.")
    label_error: str = Field("", description="Column with the label's one sigma error, in the column's own units.")
    classes: tuple[str, ...] = Field(
        (), description="Class 0, 1, ... by the label's text; where the label is a number, the name of each number."
    )
    units: dict[str, str] = Field(
        {}, description="Column -> its units, where the file itself has none: `{las_arcsec: arcsec}`."
    )
    kinds: dict[str, Annotated[str, Field(json_schema_extra={"enum": list(KINDS)})]] = Field(
        {}, description="Column -> what it is, which figures look for: `{z: redshift, mag_r: magnitude}`."
    )
    scalars: tuple[str, ...] = Field(
        (), description="Further columns of numbers to keep; models may have them as inputs."
    )
    id: str = Field("", description="Column with the objects' names; empty: the one column that is called as ids are.")
    group: str = Field(
        "", description="Column of what must stay on one side of a split; empty: every object is its own."
    )
    ra: str = Field("", description="Column with the right ascension [deg]; empty: that which is called so, if any.")
    dec: str = Field("", description="Column with the declination [deg]; empty: that which is called so, if any.")
    split_column: str = Field("", description="Column with the part of a published split, for `split: column`.")
    parts: dict[str, Part] = Field(
        {},
        description="Word in that column -> part, where it is none of the usual ones: `{fold1: train, fold5: test}`.",
    )
    table: str = Field("", description=TABLE)

    @model_validator(mode="before")
    @classmethod
    def _first_label(cls, given: Any) -> Any:
        labels = given.get("labels") if isinstance(given, dict) else None
        if not isinstance(labels, list | tuple) or not labels:
            return given
        if given.get("label", labels[0]) != labels[0]:
            raise ValueError(f"label {given['label']!r} and labels {list(labels)} found; expected one of both")
        return {**given, "label": labels[0]}

    @model_validator(mode="after")
    def _several_labels(self) -> CatalogueOptions:
        if not self.labels:
            return self
        if len(set(self.labels)) < max(2, len(self.labels)):
            raise ValueError(f"labels {list(self.labels)} found; expected two or more distinct columns. Hint: `label`")
        unfit = [name for name in ("classes", "label_error", "label_name") if getattr(self, name)]
        unfit += ["task"] if self.task == "classification" else []
        unfit += ["without_label"] if not self.needs_label else []
        if unfit:
            raise ValueError(
                f"labels {list(self.labels)}: {unfit[0]} found beside them; expected none: several labels are numbers"
                " without known errors, named as their columns, of objects that have one of them"
            )
        return self

    @model_validator(mode="after")
    def _go_together(self) -> CatalogueOptions:
        if self.classes and self.task == "regression":
            raise ValueError("classes are of a classification, the task is regression; leave one of them out")
        if (self.classes or self.task == "classification") and (self.transform != "none" or self.label_error):
            raise ValueError("transform and label_error are of numbers, the label is a class; leave them out")
        if len(set(self.classes)) < len(self.classes) or len(self.classes) == 1:
            raise ValueError(f"classes {list(self.classes)} found; expected at least two distinct ones")
        unknown = sorted(set(self.kinds.values()) - set(KINDS))
        if unknown:
            raise ValueError(f"kinds: {unknown[0]!r} found; expected one of {', '.join(KINDS)}")
        return self

    @property
    def classifies(self) -> bool:
        """Whether the label is a class, as the options have it."""
        return self.task == "classification" or bool(self.classes)

    @property
    def name(self) -> str:
        """Name of the label in the dataset, of several of the first."""
        return self.label_name or self.named(self.label)

    def named(self, column: str) -> str:
        """Return the name in the dataset of a label that is a column of the catalogue."""
        return column if self.transform == "none" else f"{self.transform}_{column}"


class PixelOptions(CatalogueOptions):
    """What pixels are, and what becomes of masked ones."""

    bands: tuple[str, ...] = Field(
        (), description="Names of the images' bands; they stand for `{band}` in a pattern. Empty: `image`, or numbers."
    )
    pixel_units: str = Field("", description="Units of the pixels.")
    hdu: str = Field("", description="Name or number of the HDU with the image; empty: the only one with pixels.")
    missing_pixels: tuple[float, ...] | None = Field(None, description=MISSING_PIXELS)
    masked: Literal["fill", "reject"] = Field(
        "fill",
        description="Masked pixels (NaN, BLANK, beyond 1e30): they get the image's median in their band, or it is"
        " rejected.",
    )
    most_masked: float = Field(
        0.5, ge=0, lt=1, description="An image is rejected if more than this fraction of a band is masked."
    )
