"""Inputs that fooled skybake, each with the behaviour that is right; their neighbours stand in test_guesses, ..."""

import csv
import pickle

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.table import MaskedColumn, Table, join

from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset
from skybake.raw import RawError, decam, efeds, sdss
from skybake.raw.ingest import ingest

BANDS = "ugriz"


def rng():
    return np.random.default_rng(1)


def objids(n=6):
    return [1237662525769187516 + int(step) for step in rng().integers(0, 9000, n)]


def sdss_catalogue(n=6):
    return pd.DataFrame(
        {
            "objID": objids(n),
            "ra": np.linspace(150, 151, n),
            "dec": np.linspace(1, 2, n),
            "redshift": np.linspace(0.1, 0.2, n),
            **{f"psfMag_{band}": 17.0 + k for k, band in enumerate(BANDS)},
            "run": 756,
            "camcol": 3,
            "field": 11,
        }
    )


def objects_of(path, **options):
    """Return the objects of an SDSS catalogue, and reason by row of the rejected ones."""
    _, _, objects, rejections, _ = sdss.read_objects(
        {"catalogue": path, "frames": path.parent}, sdss.Options(**options)
    )
    return objects, {item.row: item.reason for item in rejections}


def read(reader, folder, options=None, **raw):
    """Ingest files of a folder; return the dataset, and (row, reason, detail) of the rejected rows."""
    paths = {name: folder / file for name, file in raw.items()}
    rejected = folder / "rejected.csv"
    options = reader.Options(**(options or {}))
    ingest(reader, paths, folder / "d.h5", rejected, options, mock=False, kept=folder / "kept.csv")
    with rejected.open(newline="") as stream:
        found = [(int(row["row"]), row["reason"], row["detail"]) for row in csv.DictReader(stream)]
    return load_dataset(folder / "d.h5"), found


def stamps(folder, n=60):
    np.save(folder / "stamps.npy", rng().normal(size=(n, 21, 21)).astype("f4"))


def labelled(folder, labels, **columns):
    stamps(folder, len(labels))
    pd.DataFrame({"label": labels, **columns}).to_csv(folder / "catalogue.csv", index=False)
    return {"stamps": "stamps.npy", "catalogue": "catalogue.csv"}


@pytest.fixture
def clusters(tmp_path):
    """Cubes with 0-based frame labels of a selection, a catalogue with a 1-based ID_SRC of the same objects."""
    draw = rng()
    parent = pd.DataFrame(
        {"ID_SRC": np.arange(1, 501), "M500c": 10 ** draw.uniform(13.5, 15, 500), "z": draw.uniform(0.1, 0.8, 500)}
    )
    kept = parent[draw.uniform(size=500) < 0.75]
    cubes = (np.log10(kept.M500c.to_numpy())[:, None, None, None] * np.ones((1, 8, 8, 10))).astype("f4")
    with (tmp_path / "images.pkl").open("wb") as stream:
        pickle.dump({"cluster": kept.index.to_numpy(), "gsm_3dImgs": cubes}, stream)
    kept.reset_index(drop=True).to_feather(tmp_path / "catalogue.feather")
    return tmp_path


def test_ids_that_agree_by_coincidence_are_no_match(clusters):
    files = {"images": "images.pkl", "catalogue": "catalogue.feather"}
    with pytest.raises(RawError, match=r"of 3\d\d ids.*`match: id`.*`match: position`"):
        read(efeds, clusters, **files)
    data, _ = read(efeds, clusters, {"match": "position"}, **files)
    assert data.images(np.arange(len(data)))[:, 0, 0, 0] == pytest.approx(data.labels["log10_mass"], abs=1e-5)


def test_masked_ids_of_fits_are_missing(tmp_path):
    left = Table(
        {
            "row": np.arange(9),
            "redshift": [0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.101, 0.1012, 0.1011],
            "run": [756] * 9,
            "camcol": [3] * 9,
            "field": [11] * 9,
            "ra": np.linspace(150, 152, 9),
            "dec": np.linspace(1, 3, 9),
        }
    )
    right = Table({"row": np.arange(6), "objID": objids()})
    join(left, right, keys="row", join_type="left").write(tmp_path / "catalogue.fits")
    objects, reasons = objects_of(tmp_path / "catalogue.fits")
    assert reasons == dict.fromkeys((6, 7, 8), "missing id")
    assert objects.label.tolist() == left["redshift"][:6].tolist()


