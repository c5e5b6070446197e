"""How stamps are read."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from skybake.raw.masked import MISSING_PIXELS
from skybake.raw.options import CommonOptions
from skybake.raw.tables import TABLE


class Options(CommonOptions):
    """How to read the stamps. Names are those of arrays of the `.npz` or of columns of the catalogue."""

    stamps: str = Field("", description="Array of the `.npz` with the stamps; empty: `stamps`, `images` or `data`.")
    label: str = Field("", description="Where the class stands; empty: `labels`, `label`, `class` or `y`.")
    classes: tuple[str, ...] = Field(
        ("noise", "source"),
        min_length=2,
        description="Names of class 0, 1, ...; a label may be the number or the name.",
    )
    id: str = Field("", description="Where the stamps' names stand; empty: `id` if there is one, else row numbers.")
    group: tuple[str, ...] = Field(
        (),
        description="Where it stands what must stay on one side of a split, an object or a position; of several names"
        " the first with a value counts. Empty: `group` or `object`; if neither is there, every stamp is its own.",
    )
    group_pattern: str = Field(
        "",
        description="Regular expression that the group's name must have; what its parts in brackets match counts.",
    )
    group_link: float | None = Field(
        None,
        gt=0,
        description="Stamps no further apart are one group, and so on from stamp to stamp [pixels]. The pattern's"
        " parts named `x` and `y`, as in `(?P<x>[0-9]+)`, are the position; its other parts must agree.",
    )
    match: str = Field(
        "",
        description="What both the `.npz` and the catalogue have, by which rows belong together; empty: by position,"
        " if that does not contradict their ids; `position`: by position all the same.",
    )
    table: str = Field("", description=TABLE)
    scalars: tuple[str, ...] | None = Field(
        None, description="What to keep of each stamp; null: `snr`, `kind`, `ra`, `dec` and magnitudes, where given."
    )
    size: int | None = Field(
        None, ge=1, description="Pixels a side, of flattened stamps; needed where they may be of several channels."
    )
    layout: Literal["auto", "channels_last", "channels_first"] = Field(
        "auto", description="Where channels stand; auto: where the two equal sides are not."
    )
    bands: tuple[str, ...] = Field((), description="Names of the channels; empty: `coadd`, or `channel 1`, ...")
    units: str = Field("counts", description="Units of the pixels.")
    missing_pixels: tuple[float, ...] | None = Field(None, description=MISSING_PIXELS)
    masked: Literal["fill", "reject"] = Field(
        "fill",
        description="Masked pixels (NaN, infinite, beyond 1e30): they get the stamp's median, or it is rejected.",
    )
    most_masked: float = Field(
        0.5, ge=0, lt=1, description="A stamp is rejected if more than this fraction of a channel is masked."
    )
    constant: Literal["reject", "keep"] = Field("reject", description="Stamps whose pixels are all equal.")

    @model_validator(mode="after")
    def _patterns(self) -> Options:
        try:
            parts = re.compile(self.group_pattern).groupindex
        except re.error as error:
            raise ValueError(f"group_pattern {self.group_pattern!r} is no regular expression: {error}") from None
        if self.group_link is not None and not {"x", "y"} <= set(parts):
            raise ValueError("group_link needs a group_pattern with the parts (?P<x>[0-9]+) and (?P<y>[0-9]+)")
        if self.group_pattern and not self.group:
            raise ValueError("group_pattern needs 'group', the name of what it is applied to")
        return self
