"""Redshifts of spectrum files: the real ones of field 2820, damaged ones, and what is said where sources clash."""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits

from skybake.config import make_plan as plan
from skybake.config.messages import ConfigError
from skybake.data.dataset import load_dataset as load_dataset
from skybake.fetch.sdss import archive_paths
from skybake.raw import RawError, sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import Options, read_objects
from skybake.raw.sdss.spectra import SpectrumError, read_spectrum

DATA = Path(os.environ.get("SKYBAKE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
OBJIDS = [1237662525769187516 + number for number in range(4)]
GALAXY, STAR = "spec-4238-55455-0037.fits", "spec-3126-54804-0211.fits"


def write_spectrum(folder, plate, mjd, fiber, ra, dec, z, error=1e-4, warning=0, name=None):
    """Write HDUs 0 to 2 of a spectrum file, with the columns that are read."""
    columns = {"PLATE": plate, "MJD": mjd, "FIBERID": fiber, "ZWARNING": warning}
    columns = [fits.Column(key, "J", array=[value]) for key, value in columns.items()]
    floats = {"PLUG_RA": ra, "PLUG_DEC": dec, "Z": z, "Z_ERR": error}
    columns += [fits.Column(key, "D", array=[value]) for key, value in floats.items()]
    coadd = fits.BinTableHDU.from_columns([fits.Column("flux", "E", array=np.arange(3000.0))])
    folder.mkdir(exist_ok=True)
    path = folder / (name or f"spec-{plate:04d}-{mjd}-{fiber:04d}.fits")
    fits.HDUList([fits.PrimaryHDU(), coadd, fits.BinTableHDU.from_columns(columns, name="SPALL")]).writeto(path)
    return path


def write_catalogue(path, *rows, columns=("redshift",)):
    """Write rows of objects 0.01 degrees apart; a row is its number and what stands in ``columns``."""
    table = [{"objID": OBJIDS[n], "ra": 10 + 0.01 * n, "dec": 1.0, **dict(zip(columns, row, strict=True))}
             for n, *row in rows]  # fmt: skip
    pd.DataFrame(table).to_csv(path, index=False)


def objects_of(folder, **options):
    raw = {"catalogue": folder / "catalogue.csv", "spectra": folder / "spectra"}
    _, _, objects, rejections, _ = read_objects(raw, Options(**options))
    return objects, {item.row: (item.reason, item.detail) for item in rejections}


def test_a_spectrum_fills_what_the_catalogue_lacks(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0, 0.1), (1, ""), (2, -9999), (3, ""))
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.0, 1.0, 0.1001)  # agrees: the catalogue's stays
    write_spectrum(tmp_path / "spectra", 4000, 55000, 2, 10.01, 1 + 1.9 / 3600, 0.2)
    write_spectrum(tmp_path / "spectra", 4000, 55000, 3, 10.02 - 0.5 / 3600, 1.0, 0.3)
    write_spectrum(tmp_path / "spectra", 4000, 55000, 4, 10.03, 1 + 2.1 / 3600, 0.4)  # too far
    objects, rejected = objects_of(tmp_path)
    assert list(objects.label) == [0.1, 0.2, 0.3]
    assert rejected == {3: ("label missing", "redshift is nan, and none of 4 spectra is its own")}


def test_the_catalogue_may_have_no_redshift_at_all(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0,), (1,), columns=())
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.01, 1.0, 0.25)
    objects, rejected = objects_of(tmp_path)
    assert list(objects.rows) == [1]
    assert list(objects.label) == [0.25]
    assert rejected[0][0] == "label missing"
    with pytest.raises(RawError, match="column redshift missing"):
        read_objects({"catalogue": tmp_path / "catalogue.csv"}, Options())


