"""The dataset file: written whole or not at all, and bad files told apart."""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from skybake.data import columns, rejections
from skybake.data.columns import DatasetError
from skybake.data.dataset import Reader, load_dataset
from skybake.data.writer import create_dataset
from skybake.metrics.regression import RELATIVE
from skybake.missing import MAGIC
from tests.conftest import SCHEMA, write_dataset


def rows(n=2, *, start=0, value=1.0):
    """Return what a Writer appends, for n objects."""
    return {
        "image": np.full((n, 4, 4, 2), value),
        "id": [f"o{start + i}" for i in range(n)],
        "group": ["g"] * n,
        "labels": {"log10_mass": np.ones(n)},
        "scalars": {"redshift": np.ones(n)},
    }


def test_what_is_written_is_read(tmp_path):
    path = write_dataset(tmp_path / "d.h5", n=150, size=8)
    found = load_dataset(path)
    assert (len(found), found.image_shape, found.bands, found.mock) == (150, (8, 8, 2), ("soft", "hard"), True)
    assert found.columns["label/log10_mass"].units == "log10 Msun"
    assert found.columns["image"].units == "counts"
    assert found.raw == {"test.npy": "0" * 64}
    with h5py.File(path) as file:
        everything = file["image"][:]
    order = np.array([140, 3, 3, 0, 77])
    assert np.array_equal(found.images(order), everything[order])
    assert found.images(order).dtype == np.float32


def test_images_are_read_again_and_again_from_an_open_file(tmp_path):
    found = load_dataset(write_dataset(tmp_path / "x.h5", n=150, size=8))  # the third chunk is not full
    everything = found.images(np.arange(150))
    with Reader(found) as reader:
        for rows in ([149, 0, 149, 64], [], [63, 64], np.arange(150)[::-1]):
            np.testing.assert_array_equal(reader.images(np.array(rows, int)), everything[np.array(rows, int)])
        out = np.zeros((4, 8, 8, 2), np.float32)
        assert reader.images(np.array([5, 130]), out[:2]).base is out
        np.testing.assert_array_equal(out[:2], everything[[5, 130]])
    for missing in (150, 192, -1):
        with pytest.raises(IndexError, match=f"x.h5: no row {missing}, found 150"):
            found.images(np.array([3, missing]))


def test_a_damaged_chunk_is_named(tmp_path):
    path = write_dataset(tmp_path / "x.h5", n=150, size=8)
    with h5py.File(path) as file:
        chunk = file["image"].id.get_chunk_info(1)
    with path.open("r+b") as stream:
        stream.seek(chunk.byte_offset)
        stream.write(bytes(chunk.size))
    found = load_dataset(path)
    assert np.isfinite(found.images(np.arange(64))).all()
    with pytest.raises(columns.DatasetError, match=r"x.h5: the images of rows 64 to 127 cannot be read .* Hint:"):
        found.images(np.arange(150))


def test_same_content_same_bytes(tmp_path):
    a, b = (write_dataset(tmp_path / name) for name in ("a.h5", "b.h5"))
    assert a.read_bytes() == b.read_bytes()


def test_appending_in_pieces_is_the_same(tmp_path):
    for name, pieces in (("one.h5", [4]), ("two.h5", [1, 3])):
        with create_dataset(tmp_path / name, SCHEMA) as writer:
            start = 0
            for n in pieces:
                writer.append(**rows(n, start=start))
                start += n
    one, two = load_dataset(tmp_path / "one.h5"), load_dataset(tmp_path / "two.h5")
    assert one.digest == two.digest
    assert np.array_equal(one.images(np.arange(4)), two.images(np.arange(4)))


