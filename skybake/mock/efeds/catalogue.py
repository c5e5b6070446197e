"""The catalogue of detected clusters, with the columns of the release."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from skybake.files import atomic_write
from skybake.mock.efeds.halos import Halos, Views, r500_arcsec, r500_kpc, soft_flux, take
from skybake.mock.efeds.options import Options
from skybake.mock.efeds.universe import geometry
from skybake.raw.efeds.options import COLUMNS


def catalogue_entries(
    halos: Halos, views: Views, likelihoods: Mapping[str, np.ndarray], detected: np.ndarray
) -> dict[str, np.ndarray]:
    """Catalogue columns of the detected views, named as in the release."""
    views = take(views, detected)
    halos = take(halos, views.halo)
    r500 = r500_kpc(halos)
    return {
        "SRC_ID_IN": halos.id,
        "Nreal": views.realisation,
        "RA": views.ra,
        "DEC": views.dec,
        "z": halos.redshift,
        "kT": halos.temperature,
        "dL": geometry().at("luminosity_distance", halos.redshift),
        "Lx_soft": np.log10(halos.luminosity),
        "Fx_soft": soft_flux(halos),
        "M500c": 10**halos.log10_mass,
        "R500c_kpc": r500,
        "R500c_arcmin": r500_arcsec(halos) / 60,
        "b_to_a_500c": halos.axis_ratio,
        "ML_EXP": views.exposure,
        **{name: values[detected] for name, values in likelihoods.items()},
    }


def in_order(parts: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Join the chunks in the order of the images: of their ``row``, which is left out."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(joined.pop("row"))
    return {name: values[order] for name, values in joined.items()}


def numbered(table: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Number the sources of each realisation in the order of the images."""
    within = np.empty(len(table["Nreal"]), np.int64)
    for realisation in np.unique(table["Nreal"]):
        rows = np.flatnonzero(table["Nreal"] == realisation)
        within[rows] = 1 + np.arange(len(rows))
    return {**table, "ID_SRC_OUT": 100_000 * table["Nreal"] + within}


def write_catalogue(path: Path, catalogue: Mapping[str, np.ndarray], options: Options) -> None:
    """Write the feather table, with the columns of the schema that the options name."""
    import pyarrow as pa
    from pyarrow import feather

    names = dict(zip(COLUMNS["sim"], COLUMNS[options.columns], strict=True))
    if options.columns == "halo":
        names["SRC_ID_IN"] = "HALO_halo_id"
    with atomic_write(path) as beside:
        feather.write_feather(pa.table({names.get(name, name): values for name, values in catalogue.items()}), beside)
