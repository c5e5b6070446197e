"""Units that stand in the files of tables themselves, and what becomes of them beside those of the config."""

import numpy as np
import pytest
from astropy.table import Table

from skybake.raw.units import agree, units_of
from tests.unit.raw.cutouts_files import pixels, run, said, table

FORMS = {"c.fits": "fits", "c.ecsv": "ascii.ecsv", "c.xml": "votable", "c.parquet": "parquet"}


@pytest.fixture
def raw(tmp_path):
    """Return a function that writes images and a catalogue with units."""
    np.save(tmp_path / "cube.npy", pixels())

    def write(name="c.fits", **units):
        found = Table.from_pandas(table())
        for column, unit in units.items():
            found[column].unit = unit
        found.write(tmp_path / name, format=FORMS[name])
        return {"images": tmp_path / "cube.npy", "catalogue": tmp_path / name}

    return write


@pytest.mark.parametrize("name", FORMS)
def test_units_of_the_file_are_those_of_the_columns(raw, name):
    assert units_of(raw(name, size="arcsec", z="mag")["catalogue"]) == {"size": "arcsec", "z": "mag"}


def test_hdf5_and_feather_have_them_where_they_are_written(tmp_path):
    import h5py
    import pyarrow as pa
    from pyarrow import feather

    with h5py.File(tmp_path / "c.h5", "w") as file:
        file["table/size"], file["table/z"] = [1.0], [2.0]
        file["table/size"].attrs["units"] = "arcsec"
    assert units_of(tmp_path / "c.h5", "table") == {"size": "arcsec"}
    fields = [pa.field("size", pa.float64(), metadata={"unit": "arcsec"}), pa.field("z", pa.float64())]
    feather.write_feather(pa.table([[1.0], [2.0]], schema=pa.schema(fields)), tmp_path / "c.feather")
    assert units_of(tmp_path / "c.feather") == {"size": "arcsec"}


def test_a_dataset_has_the_units_of_the_file(tmp_path, raw):
    dataset, _ = run(tmp_path, raw(size="arcsec", z="mag"), label="size", transform="log10", scalars=("z",))
    assert dataset.columns["label/log10_size"].units == "log10(arcsec)"
    assert dataset.columns["scalar/z"].units == "mag"


def test_other_units_in_the_config_are_refused_with_both_readings(tmp_path, raw):
    files = raw(size="arcmin")
    text = said(tmp_path, files, label="size", units={"size": "arcsec"})
    assert "column size is in arcmin by the file, and in arcsec by the config, options: {units: {size: arcsec}}" in text
    dataset, _ = run(tmp_path, files, label="size", units={"size": "arcminute"})  # another spelling
    assert dataset.columns["label/size"].units == "arcminute"
    dataset, _ = run(tmp_path, files, label="size", units={"size": "pixels of a plate"})
    assert any("units of size are pixels of a plate by the config, and 'arcmin'" in text for text in dataset.warnings)


def test_positions_in_other_units_than_degrees(tmp_path, raw):
    files = raw(ra="rad", dec="deg")
    assert "option ra: column ra is in rad by the file; expected degrees" in said(
        tmp_path, files, label="size", ra="ra"
    )
    dataset, _ = run(tmp_path, files, label="size")
    assert "ra" not in dataset.scalars
    assert any("column ra is in rad by the file; expected degrees; it is left out" in said for said in dataset.warnings)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [("km/s", "km s-1", True), ("erg/(s cm2)", "erg s-1 cm-2", True), ("mJy", "Jy", False), ("furlongs", "Jy", None)],
)
def test_units_are_compared_by_what_they_mean(one, other, same):
    assert agree(one, other) is same
