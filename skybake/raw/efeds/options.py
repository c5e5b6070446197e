"""How cubes and catalogue are read."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skybake.raw.options import CommonOptions

COLUMNS = {"sim": ("M500c", "z"), "obs": ("m500_wl_final", "z_final"), "halo": ("HALO_M500c", "redshift_R")}
"""Names of the mass [Msun] and redshift columns: simulations, real clusters, halo catalogue."""


class Options(CommonOptions):
    """How to read the eFEDS files."""

    columns: Literal["auto", "sim", "obs", "halo"] = Field(
        "auto", description="Names of the catalogue's mass and redshift columns; auto takes the ones that are there."
    )
    mass_column: str = Field("", description="Another name of the mass column; empty: as `columns` says.")
    redshift_column: str = Field("", description="Another name of the redshift column; empty: as `columns` says.")
    mass_unit: float = Field(1.0, gt=0, description="Solar masses per unit of the mass column, e.g. 1.0e14.")
    mass_is_log10: bool = Field(False, description="The mass column holds log10 of the mass in solar masses.")
    match: Literal["auto", "id", "position"] = Field(
        "auto", description="How catalogue rows and images find each other; auto: by id where both have one."
    )
    id_column: str = Field("", description="Catalogue column with the images' cluster ids; empty: found by its name.")
    group_column: str = Field(
        "", description="Catalogue column of what must stay on one side of a split; empty: the halo's id, if any."
    )
    scalars: tuple[str, ...] = Field((), description="Further numeric catalogue columns to keep, e.g. [kT].")
    layout: Literal["auto", "channels_last", "channels_first"] = Field(
        "auto", description="Where energy bands stand in a cube; auto: last, if the two equal sides are not last."
    )

    @property
    def named(self) -> list[str]:
        """Columns that are asked for by name, masses and redshifts apart."""
        return [name for name in (self.id_column, self.group_column, *self.scalars) if name]
