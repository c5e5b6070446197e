"""What stands on both sides of a split, and parts that say little."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from skybake.data import audit, leaks, splits
from skybake.data.columns import Column
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from tests.conftest import SCHEMA, write_dataset

CLASSES = Column("", "what it is", "class", classes=("star", "galaxy", "quasar"))
PLACES = {"ra": Column("deg", "", "right_ascension"), "dec": Column("deg", "", "declination")}
N = 120


def _images(size=(16, 16)):
    return np.random.default_rng(2).normal(5, 1, (N, *size, 2)).astype(np.float32)


def _written(path, *, image=None, group=None, label=None, scalars=None, label_column=None, notes=None):
    task = "classification" if label_column else "regression"
    labels = {"y": label_column or Column("", "", outlier=0.1)}
    schema = replace(SCHEMA, task=task, labels=labels, scalars=PLACES if scalars else {}, notes=notes or {})
    names = [f"o{i}" for i in range(N)]
    with create_dataset(path, schema) as writer:
        writer.append(
            image=_images() if image is None else image,
            id=names,
            group=names if group is None else group,
            labels={"y": np.arange(N) / N if label is None else label},
            scalars=scalars or {},
        )
    return load_dataset(path)


def _split(dataset, strategy="holdout"):
    """Rows in order: 0 to 59 to train, 60 to 79 for validation, 80 to 119 for the test."""
    given = {"strategy": strategy, "test": 0.2, "valid": 0.2, "seed": 40}
    train, valid, test = np.split(np.arange(len(dataset)), [60, 80])
    return splits.Split(train[::-1], valid, test, digest=dataset.digest, strategy=given)


def _numbers(dataset):
    found = leaks.find(dataset, _split(dataset))
    return {
        (pair, kind): item["objects"]
        for pair, kinds in found.items()
        for kind, item in kinds.items()
        if item is not None and item["objects"]
    }


def test_objects_that_have_nothing_in_common_are_no_leak(tmp_path):
    dataset = _written(tmp_path / "dataset.h5")
    found = leaks.find(dataset, _split(dataset))
    assert list(found) == ["train/valid", "train/test", "valid/test"]
    assert all(list(kinds) == list(leaks.KINDS) for kinds in found.values())
    assert all(kinds["position"] is None for kinds in found.values())
    assert _numbers(dataset) == {}
    assert list(leaks.words(found)) == []


def test_groups_on_both_sides_are_found(tmp_path):
    group = [f"g{i}" for i in range(N)]
    group[3] = group[82] = group[83] = group[70] = "halo"
    dataset = _written(tmp_path / "dataset.h5", group=group)
    expected = {("train/valid", "group"): 1, ("train/test", "group"): 2, ("valid/test", "group"): 2}
    assert _numbers(dataset) == expected
    said = list(leaks.words(leaks.find(dataset, _split(dataset))))
    assert "Leak: 2 objects of the test part with the same group as one of the training part, e.g. o82 and o3." in said


@pytest.mark.parametrize(
    ("offset", "leak"),
    [((0, 0), True), ((0.9 / 3600 / np.cos(np.radians(60)), 0), True), ((0, 1.1 / 3600), False), ((-360, 0), True)],
)
def test_places_within_an_arcsecond_are_the_same(tmp_path, offset, leak):
    ra, dec = np.linspace(10, 60, N), np.linspace(-70, 60, N)
    ra[N - 1], dec[N - 1] = 10, 60
    ra[0], dec[0] = 10 + offset[0], 60 + offset[1]
    ra[1] = ra[90] = np.nan
    dec[2] = dec[91] = -9999
    dataset = _written(tmp_path / "dataset.h5", scalars={"ra": ra, "dec": dec})
    assert _numbers(dataset) == ({("train/test", "position"): 1} if leak else {})


@pytest.mark.parametrize("size", [(16, 16), (21, 21), (5, 9), (3, 3), (1, 1)])
def test_the_same_pixels_are_found_whatever_the_size(tmp_path, size):
    image = _images(size)
    image[100] = image[7]
    image[65] = image[8] = 0  # an image of one value has no scale
    assert _numbers(_written(tmp_path / "dataset.h5", image=image)) == {
        ("train/test", "pixels"): 1,
        ("train/valid", "pixels"): 1,
    }


@pytest.mark.parametrize("size", [(16, 16), (21, 21), (10, 14)])
@pytest.mark.parametrize(
    "change",
    [
        lambda image: image + np.random.default_rng(0).normal(0, 0.01, image.shape),
        lambda image: np.round(image, 2),
        lambda image: image[::-1],
        lambda image: image[:, ::-1] + 0.005,
        lambda image: np.rot90(image, 2),
    ],
)
def test_nearly_the_same_pixels_are_found_turned_ones_too(tmp_path, change, size):
    image = _images(size)
    image[100] = change(image[7])
    assert _numbers(_written(tmp_path / "dataset.h5", image=image)) == {("train/test", "nearly"): 1}


def test_quarter_turns_are_found_in_squares(tmp_path):
    image = _images((21, 21))
    image[100], image[101] = np.rot90(image[7]), np.rot90(image[8], 3)[::-1]
    assert _numbers(_written(tmp_path / "dataset.h5", image=image)) == {("train/test", "nearly"): 2}


def test_what_was_not_compared_is_told(tmp_path, monkeypatch):
    image = _images((21, 21))
    image[100], image[101] = image[7][::-1], image[8][::-1]
    dataset = _written(tmp_path / "dataset.h5", image=image)
    assert not any("not all looked for" in line for line in leaks.words(leaks.find(dataset, _split(dataset))))
    monkeypatch.setattr(leaks, "COMPARED", 1)
    found = leaks.find(dataset, _split(dataset))
    nearly = found["train/test"]["nearly"]
    assert nearly["objects"] == 1
    assert nearly["not_compared"] >= 1
    said = f"{nearly['not_compared']} pairs of similar images of the training and the test part"
    assert any(said in line for line in leaks.words(found))


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image + np.random.default_rng(0).normal(0, 0.05, image.shape),
        lambda image: 1.05 * image,  # as two stars of one shape and other brightness
        lambda image: image[..., ::-1],
        lambda image: np.roll(image, 1, axis=0),
    ],
)
def test_images_that_differ_are_no_leak(tmp_path, change):
    image = _images()
    image[100] = change(image[7])
    assert _numbers(_written(tmp_path / "dataset.h5", image=image)) == {}


def test_an_audit_has_the_same_bytes_and_the_warnings_of_ingest_come_first(tmp_path, caplog):
    image = _images()
    image[100] = image[7]
    notes = {"warnings": '["Half of the rows were rejected."]'}
    dataset = _written(tmp_path / "dataset.h5", image=image, notes=notes)
    assert dataset.notes == {}
    with caplog.at_level(logging.WARNING, "skybake"):
        for name in ("a.json", "b.json"):
            audit.write(tmp_path / name, dataset, _split(dataset))
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    leak = "Leak: 1 object of the test part with the same pixels as one of the training part, e.g. o100 and o7."
    assert audit.read(tmp_path / "a.json")["warnings"] == ["Half of the rows were rejected.", leak]
    assert caplog.messages == [leak, leak]  # those of ingest were said by ingest


def test_without_an_audit_the_only_warning_says_so(tmp_path):
    assert audit.read(tmp_path / "none.json")["warnings"] == [
        "The split was not audited: leaks between its parts are not known."
    ]


def _warnings(tmp_path, dataset, split):
    audit.write(tmp_path / "audit.json", dataset, split)
    return audit.read(tmp_path / "audit.json")["warnings"]


def test_an_ordinary_dataset_has_no_warning(tmp_path):
    path = write_dataset(tmp_path / "dataset.h5", n=600)
    dataset = load_dataset(path)
    split = splits.make(dataset, {"strategy": "group", "test": 0.2, "valid": 0.2, "seed": 40})
    assert _warnings(tmp_path, dataset, split) == []


def test_few_test_objects_or_groups_say_little(tmp_path):
    dataset = _written(tmp_path / "dataset.h5")
    few = replace(_split(dataset), test=np.arange(80, 92))
    assert _warnings(tmp_path, dataset, few)[0].startswith("The test part has 12 objects with a label: too few")
    dataset = _written(tmp_path / "dataset.h5", group=[f"g{i // 4}" for i in range(N)])
    assert _warnings(tmp_path, dataset, _split(dataset))[0].startswith("The test part has 40 objects in 10 groups with")


def test_labels_that_are_all_equal_are_named(tmp_path):
    label = np.where(np.arange(N) < 80, np.arange(N), 0.3)
    dataset = _written(tmp_path / "dataset.h5", label=label)
    assert _warnings(tmp_path, dataset, _split(dataset)) == [
        "All 40 labels of the test part are 0.3: nothing can be learnt from them."
    ]


def test_classes_that_are_missing_or_rare_are_named(tmp_path):
    label = (np.arange(N) % 2).astype(float)
    dataset = _written(tmp_path / "dataset.h5", label=label, label_column=CLASSES)
    assert _warnings(tmp_path, dataset, _split(dataset)) == [
        "No object is of the class quasar, though the dataset lists it."
    ]
    label[:80] = np.arange(80) % 3
    label[80:] = np.arange(40) < 2
    dataset = _written(tmp_path / "dataset.h5", label=label, label_column=CLASSES)
    assert _warnings(tmp_path, dataset, _split(dataset)) == [
        "The test part has 2 objects of the class galaxy, of 29 in all.",
        "The test part has no objects of the class quasar, of 26 in all.",
    ]
    label[80:] = 0
    dataset = _written(tmp_path / "dataset.h5", label=label, label_column=CLASSES)
    assert _warnings(tmp_path, dataset, _split(dataset)) == [
        "All 40 objects of the test part are of the class star: who says so is always right."
    ]
