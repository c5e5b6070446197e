"""Every reader without labels: objects that have none are kept, or they alone, with or without a column of labels."""

import csv
from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest

from skybake.config.applications import as_dataset
from skybake.config.blocks import DatasetBlock, NewObjects
from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset
from skybake.raw import RawError, cifar, cutouts
from skybake.raw import frames as frames_reader
from skybake.raw.ingest import ingest
from tests.unit.raw import cutouts_files, small_sdss
from tests.unit.raw.test_cifar import NAMES, batch, python_2
from tests.unit.raw.test_decam import NOISE, SOURCES, Folder
from tests.unit.raw.test_efeds import Raw

KEEP = {"without_label": "keep"}
N = cutouts_files.N


def known(dataset, name):
    return np.flatnonzero(np.isfinite(dataset.labels[name])).tolist()


@pytest.fixture
def cube(tmp_path):
    """A cube of images, and a catalogue in which some labels are missing or cannot be used."""
    np.save(tmp_path / "cube.npy", cutouts_files.pixels())
    frame = cutouts_files.table().astype({"size": object})
    frame.loc[[1, 2, 3, 4], "size"] = ["", -9999, "faint", -2.0]
    return {
        "images": tmp_path / "cube.npy",
        "catalogue": cutouts_files.write_csv(tmp_path / "catalogue.csv", frame),
    }


def test_cutouts_keep_objects_whose_label_is_missing_or_cannot_be_used(tmp_path, cube):
    dataset, rejected = cutouts_files.run(tmp_path, cube, label="size", transform="log10", **KEEP)
    assert (len(dataset), len(rejected)) == (N, 0)
    assert known(dataset, "log10_size") == [0, *range(5, N)]
    assert dataset.labels["log10_size"][5] == np.log10(6.5)
    assert not any("outlier" in text for text in dataset.warnings)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, ""),
        (
            {"size": 7},
            r"dataset.h5: images of 7 x 7 x 1 found; expected {0} x {0} x 1, .* Hint: apply.new.options, e.g. si",
        ),
        ({"bands": ("r",)}, r"dataset.h5: bands r found; expected image, in this order. Hint: apply.new.options"),
    ],
)
def test_images_that_no_network_takes_are_told_while_they_are_read(tmp_path, cube, options, words):
    trained, _ = cutouts_files.run(tmp_path, cube, label="size", **KEEP)
    out, told = tmp_path / "dataset.h5", cutouts.Options(label="size", **KEEP, **options)
    with pytest.raises(DatasetError, match=words.format(trained.image_shape[0])) if words else nullcontext():
        ingest(cutouts, cube, out, tmp_path / "r.csv", told, mock=False, like=trained.path, applied_by="apply.new")
    assert out.exists() == (not words)


def test_cutouts_that_alone_have_no_label(tmp_path, cube):
    dataset, rejected = cutouts_files.run(tmp_path, cube, label="size", transform="log10", without_label="only")
    assert list(dataset.ids) == ["g1", "g2", "g3", "g4"]
    assert set(rejected["reason"]) == {"has a label"}
    assert list(rejected["row"]) == ["0", *map(str, range(5, N))]


def test_that_all_have_a_label_where_none_is_wanted_is_said(tmp_path, cube):
    text = cutouts_files.said(tmp_path, cube, label="z", without_label="only")
    assert "no object was accepted of 12 rows" in text
    assert "has a label: 12" in text


def test_a_catalogue_without_the_column_of_labels_and_of_the_split(tmp_path, cube):
    options = {"label": "las", "label_error": "las_error", "split_column": "part", **KEEP}
    dataset, rejected = cutouts_files.run(tmp_path, cube, **options)
    assert (len(dataset), len(rejected)) == (N, 0)
    assert known(dataset, "las") == []
    assert "part" not in dataset.scalars
    assert any("no column las; no object has a known label" in text for text in dataset.warnings)


def test_the_same_catalogue_is_refused_where_labels_are_needed(tmp_path, cube):
    assert "no column 'las'" in cutouts_files.said(tmp_path, cube, label="las")
    assert "label missing: 2" in cutouts_files.said(tmp_path, cube, label="size", most_rejected=0.1)


def test_cutouts_of_classes_need_their_names_and_one_of_each_is_no_matter(tmp_path, cube):
    options = {"label": "kind", "task": "classification", **KEEP}
    assert "options: {classes: [...]}" in cutouts_files.said(tmp_path, cube, **options)
    dataset, _ = cutouts_files.run(tmp_path, cube, classes=("spiral", "ring"), **options)
    assert known(dataset, "kind") == list(range(0, N, 2))
    assert dataset.classes == ("spiral", "ring")


def test_the_same_pixels_of_two_classes_and_one_class_alone(tmp_path, cube):
    images = cutouts_files.pixels()
    images[1] = images[0]
    np.save(tmp_path / "cube.npy", images)
    options = {"label": "kind", "classes": ("spiral", "elliptical")}
    dataset, rejected = cutouts_files.run(tmp_path, cube, **options, **KEEP)
    assert (len(dataset), len(rejected)) == (N, 0)
    dataset, rejected = cutouts_files.run(tmp_path, cube, **options)
    assert list(rejected["reason"]) == ["labels disagree"] * 2


def test_unlabelled_objects_are_not_told_without_the_column(tmp_path, cube):
    text = cutouts_files.said(tmp_path, cube, label="extent", without_label="only")
    assert "no column extent, which tells the objects without a label; found" in text