def test_an_error_leaves_no_file_and_keeps_the_old_one(tmp_path):
    path = write_dataset(tmp_path / "d.h5")
    before = path.read_bytes()
    with pytest.raises(RuntimeError, match="halfway"), create_dataset(path, SCHEMA) as writer:
        writer.append(**rows())
        raise RuntimeError("halfway")
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["d.h5"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": np.ones((2, 4, 4, 3))}, r"shape \(2, 4, 4, 3\) do not fit: expected \(2, H, W, 2\)"),
        ({"image": np.ones((3, 4, 4, 2))}, "do not fit"),
        ({"id": ["a", "a"]}, "'a' stands twice"),
        ({"labels": {"mass": np.ones(2)}}, r"labels \['mass'\] given, expected \['log10_mass'\]"),
        ({"image": np.full((2, 4, 4, 2), np.nan)}, "'o0' has pixels that are not finite"),
    ],
)
def test_rows_that_do_not_fit_are_refused(change, message, tmp_path):
    with pytest.raises(DatasetError, match=message), create_dataset(tmp_path / "d.h5", SCHEMA) as writer:
        writer.append(**{**rows(), **change})
    assert not (tmp_path / "d.h5").exists()


def test_an_id_must_not_come_again_later(tmp_path):
    with pytest.raises(DatasetError, match="'o0' stands twice"), create_dataset(tmp_path / "d.h5", SCHEMA) as writer:
        writer.append(**rows())
        writer.append(**rows())


def test_a_dataset_without_objects_is_refused(tmp_path):
    with (
        pytest.raises(DatasetError, match=r"no object was accepted.*rejected\.csv"),
        create_dataset(tmp_path / "d.h5", SCHEMA),
    ):
        pass


def spoil(path, change):
    """Change an open dataset file."""
    with h5py.File(path, "r+") as file:
        change(file)


BAD = {
    "another format": (lambda file: file.attrs.update(format="x"), "format 'x' found, expected 'skybake-dataset'"),
    "another version": (lambda file: file.attrs.update(version=99), "version 99 found, expected 2.*ingest it again"),
    "unfinished": (lambda file: file.attrs.pop("complete"), "never finished"),
    "an array missing": (lambda file: file.pop("image"), "/image is missing"),
    "arrays that disagree": (lambda file: file["group"].resize(5, axis=0), "/group has 5 rows, /id has 120"),
    "other ids": (
        lambda file: file["id"].write_direct(np.array(["x"] * 120, dtype=object)),
        "not those it was",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_is_told_apart(case, tmp_path):
    change, message = BAD[case]
    path = write_dataset(tmp_path / "d.h5")
    spoil(path, change)
    with pytest.raises(DatasetError, match=f"d.h5: .*{message}"):
        load_dataset(path)


def test_no_file_no_hdf5_and_a_truncated_file(tmp_path):
    with pytest.raises(DatasetError, match="no such dataset"):
        load_dataset(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("hello")
    with pytest.raises(DatasetError, match="not an HDF5 file"):
        load_dataset(tmp_path / "text.h5")
    path = write_dataset(tmp_path / "d.h5")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match="not an HDF5 file, or a truncated one"):
        load_dataset(path)


def test_rejected_objects_stand_in_the_catalogues_order(tmp_path):
    rejected = [rejections.Rejection(7, "b", "no mass", "nan"), rejections.Rejection(2, "a,1", "no image")]
    rejections.write_rejected(tmp_path / "rejected.csv", rejected)
    assert (tmp_path / "rejected.csv").read_text() == ('row,id,reason,detail\n2,"a,1",no image,\n7,b,no mass,nan\n')


CLASSES = replace(SCHEMA, task="classification", labels={"class": columns.class_column(("star", "gäläxy"))})


def classified(values):
    """Return what a Writer appends: one object for each class number."""
    return {**rows(len(values)), "labels": {"class": np.array(values, dtype=float)}}


def test_class_names_are_kept_and_unknown_classes_too(tmp_path):
    with create_dataset(tmp_path / "d.h5", CLASSES) as writer:
        writer.append(**classified([1, 0, np.nan, MAGIC, np.inf]))
    found = load_dataset(tmp_path / "d.h5")
    assert found.classes == ("star", "gäläxy")
    assert "classes" not in found.notes
    with h5py.File(tmp_path / "d.h5") as file:
        assert list(file["label/class"].attrs["classes"]) == ["star", "gäläxy"]


def test_a_file_without_class_names_has_none(tmp_path):
    with h5py.File(write_dataset(tmp_path / "d.h5")) as file:
        assert "classes" not in file["label/log10_mass"].attrs
    assert load_dataset(tmp_path / "d.h5").classes == ()


@pytest.mark.parametrize("wrong", [2, -1, 0.5])
def test_a_label_that_is_no_class_is_refused(wrong, tmp_path):
    message = rf"'o1': class {wrong:g} found; expected a class from 0 to 1 \(star, gäläxy\)"
    with pytest.raises(DatasetError, match=message), create_dataset(tmp_path / "d.h5", CLASSES) as writer:
        writer.append(**classified([0, wrong]))
    assert not (tmp_path / "d.h5").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"classes": ("star", "star")}, "expected at least two distinct names"),
        ({"classes": ("star",)}, "expected at least two distinct names"),
        ({"classes": ("star", "")}, "expected at least two distinct names"),
        ({"classes": "ab"}, "expected at least two distinct names"),
        ({"task": "regression"}, "expected none, since the task is regression"),
    ],
)
def test_class_names_that_cannot_be_are_refused(change, message, tmp_path):
    if "classes" in change:
        change = {"labels": {"class": replace(CLASSES.labels["class"], **change)}}
    with pytest.raises(DatasetError, match=message), create_dataset(tmp_path / "d.h5", replace(CLASSES, **change)):
        pass