def test_plate_mjd_and_fiber_come_before_the_place(tmp_path):
    """Two spectra at one place: each of the object's rows names its own, and the rows are merged by their errors."""
    columns = ("plate", "mjd", "fiberID")
    write_catalogue(
        tmp_path / "catalogue.csv", (0, 4000, 55000, 1), (0, 4000, 55001, 1), (1, "", "", ""), columns=columns
    )
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.0, 1.0, 0.1000, error=1e-4)
    write_spectrum(tmp_path / "spectra", 4000, 55001, 1, 10.0, 1.0, 0.1003, error=2e-4)
    write_spectrum(tmp_path / "spectra", 4000, 55002, 1, 10.01, 1.0, 0.3)  # of a row that names none
    objects, rejected = objects_of(tmp_path)
    assert objects.label == pytest.approx([0.1 + 0.0003 / 5, 0.3])
    assert {row: reason for row, (reason, _) in rejected.items()} == {1: "merged"}


def test_spectra_of_one_place_are_averaged_by_inverse_variance(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0, ""))
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.0, 1.0, 0.1000, error=1e-4)
    write_spectrum(tmp_path / "spectra", 4000, 55001, 1, 10.0, 1.0, 0.1003, error=2e-4)
    assert objects_of(tmp_path)[0].label == pytest.approx([0.10006])


@pytest.mark.parametrize(
    ("catalogue", "redshifts", "reason", "words"),
    [
        (0.1, [0.6], "spectrum disagrees", "redshift 0.1 in the catalogue, 0.6 in spec-4000-55000-0001.fits"),
        ("", [0.1, 0.6], "spectra disagree", "0.1 in spec-4000-55000-0001.fits, 0.6 in spec-4000-55001-0001.fits"),
    ],
)
def test_what_clashes_is_rejected_with_both_values(tmp_path, catalogue, redshifts, reason, words):
    write_catalogue(tmp_path / "catalogue.csv", (0, catalogue), (1, 0.2))
    for number, z in enumerate(redshifts):
        write_spectrum(tmp_path / "spectra", 4000, 55000 + number, 1, 10.0, 1.0, z)
    objects, rejected = objects_of(tmp_path)
    assert list(objects.label) == [0.2]
    assert rejected[0][0] == reason
    assert words in rejected[0][1]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"warning": 4}, "ZWARNING 4"),
        ({"error": -1.0}, "Z_ERR -1"),
        ({"error": 0.0}, "Z_ERR 0"),
        ({"z": np.nan}, "Z nan"),
        ({"z": -1.0}, "Z -1"),
    ],
)
def test_a_spectrum_in_doubt_does_not_count(tmp_path, bad, words):
    write_catalogue(tmp_path / "catalogue.csv", (0, ""), (1, 0.1))
    for number in range(2):
        given = {"z": 0.6, **bad}
        write_spectrum(tmp_path / "spectra", 4000, 55000, 1 + number, 10 + 0.01 * number, 1.0, **given)
    objects, rejected = objects_of(tmp_path)
    assert list(objects.label) == [0.1]  # though the doubtful spectrum says 0.6
    assert rejected[0][0] == "label missing"
    assert words in rejected[0][1]


def _cut(path):
    path.write_bytes(path.read_bytes()[:-2880])


def _foreign(path):
    path.write_bytes(b"<html>503</html>")


def _empty(path):
    path.write_bytes(b"")


def _no_table(path):
    fits.writeto(path, np.zeros((3, 3)), overwrite=True)


def _of_another(path):
    path.unlink()
    write_spectrum(path.parent, 4000, 55000, 9, 10.01, 1.0, 0.2, name=path.name)


@pytest.mark.parametrize("spoil", [_cut, _foreign, _empty, _no_table, _of_another])
def test_a_damaged_spectrum_costs_its_redshift_and_no_other(tmp_path, spoil):
    write_catalogue(tmp_path / "catalogue.csv", (0, ""), (1, ""))
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.0, 1.0, 0.1)
    path = write_spectrum(tmp_path / "spectra", 4000, 55000, 2, 10.01, 1.0, 0.2)
    spoil(path)
    with pytest.raises(SpectrumError, match=r"not a whole spectrum|not what its name says"):
        read_spectrum(path)
    objects, rejected = objects_of(tmp_path)
    assert list(objects.label) == [0.1]
    assert rejected[1] == (
        "label missing",
        "redshift is nan, and none of 1 spectra is its own; 1 could not be read, first spec-4000-55000-0002.fits",
    )


