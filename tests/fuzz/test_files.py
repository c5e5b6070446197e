"""Damaged pickles, arrays and datasets: read, or refused by an error of ours."""

import pickle
import tempfile
from pathlib import Path

import h5py
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from skybake.data.columns import Column, Schema, class_column
from skybake.data.dataset import load_dataset
from skybake.data.writer import create_dataset
from skybake.raw import decam, efeds, plain
from skybake.raw.decam.files import open_files
from skybake.raw.efeds.images import read_images
from tests.fuzz.conftest import examples
from tests.fuzz.outcomes import damage, right_or_refused

LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.complex_numbers(),
    st.sampled_from([np.arange(3), np.float32(2), np.array(["a", "b"]), np.zeros((2, 3), ">f4")]),
)  # fmt: skip
PLAIN = st.recursive(
    LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner)
)


@examples(300)
@given(PLAIN, st.integers(0, 5), st.none() | damage())
def test_a_pickle_is_read_as_it_was_written_or_refused(tried, value, protocol, damaged):
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / "x.pkl"
        data = pickle.dumps(value, protocol)
        path.write_bytes(data if damaged is None else damaged(data))
        found = plain.load(path)
        if damaged is None:
            assert repr(found) == repr(pickle.loads(data))


@examples(150)
@given(
    st.dictionaries(st.sampled_from(["cluster", "gsm_3dImgs", "x"]), st.one_of(PLAIN, st.just(np.ones((2, 4, 4, 3))))),
)
def test_cubes_are_read_or_refused(tried, content):
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / "images.pkl"
        path.write_bytes(pickle.dumps(content))
        found = read_images(path, efeds.Options().layout)
        assert len(found.images) > 0


@examples(150)
@given(
    st.sampled_from(["npy", "npz"]),
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.sampled_from(["f4", ">f8", "i2", "?", "c8", "U3", "O", "f4,i2"]),
    st.none() | damage(),
)
def test_arrays_of_stamps_are_read_or_refused(tried, kind, shape, dtype, damaged):
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / f"stamps.{kind}"
        array = np.zeros(shape, dtype)
        if kind == "npy":
            np.save(path, array)
        else:
            np.savez(path, stamps=array, labels=np.zeros(shape[:1]))
        if damaged is not None:
            path.write_bytes(damaged(path.read_bytes()))
        arrays, _ = open_files({"stamps": path}, decam.Options())
        assert len(arrays[0].array)


def dataset(path):
    schema = Schema(
        bands=["r"],
        image=Column("counts", "pixels"),
        labels={"class": class_column(["a", "b"])},
        scalars={"S/N": Column("", "signal to noise")},
        survey="decam",
        task="classification",
    )
    names = [str(k) for k in range(6)]
    with create_dataset(path, schema) as writer:
        labels, scalars = {"class": np.arange(6) % 2}, {"S/N": np.arange(6.0)}
        writer.append(image=np.ones((6, 4, 4, 1)), id=names, group=names, labels=labels, scalars=scalars)


PARTS = ["image", "id", "group", "label", "label/class", "scalar", "scalar/S%2FN"]
ATTRIBUTES = [
    "format",
    "version",
    "survey",
    "task",
    "mock",
    "label",
    "raw",
    "labels",
    "ids_digest",
    "complete",
    "bands",
]


@examples(150)
@given(
    st.sampled_from(["delete", "replace", "attribute", "without attribute"]),
    st.sampled_from(PARTS),
    st.sampled_from(ATTRIBUTES),
    st.sampled_from([0, -1, "x", b"\xff", [1, 2, 3], ["a"], np.zeros((6, 2)), np.zeros(6), np.array(["1"] * 6, "S1")]),
)
def test_parts_of_a_dataset_are_read_or_refused(tried, change, part, attribute, value):
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / "d.h5"
        dataset(path)
        with h5py.File(path, "r+") as file:
            if change in ("delete", "replace"):
                del file[part]
            if change == "replace":
                file[part] = value
            attrs = (file["image"] if attribute == "bands" else file).attrs if "image" in file else file.attrs
            if change == "attribute":
                attrs[attribute] = value
            elif change == "without attribute":
                attrs.pop(attribute, None)
        found = load_dataset(path)
        assert found.images(np.arange(len(found))).shape == (6, 4, 4, 1)


@examples(80)
@given(damage())
def test_a_damaged_dataset_is_read_or_refused(tried, damaged):
    with tempfile.TemporaryDirectory() as name, right_or_refused(name, tried):
        path = Path(name) / "d.h5"
        dataset(path)
        path.write_bytes(damaged(path.read_bytes()))
        found = load_dataset(path)
        found.images(np.arange(len(found)))