def test_masked_scalars_and_groups_of_fits_are_missing(tmp_path):
    stamps(tmp_path)
    Table(
        {
            "label": np.r_[np.ones(30), np.zeros(30)].astype(int),
            "snr": MaskedColumn(np.arange(60), mask=np.arange(60) % 3 == 0),
            "group": MaskedColumn(np.arange(60) // 4, mask=np.arange(60) % 2 == 0),
        }
    ).write(tmp_path / "catalogue.fits")
    data, rejected = read(decam, tmp_path, stamps="stamps.npy", catalogue="catalogue.fits")
    assert not rejected
    assert np.isnan(data.scalars["snr"]).tolist() == [row % 3 == 0 for row in range(60)]
    assert len(set(data.groups[::2])) == 30
    assert data.groups[1::2].tolist() == [str(row // 4) for row in range(1, 60, 2)]


def test_labels_that_leave_one_class_are_an_error(tmp_path):
    files = labelled(tmp_path, [1] * 30 + [-1] * 30)
    with pytest.raises(RawError, match=r'"-1" \(30\).*"1" \(30\).*classes: \["-1", "1"\]'):
        read(decam, tmp_path, **files)
    data, _ = read(decam, tmp_path, {"classes": ("-1", "1")}, **files)
    assert data.labels["class"].tolist() == [1.0] * 30 + [0.0] * 30


def test_two_columns_of_one_name_are_ambiguous(tmp_path):
    table = sdss_catalogue().rename(columns={"redshift": "z"})
    table = table[["objID", "ra", "dec", "psfMag_z", "z", "run", "camcol", "field"]]
    table.columns = ["z" if name == "psfMag_z" else name for name in table.columns]
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=r"columns 4 and 5, counted from 1, are both 'z'"):
        objects_of(tmp_path / "catalogue.csv")


def test_the_same_pixels_with_another_label_are_both_rejected(tmp_path):
    first, second = rng().normal(size=(2, 30, 21, 21)).astype("f4")
    second[0] = first[0]
    np.save(tmp_path / "sources.npy", first)
    np.save(tmp_path / "noise.npy", second)
    data, rejected = read(decam, tmp_path, sources="sources.npy", noise="noise.npy")
    assert len(data) == 58
    assert [(row, reason) for row, reason, _ in rejected] == [(0, "labels disagree"), (30, "labels disagree")]
    assert all("source" in detail and "noise" in detail for _, _, detail in rejected)


def test_marks_of_missing_values_cost_the_value_only(tmp_path):
    table = sdss_catalogue().astype(object)
    table["psfMag_u"] = ["--", r"\N", "<NA>", "---", "", 18.0]
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    objects, reasons = objects_of(tmp_path / "catalogue.csv")
    assert not reasons
    assert np.isfinite(objects.scalars["psfMag_u"]).tolist() == [False] * 5 + [True]


def test_blanks_around_names_are_no_part_of_them(tmp_path):
    table = sdss_catalogue()
    table.to_csv(tmp_path / "plain.csv", index=False)
    table.columns = [f"{name} " for name in table.columns]
    table.to_csv(tmp_path / "blanks.csv", index=False)
    plain, blanks = (objects_of(tmp_path / f"{name}.csv")[0] for name in ("plain", "blanks"))
    assert set(plain.scalars) == set(blanks.scalars) >= {"ra", "dec", "psfMag_u", "u-g"}


def test_the_index_of_a_parquet_file_is_a_column(tmp_path):
    sdss_catalogue().set_index("objID").to_parquet(tmp_path / "catalogue.parquet")
    objects, _ = objects_of(tmp_path / "catalogue.parquet")
    assert objects.ids == [str(name) for name in objids()]


def test_a_slash_in_a_name_is_kept(tmp_path):
    files = labelled(tmp_path, [1] * 30 + [0] * 30, **{"S/N": np.arange(60.0), "mag": 20.0, "mag/err": 0.1})
    data, _ = read(decam, tmp_path, {"scalars": ("S/N", "mag", "mag/err")}, **files)
    assert set(data.scalars) == {"S/N", "mag", "mag/err", "n_masked"}
    assert data.scalars["S/N"].tolist() == list(range(60))
    assert data.columns["scalar/mag/err"].kind == "magnitude"


def test_an_ascii_table_of_fits_is_read(tmp_path):
    table = sdss_catalogue()
    columns = [fits.Column("objID", "A19", array=table.objID.astype(str).to_numpy("S19"))]
    columns += [fits.Column(name, "D25.17", array=table[name].to_numpy(float)) for name in table.columns[1:]]
    fits.TableHDU.from_columns(columns).writeto(tmp_path / "ascii.fits")
    objects, reasons = objects_of(tmp_path / "ascii.fits")
    assert not reasons
    assert objects.ids == [str(name) for name in objids()]
    assert objects.label.tolist() == table.redshift.tolist()


def test_the_objects_of_an_ldac_file_are_read(tmp_path):
    head = fits.BinTableHDU.from_columns(
        [fits.Column("Field Header Card", "80A", array=np.array(["SIMPLE  = T"]))], name="LDAC_IMHEAD"
    )
    found = fits.BinTableHDU(Table.from_pandas(sdss_catalogue()), name="LDAC_OBJECTS")
    fits.HDUList([fits.PrimaryHDU(), head, found]).writeto(tmp_path / "ldac.fits")
    objects, _ = objects_of(tmp_path / "ldac.fits")
    assert objects.ids == [str(name) for name in objids()]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda good: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a Git LFS pointer"),
        (lambda good: good[:5000], r"cut off: .*5000 bytes"),
        (lambda good: b"\n<!DOCTYPE html><html>Not found</html>", "a web page"),
        (lambda good: b"\x89HDF\r\n\x1a\n" + bytes(100), "an HDF5 file"),
        (lambda good: b"", "empty"),
        (lambda good: pickle.dumps([1, 2]), "a pickle"),
    ],
)
def test_what_is_no_npy_file_is_called_what_it_is(make, said, tmp_path):
    files = labelled(tmp_path, [0, 1] * 30)
    path = tmp_path / "stamps.npy"
    path.write_bytes(make(path.read_bytes()))
    with pytest.raises(RawError, match=said):
        read(decam, tmp_path, **files)