def test_spectra_need_a_folder_with_some_and_a_redshift_to_fill(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0, 0.1))
    with pytest.raises(RawError, match="spectra: no such folder"):
        objects_of(tmp_path)
    (tmp_path / "spectra").mkdir()
    with pytest.raises(RawError, match="no spectrum found, expected files spec-<plate>"):
        objects_of(tmp_path)
    with pytest.raises(RawError, match=r"but the label is 'psfMag_r'\. Hint"):
        objects_of(tmp_path, label="psfMag_r")


def test_frames_are_fetched_for_what_a_spectrum_makes_usable(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0, ""))
    write_spectrum(tmp_path / "spectra", 4000, 55000, 1, 10.0, 1.0, 0.1)
    raw = {"catalogue": tmp_path / "catalogue.csv"}
    assert archive_paths(raw, Options()) == []
    assert len(archive_paths({**raw, "spectra": tmp_path / "spectra"}, Options())) == 5


def test_the_config_takes_spectra_and_does_without(tmp_path):
    write_catalogue(tmp_path / "catalogue.csv", (0, 0.1))
    raw = {"catalogue": str(tmp_path / "catalogue.csv"), "frames": str(tmp_path)}
    bakeoffs = {"b": {"datasets": ["d"], "models": ["inception_small"], "losses": ["mse"]}}
    for given in (raw, {**raw, "spectra": str(tmp_path)}):
        plan({"datasets": {"d": {"survey": "sdss", "raw": given}}, "bakeoffs": bakeoffs})
    with pytest.raises(ConfigError, match="frames found; expected catalogue and frames"):
        plan({"datasets": {"d": {"survey": "sdss", "raw": {"frames": str(tmp_path)}}}, "bakeoffs": bakeoffs})


@pytest.fixture(scope="module")
def field_2820():
    folder = DATA / "sdss_frames_2820"
    if not folder.exists():
        pytest.skip("sdss_frames_2820 is missing: set SKYBAKE_SHARED_DATA to the folder that holds it")
    return folder


def write_targets(path):
    """The catalogue of the two targets of field 2820, without their redshifts."""
    rows = [
        {"objID": 1237663783677264495, "ra": 38.26535413, "dec": -0.21845135},
        {"objID": 1237666407922335825, "ra": 38.301802, "dec": -0.13391571},
    ]
    pd.DataFrame([{**row, "run": 2820, "camcol": 3, "field": 122} for row in rows]).to_csv(path, index=False)


def test_real_spectra_label_the_real_field(field_2820, tmp_path):
    """The galaxy at the edge is in the dataset, flagged, and its redshift is that of its spectrum."""
    write_targets(tmp_path / "catalogue.csv")
    raw = {"catalogue": tmp_path / "catalogue.csv", "frames": field_2820, "spectra": field_2820}
    ingest(sdss, raw, tmp_path / "d.h5", tmp_path / "rejected.csv", Options(), mock=False)
    dataset = load_dataset(tmp_path / "d.h5")
    assert dataset.labels["redshift"] == pytest.approx([0.60651225, -2.037008e-5], rel=1e-6)
    assert dataset.scalars["padded_fraction"] == pytest.approx([5.5 / 32, 0], abs=1.5 / 32)
    assert dataset.columns["label/redshift"].description == "Z of the object's spectrum"
    assert dataset.notes["spectra"] == 2
    assert "spectra/" in dataset.raw


def test_a_damaged_real_spectrum_leaves_its_object_without_label(field_2820, tmp_path):
    write_targets(tmp_path / "catalogue.csv")
    (tmp_path / "spectra").mkdir()
    (tmp_path / "spectra" / STAR).write_bytes((field_2820 / STAR).read_bytes())
    (tmp_path / "spectra" / GALAXY).write_bytes((field_2820 / GALAXY).read_bytes()[:100_000])
    objects, rejected = objects_of(tmp_path)
    assert list(objects.label) == pytest.approx([-2.037008e-5])
    assert rejected[0][0] == "label missing"
    assert rejected[0][1].endswith(f"1 could not be read, first {GALAXY}")