def test_labels_of_one_name_may_disagree_where_none_is_needed(tmp_path, cube):
    frame = cutouts_files.table()
    frame.loc[1, "id"] = frame.loc[0, "id"]
    cutouts_files.write_csv(tmp_path / "catalogue.csv", frame)
    _, rejected = cutouts_files.run(tmp_path, cube, label="size", **KEEP)
    assert [list(rejected["row"]), list(rejected["reason"])] == [["1"], ["id repeats"]]


def test_what_else_is_rejected_stays_rejected(tmp_path, cube):
    images = cutouts_files.pixels()
    images[1] = np.nan
    np.save(tmp_path / "cube.npy", images)
    _, rejected = cutouts_files.run(tmp_path, cube, label="size", **KEEP)
    assert list(rejected["reason"]) == ["masked pixels"]


def test_frames(tmp_path):
    cutouts_files.write_frame(tmp_path / "frames" / "a.fits", 150.0, 2.0)
    places = pd.DataFrame({"id": ["a", "b"], "ra": [150.0, 150.001], "dec": [2.0, 2.001]})
    raw = {"frames": tmp_path / "frames", "catalogue": cutouts_files.write_csv(tmp_path / "c.csv", places)}
    dataset, rejected = cutouts_files.run(tmp_path, raw, reader=frames_reader, size=8, label="flux", **KEEP)
    assert (list(dataset.ids), len(rejected)) == (["a", "b"], 0)
    assert known(dataset, "flux") == []


@pytest.mark.parametrize("column", [True, False])
def test_sdss(frames, column):
    rows = small_sdss.catalogue_rows()
    rows.loc[[0, 2, 3], "redshift"] = ["", "bright", 99.0]
    rows = pd.concat([rows, rows.iloc[[2]].assign(redshift=0.25)])  # an object of two rows, one with a redshift
    dataset, rejected = small_sdss.run(frames, rows if column else rows.drop(columns="redshift"), **KEEP)
    assert len(dataset) == 5
    assert list(rejected["reason"]) == ["merged"]
    labels = dataset.labels["redshift"][known(dataset, "redshift")]
    assert sorted(labels) == pytest.approx([0.2204, 0.25, 0.3011] if column else [])


@pytest.mark.parametrize("names", [("M500c", "z"), ("m500_wl_final", "z_final")])
def test_efeds(tmp_path, names):
    raw = Raw(tmp_path)
    masses = raw.columns["M500c"].copy()
    masses[[1, 2]] = np.nan, 0.0
    raw.columns = dict(zip(names, (masses, raw.columns["z"]), strict=True))
    assert known(raw.ingest(**KEEP), "log10_mass") == [0, 3, 4, 5]
    assert raw.rejected() == []
    del raw.columns[names[0]]
    assert known(raw.ingest(**KEEP), "log10_mass") == []
    assert len(raw.ingest(without_label="only")) == 6


def test_decam(tmp_path):
    stamps = np.concatenate([SOURCES, NOISE])
    labels = np.where(np.arange(12) < 5, "source", "satellite")
    dataset, rejected = Folder(tmp_path).archive(stamps=stamps, label=labels).read(**KEEP)
    assert (known(dataset, "class"), rejected) == ([0, 1, 2, 3, 4], [])
    stamps[7] = stamps[6]
    dataset, rejected = Folder(tmp_path).archive(stamps=stamps).read(label="kind", **KEEP)
    assert known(dataset, "class") == []
    assert rejected == [(7, "stamps-7", "duplicate")]


@pytest.mark.parametrize("labels", [[0, None, 1, 7], ...])
def test_cifar(tmp_path, labels):
    names = {"batches.meta": {"label_names": NAMES}, "new": batch(4, 1, labels=labels), "test_batch": batch(2, 2)}
    for name, content in names.items():
        (tmp_path / name).write_bytes(python_2(content))
    out, rejected = tmp_path / "d.h5", tmp_path / "rejected.csv"
    options = cifar.Options(train=("new",), **KEEP)
    ingest(cifar, {"batches": tmp_path}, out, rejected, options, mock=False)
    dataset = load_dataset(out)
    assert known(dataset, "class") == ([0, 2, 4, 5] if labels is not ... else [4, 5])
    with rejected.open() as stream:
        assert list(csv.DictReader(stream)) == []
    with pytest.raises((RawError, DatasetError)):
        ingest(cifar, {"batches": tmp_path}, out, rejected, cifar.Options(train=("new",), most_rejected=0), mock=False)


@pytest.mark.parametrize(("objects", "wanted"), [("all", "keep"), ("unlabelled", "only")])
def test_what_is_applied_needs_no_labels(objects, wanted):
    like = DatasetBlock(survey="cutouts", raw={"images": "a"}, options={"label": "size"}, split={"strategy": "holdout"})
    found = as_dataset(NewObjects(raw={"images": "b"}, objects=objects), like)
    assert cutouts.Options(**found.options).without_label == wanted


def test_positions_are_the_numbers_of_the_file_to_the_last_digit(tmp_path, cube):
    texts = [f"{44.627 + 0.001 * row:.3f}" for row in range(N - 1)] + ["44.626999999999995"]
    frame = cutouts_files.table().assign(ra=texts, dec=texts)
    raw = {**cube, "catalogue": cutouts_files.write_csv(tmp_path / "placed.csv", frame)}
    dataset, _ = cutouts_files.run(tmp_path, raw, label="size", **KEEP)
    assert [repr(float(value)) for value in dataset.scalars["ra"]] == [repr(float(text)) for text in texts]
    assert repr(float(dataset.scalars["dec"][0])) == "44.627"
