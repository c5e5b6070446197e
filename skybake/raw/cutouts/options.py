"""How images that are cut already, and their catalogue, are read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from skybake.raw.options import PixelOptions


class Options(PixelOptions):
    """How to read cutouts and their catalogue. Names are those of columns."""

    pattern: str = Field(
        "",
        description="Files of the folder: `{id}.fits`, or `{id}_{band}.fits`, one a band; empty: the one that fits.",
    )
    file: str = Field("", description="Instead of a pattern: column with the name of each object's file.")
    array: str = Field("", description="Array of an HDF5 or `.npz` file with the images; empty: the only one.")
    layout: Literal["auto", "channels_last", "channels_first"] = Field(
        "auto", description="Where bands stand in an array; auto: where only one place is possible."
    )
    size: int | None = Field(
        None, ge=1, le=4096, description="Pixels a side: others are padded or cut about their centre. Null: all alike."
    )

    @model_validator(mode="after")
    def _one_way(self) -> Options:
        if self.pattern and self.file:
            raise ValueError("give either pattern or file, and not both")
        if self.pattern and "{id}" not in self.pattern:
            raise ValueError(f"pattern {self.pattern!r} found; expected {{id}} in it, as in {{id}}.fits")
        return self