def test_an_hdf5_file_is_no_npy_file(tmp_path):
    h5py.File(tmp_path / "stamps.npy", "w").close()
    with pytest.raises(RawError, match="an HDF5 file"):
        read(decam, tmp_path, stamps="stamps.npy")


def test_labels_may_be_a_column(tmp_path):
    labels = np.arange(60).reshape(-1, 1) % 2
    np.savez(tmp_path / "stamps.npz", stamps=rng().normal(size=(60, 21, 21)), labels=labels)
    data, _ = read(decam, tmp_path, stamps="stamps.npz")
    assert data.labels["class"].tolist() == labels[:, 0].tolist()


def test_classes_that_are_unknown_are_listed_with_the_line_to_add(tmp_path):
    files = labelled(tmp_path, ["Star", "Galaxy"] * 30)
    with pytest.raises(RawError, match=r'"Galaxy" \(30\).*"Star" \(30\).*classes: \["Galaxy", "Star"\].*kept.csv'):
        read(decam, tmp_path, **files)
    assert len((tmp_path / "kept.csv").read_text().splitlines()) == 61


def test_where_nothing_is_accepted_the_message_says_why(tmp_path):
    files = labelled(tmp_path, [0, 1] * 30)
    np.save(tmp_path / "stamps.npy", np.zeros((60, 21, 21)))
    with pytest.raises(DatasetError) as failed:
        read(decam, tmp_path, **files)
    said = str(failed.value)
    assert "constant stamp: 60" in said
    assert all(f"row {row} (stamps-{row})" in said for row in range(3))
    assert "row 3" not in said
    assert str(tmp_path / "kept.csv") in said
    assert len((tmp_path / "kept.csv").read_text().splitlines()) == 61
    np.save(tmp_path / "stamps.npy", rng().normal(size=(60, 21, 21)))
    read(decam, tmp_path, **files)
    assert not (tmp_path / "kept.csv").exists()
