"""Dereddened magnitudes and colours of the SDSS reader: values, units, and what they must not give away."""

import numpy as np
import pandas as pd
import pytest

from skybake.data.dataset import load_dataset as load
from skybake.mock import sdss as mock
from skybake.raw import RawError, sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import Options, read_objects
from skybake.raw.sdss.catalogue import read_catalogue
from tests.unit.raw.small_sdss import catalogue_rows

OBJID = 1237662525769187516
COLOURS = ("u-g", "g-r", "r-i", "i-z")
MAGNITUDE = dict(zip("ugriz", (19.0, 18.0, 17.5, 17.2, 17.0), strict=True))
EXTINCTION = dict(zip("ugriz", (0.5, 0.4, 0.3, 0.2, 0.1), strict=True))


def objects_of(folder, options=None, **columns):
    row = {"objID": OBJID, "ra": 10.0, "dec": 1.0, "redshift": 0.1, **columns}
    pd.DataFrame([row]).to_csv(folder / "catalogue.csv", index=False)
    columns, _, objects, _, _ = read_objects({"catalogue": folder / "catalogue.csv"}, options or Options())
    return columns, {name: float(values[0]) for name, values in objects.scalars.items()}


def of(kind, values):
    return {f"{kind}_{band}" if kind else band: value for band, value in values.items()}


def test_magnitudes_and_colours_are_dereddened(tmp_path):
    columns, found = objects_of(tmp_path, **of("cModelMag", MAGNITUDE), **of("extinction", EXTINCTION))
    for band in "ugriz":
        assert found[f"cModelMag_{band}"] == MAGNITUDE[band]
        assert found[f"extinction_{band}"] == EXTINCTION[band]
        assert found[f"cModelMag_dered_{band}"] == pytest.approx(MAGNITUDE[band] - EXTINCTION[band])
    assert [found[name] for name in COLOURS] == pytest.approx([0.9, 0.4, 0.2, 0.1])
    assert columns.derived["u-g"].description == "colour cModelMag_u - cModelMag_g, dereddened"


def test_without_extinction_nothing_is_called_dereddened(tmp_path):
    columns, found = objects_of(tmp_path, **of("cModelMag", MAGNITUDE))
    assert not [name for name in found if "dered" in name]
    assert [found[name] for name in COLOURS] == pytest.approx([1.0, 0.5, 0.3, 0.2])
    assert columns.derived["g-r"].description.endswith("as observed, reddened by dust")


def test_extinction_is_never_taken_away_twice(tmp_path):
    """SkyServer's dered_* are dereddened model magnitudes."""
    dered = {band: MAGNITUDE[band] - EXTINCTION[band] for band in "ugriz"}
    columns, found = objects_of(tmp_path, **of("dered", dered), **of("extinction", EXTINCTION))
    assert [found[name] for name in COLOURS] == pytest.approx([0.9, 0.4, 0.2, 0.1])
    assert found["dered_r"] == pytest.approx(17.2)
    assert not [name for name in columns.derived if "dered" in name]


def test_plain_magnitudes_have_colours_and_a_redshift_is_none_of_them(tmp_path):
    _, found = objects_of(tmp_path, **of("", MAGNITUDE), **of("extinction", EXTINCTION))
    assert found["dered_z"] == pytest.approx(16.9)
    assert [found[name] for name in COLOURS] == pytest.approx([0.9, 0.4, 0.2, 0.1])
    _, found = objects_of(tmp_path, **of("cModelMag", {band: MAGNITUDE[band] for band in "gri"}))
    assert not set(COLOURS) & set(found)


@pytest.mark.parametrize("missing", [-9999, ""])
def test_a_missing_magnitude_costs_what_is_made_of_it(tmp_path, missing):
    given = {**MAGNITUDE, "u": missing}
    _, found = objects_of(tmp_path, **of("cModelMag", given), **of("extinction", EXTINCTION))
    assert np.isnan([found["u-g"], found["cModelMag_dered_u"]]).all()
    assert [found[name] for name in COLOURS[1:]] == pytest.approx([0.4, 0.2, 0.1])


def test_nothing_is_derived_of_the_label(tmp_path):
    """psfMag_g and g-r together would tell psfMag_r."""
    given = {**of("psfMag", MAGNITUDE), **of("extinction", EXTINCTION)}
    _, found = objects_of(tmp_path, Options(label="psfMag_r"), **given)
    assert set(found) & {*COLOURS, *(f"psfMag_dered_{band}" for band in "ugriz")} == {
        "u-g",
        "i-z",
        *(f"psfMag_dered_{band}" for band in "ugiz"),
    }
    with pytest.raises(RawError, match="g-r"):
        objects_of(tmp_path, Options(label="psfMag_r", scalars=("g-r",)), **given)


def test_scalars_may_be_chosen_by_name(tmp_path):
    given = {**of("cModelMag", MAGNITUDE), **of("extinction", EXTINCTION)}
    _, found = objects_of(tmp_path, Options(scalars=("ra", "g-r", "cModelMag_dered_r")), **given)
    assert set(found) == {"ra", "g-r", "cModelMag_dered_r"}


def test_the_file_says_what_each_is(tmp_path):
    """From the simulator's catalogue to /scalar: units and descriptions; the colours are those of the simulator."""
    raw = {key: tmp_path / name for key, name in mock.RAW_FILES.items()}
    options = mock.Options(n_objects=3, stars_per_field=0, neighbours_per_field=0, traps=0, compress=1)
    mock.simulate(raw, options)
    ingest(sdss, raw, tmp_path / "d.h5", tmp_path / "rejected.csv", Options(), mock=True)
    data, table = load(tmp_path / "d.h5"), pd.read_csv(raw["catalogue"])
    for name in (*COLOURS, "cModelMag_dered_r", "cModelMag_r", "extinction_r"):
        assert data.columns[f"scalar/{name}"].units == "mag"
    assert data.columns["scalar/cModelMag_dered_r"].description == "cModelMag_r - extinction_r: dereddened"
    assert data.columns["scalar/extinction_r"].description == "catalogue column extinction_r"
    expected = table["cModelMag_g"] - table["extinction_g"] - table["cModelMag_r"] + table["extinction_r"]
    assert data.scalars["g-r"] == pytest.approx(expected.to_numpy())


def test_two_ids_of_which_either_may_be_the_objects(tmp_path):
    rows = catalogue_rows()
    rows["bestObjID"] = rows["objID"]
    path = tmp_path / "c.csv"
    rows.to_csv(path, index=False)
    assert read_catalogue(path, "redshift", None)[0].id == "objID"
    rows.loc[2, "bestObjID"] = ""
    rows.to_csv(path, index=False)
    with pytest.raises(RawError, match=r"row 2, from 0: objID is \d+, and bestObjID empty.*`id: objID` or `id: bestOb"):
        read_catalogue(path, "redshift", None)
    assert read_catalogue(path, "redshift", None, id_column="bestObjID")[0].id == "bestObjID"
    with pytest.raises(RawError, match="column specobjid missing"):
        read_catalogue(path, "redshift", None, id_column="specobjid")
