"""What a simulation of eFEDS clusters may be told."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from skybake.settings import Settings


class Options(Settings):
    """What is simulated."""

    n_clusters: int = Field(2000, ge=1, description="Number of detected clusters, i.e. of images.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")
    realisations: int = Field(18, ge=1, description="Number of realisations of the footprint.")
    recurrence: float = Field(
        3.0, ge=1.0, description="Mean number of realisations in which a halo lies (not always detected)."
    )
    exposure: float = Field(1200.0, gt=0, description="Mean exposure [s].")
    background: float = Field(6e-3, ge=0, description="Background in 0.5-2 keV [counts/s/arcmin^2].")
    point_sources: bool = Field(True, description="Whether other sources lie in the images.")
    smoothing: float = Field(1.0, ge=0, description="Sigma of the Gaussian smoothing [pixels]; 0: whole counts.")
    detection_likelihood: float = Field(5.0, description="Least log likelihood ratio of a source against none.")
    extent_likelihood: float = Field(6.0, description="Least log likelihood ratio of extended against pointlike.")
    luminosity_scatter: float = Field(0.21, ge=0, description="Scatter of log10 L at fixed mass [dex].")
    temperature_scatter: float = Field(0.07, ge=0, description="Scatter of log10 T at fixed mass [dex].")
    columns: Literal["sim", "obs", "halo"] = Field("sim", description="Names of the catalogue's columns.")
    expectation: bool = Field(
        False, description="Also write the noise-free expected counts, before smoothing (expectation.npy)."
    )
