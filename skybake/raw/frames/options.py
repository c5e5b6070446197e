"""How frames, and the catalogue of the objects to cut out of them, are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from skybake.raw.cutting import CENTRING
from skybake.raw.masked import MISSING_PIXELS
from skybake.raw.options import CatalogueOptions


class Options(CatalogueOptions):
    """How objects are cut out of frames. Names are those of the catalogue's columns."""

    pattern: str = Field(
        "{tile}",
        description="Files of the folder, at any depth: `{tile}` is what tells places of the sky apart, `{band}` one"
        " of `bands`, as in `{tile}/{band}.fits.fz` or `frame-{band}-{tile}.fits.bz2`.",
    )
    bands: tuple[str, ...] = Field((), description="Names of the bands, in the order of the images' channels.")
    size: int = Field(32, ge=4, le=1024, description="Pixels along a side of the cutouts.")
    centring: Literal["nearest", "resampled"] = Field("nearest", description=CENTRING)
    hdu: str = Field("", description="Name or number of the HDU with the image; empty: the only one with pixels.")
    pixel_units: str = Field("", description="Units of the pixels.")
    missing_pixels: tuple[float, ...] | None = Field(None, description=MISSING_PIXELS)
    weight: str = Field("", description="Pattern of weight images: pixels of no weight are missing, as NaN are.")
    mask: str = Field("", description="Pattern of mask images: pixels that are not 0 in it are missing, as NaN are.")
    mask_bits: tuple[Annotated[int, Field(ge=0, le=62)], ...] = Field(
        (), description="Of the mask, the bits that count, the lowest 0; empty: all."
    )

    @model_validator(mode="after")
    def _patterns(self) -> Options:
        for key in ("pattern", "weight", "mask"):
            pattern = getattr(self, key)
            if pattern and "{tile}" not in pattern:
                raise ValueError(f"{key} {pattern!r} found; expected {{tile}} in it, as in {{tile}}.fits")
        if "{band}" in self.pattern and not self.bands:
            raise ValueError(f"pattern {self.pattern!r} has bands; expected their names, as in bands: [g, r, i]")
        if "{band}" not in self.pattern and len(self.bands) > 1:
            raise ValueError(f"{len(self.bands)} bands found; expected {{band}} in pattern {self.pattern!r}")
        if self.mask_bits and not self.mask:
            raise ValueError("mask_bits needs the pattern of mask images, mask")
        return self