MASS = SCHEMA.labels["log10_mass"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": {"m": replace(MASS, kind="masss")}}, "m: kind 'masss' given; expected one of redshift, "),
        ({"labels": {"m": replace(MASS, outlier=None)}}, "label m: outlier None given; expected the size of a large"),
        ({"labels": {"m": replace(MASS, error="p / t")}}, r"label m: error 'p / t' given; expected one of predicted"),
        ({"labels": {"m": replace(MASS, known_error="e")}}, r"its error in 'e'; expected one of \['redshift'\]"),
        ({"labels": {"m": MASS, "n": MASS}}, r"label '' to predict given; expected one of \['m', 'n'\]"),
        ({"label": "n"}, r"label 'n' to predict given; expected one of \['log10_mass'\]"),
        ({"scalars": {"s": columns.Column("", "", "size!")}}, "s: kind 'size!' given"),
    ],
)
def test_a_column_that_does_not_say_what_it_is_is_refused(change, message, tmp_path):
    with pytest.raises(DatasetError, match=message), create_dataset(tmp_path / "d.h5", replace(SCHEMA, **change)):
        pass


def test_what_columns_are_is_kept(tmp_path):
    schema = replace(
        SCHEMA,
        label="z",
        labels={
            "mass": MASS,
            "z": columns.Column("", "how far", "redshift", error=RELATIVE, outlier=0.05, known_error="z_err"),
        },
        scalars={
            "z_err": columns.Column("", "its error", "uncertainty"),
            "b": columns.Column("mag", "", "magnitude", band="b"),
            "v": columns.Column("mag", "", "magnitude", band="v", preferred=True),
            "a": columns.Column("mag", "", "magnitude"),
        },
    )
    values = np.zeros(2)
    with create_dataset(tmp_path / "d.h5", schema) as writer:
        given = {"labels": dict.fromkeys(schema.labels, values), "scalars": dict.fromkeys(schema.scalars, values)}
        writer.append(**{**rows(2), **given})
    found = load_dataset(tmp_path / "d.h5")
    assert found.label == "z"
    assert {f"label/{name}": column for name, column in schema.labels.items()}.items() <= found.columns.items()
    assert {f"scalar/{name}": column for name, column in schema.scalars.items()}.items() <= found.columns.items()
    assert found.scalars_of("magnitude") == ["v", "a", "b"]
    assert found.scalars_of("redshift") == []


def test_a_file_whose_labels_are_none_of_its_classes_is_told_apart(tmp_path):
    with create_dataset(tmp_path / "d.h5", CLASSES) as writer:
        writer.append(**classified([1, 0]))
    spoil(tmp_path / "d.h5", lambda file: file["label/class"].write_direct(np.array([1.0, 7.0])))
    with pytest.raises(DatasetError, match=r"d\.h5: object 'o1': class 7 found; expected a class from 0 to 1"):
        load_dataset(tmp_path / "d.h5")
