"""The CIFAR reader on small batches as Python 2 wrote them, good, damaged and hostile, and on real ones."""

import csv
import pickle
import struct

import numpy as np
import pytest

from skybake.data import leaks, splits
from skybake.data.dataset import load_dataset
from skybake.raw import RawError, cifar
from skybake.raw.ingest import ingest
from skybake.raw.plain import UnsafePickle

NAMES = ["airplane", "automobile", "bird"]


def python_2(value):
    """Pickle as Python 2 did with protocol 2: its `str` as byte strings, an array by `numpy.core`."""
    return b"\x80\x02" + _opcodes(value) + b"."


def _opcodes(value):
    if isinstance(value, dict):
        return b"}(" + b"".join(_opcodes(key) + _opcodes(item) for key, item in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(_opcodes, value)) + b"e"
    if isinstance(value, tuple):
        return b"(" + b"".join(map(_opcodes, value)) + b"t"
    if isinstance(value, str):  # SHORT_BINSTRING, BINSTRING
        content = value.encode("latin1")
        return (
            b"U" + bytes([len(content)]) if len(content) < 256 else b"T" + struct.pack("<i", len(content))
        ) + content
    if isinstance(value, np.ndarray):
        code = value.dtype.str[1:]
        kind = (
            b"cnumpy\ndtype\n"
            + _opcodes((code, 0, 1))
            + b"R"
            + _opcodes((3, value.dtype.str[0], None, None, None, -1, -1, 0))
            + b"b"
        )
        fresh = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n" + _opcodes((0,)) + _opcodes("b") + b"tR"
        state = (
            b"("
            + _opcodes(1)
            + _opcodes(value.shape)
            + kind
            + b"\x89"
            + _opcodes(value.tobytes().decode("latin1"))
            + b"t"
        )
        return fresh + state + b"b"
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    return b"J" + struct.pack("<i", value) if isinstance(value, int) else b"G" + struct.pack(">d", value)  # fmt: skip


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


def batch(n, seed, label="", **changes):
    """Return a batch as Python 2 held it."""
    content = {
        "batch_label": label,
        "labels": [row % 3 for row in range(n)],
        "data": pixels(n, seed),
        "filenames": ["x"] * n,
    }
    return {key: value for key, value in {**content, **changes}.items() if value is not ...}


class Folder:
    """A folder of two training batches and a test batch, of which some may be spoiled."""

    def __init__(self, path):
        self.path, self.folder = path, path / "cifar-10-batches-py"
        self.folder.mkdir()
        self.put("data_batch_1", batch(5, 1, "training batch 1 of 2"))
        self.put("data_batch_2", batch(4, 2, "training batch 2 of 2"))
        self.put("test_batch", batch(6, 3, "testing batch 1 of 1"))
        self.put("batches.meta", {"num_cases_per_batch": 5, "label_names": NAMES, "num_vis": 3072})

    def put(self, name, content):
        (self.folder / name).write_bytes(content if isinstance(content, bytes) else python_2(content))

    def read(self, **options):
        raw = {"batches": self.folder}
        ingest(cifar, raw, self.path / "d.h5", self.path / "rejected.csv", cifar.Options(**options), mock=False)
        return load_dataset(self.path / "d.h5")

    def rejected(self):
        with (self.path / "rejected.csv").open() as stream:
            return list(csv.DictReader(stream))


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_the_batches_are_read(folder):
    data = folder.read()
    assert (data.survey, data.task, data.bands, data.image_shape) == (
        "cifar",
        "classification",
        ("red", "green", "blue"),
        (32, 32, 3),
    )
    assert data.classes == tuple(NAMES)
    assert list(data.labels["class"]) == [0, 1, 2, 0, 1, 0, 1, 2, 0, 0, 1, 2, 0, 1, 2]
    assert list(data.ids[[0, 4, 5, 9]]) == [
        "data_batch_1-00000",
        "data_batch_1-00004",
        "data_batch_2-00000",
        "test_batch-00000",
    ]
    assert list(data.scalars["official_test"]) == [0] * 9 + [1] * 6
    assert set(data.raw) == {"data_batch_1", "data_batch_2", "test_batch", "batches.meta"}
    raw = np.concatenate([pixels(5, 1), pixels(4, 2), pixels(6, 3)])
    images = data.images(np.arange(15))
    for band in range(3):  # a row of the file: all of red, then all of green, then all of blue, row by row
        for y, x in ((0, 0), (0, 31), (17, 4)):
            assert np.array_equal(images[:, y, x, band], raw[:, 1024 * band + 32 * y + x])
    assert folder.rejected() == []


def test_the_official_test_set_stays_the_test_set(folder):
    split = splits.make(folder.read(), {"strategy": "official", "valid": 0.2, "seed": 40})
    assert list(split.test) == [9, 10, 11, 12, 13, 14]
    assert sorted([*split.train, *split.valid]) == list(range(9))


def test_pickles_of_python_3_are_the_same(folder):
    old = folder.read()
    for name in ("data_batch_1", "data_batch_2", "test_batch", "batches.meta"):
        with (folder.folder / name).open("rb") as stream:
            content = pickle.load(stream, encoding="latin1")
        folder.put(name, pickle.dumps(content, protocol=4))
    new = folder.read()
    assert np.array_equal(new.images(np.arange(15)), old.images(np.arange(15)))
    assert (new.classes, list(new.labels["class"])) == (old.classes, list(old.labels["class"]))


def test_same_files_same_bytes(folder):
    folder.read()
    before = (folder.path / "d.h5").read_bytes()
    folder.read()
    assert (folder.path / "d.h5").read_bytes() == before


def test_labels_that_are_no_class_are_rejected(folder):
    folder.put("data_batch_2", batch(4, 2, labels=[0, 3, -1, 2.0]))
    data = folder.read()
    assert len(data) == 5 + 1 + 6
    assert [(row["row"], row["id"], row["reason"]) for row in folder.rejected()] == [
        ("6", "data_batch_2-00001", "unknown class"),
        ("7", "data_batch_2-00002", "unknown class"),
        ("8", "data_batch_2-00003", "unknown class"),
    ]
    assert folder.rejected()[0]["detail"] == "3; expected a class from 0 to 2"
    assert data.ids[5] == "data_batch_2-00000"


def test_the_same_pixels_of_two_classes_are_rejected_and_of_one_class_kept(folder):
    first, test = pixels(5, 1), pixels(6, 3)
    test[0], test[1] = first[3], first[2]  # of class 0 both; of 2 and 1
    folder.put("test_batch", batch(6, 3, data=test))
    data = folder.read()
    assert [(row["row"], row["id"], row["reason"], row["detail"]) for row in folder.rejected()] == [
        (
            "2",
            "data_batch_1-00002",
            "labels disagree",
            "bird, with the same pixels as test_batch-00001, which is automobile",
        ),
        (
            "10",
            "test_batch-00001",
            "labels disagree",
            "automobile, with the same pixels as data_batch_1-00002, which is bird",
        ),
    ]
    assert len(data) == 13
    split = splits.make(data, {"strategy": "official", "valid": 0.3, "seed": 40})
    found = leaks.find(data, split)
    said = [item for pair in ("train/test", "valid/test") for item in found[pair]["pixels"]["examples"]]
    assert said == [["data_batch_1-00003", "test_batch-00000"]]


HOSTILE = {
    "calls a command": b"\x80\x02cos\nsystem\n(U\x0etouch was_run.xR.",
    "old opcode": b"(S'touch was_run.x'\nios\nsystem\n.",
    "in a dict": b"\x80\x02}U\x04datacbuiltins\neval\n(U\x011tRs.",
    "unknown class": b"\x80\x02csklearn.base\nBunch\n)\x81.",
}


@pytest.mark.parametrize("name", ["data_batch_2", "batches.meta", "test_batch"])
@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_pickles_are_refused_and_not_run(case, name, folder, monkeypatch):
    monkeypatch.chdir(folder.path)
    folder.put(name, HOSTILE[case])
    with pytest.raises(UnsafePickle, match=f"{name}: .*nothing of it was run"):
        folder.read()
    assert not (folder.path / "was_run.x").exists()
    assert not (folder.path / "d.h5").exists()


def truncated(content):
    return python_2(content)[:-1000]


DAMAGED = {
    "truncated": ("data_batch_2", truncated(batch(4, 2)), "ends too early|not a readable pickle"),
    "empty": ("data_batch_2", b"", "the file is empty"),
    "another format": ("data_batch_2", b"\x89HDF\r\n", "an HDF5 file"),
    "no dict": ("data_batch_2", [1, 2], "a pickled list found; expected a dict"),
    "no data": ("test_batch", batch(6, 3, data=...), "no 'data'; found batch_label, filenames, labels"),
    "fine labels": ("test_batch", batch(6, 3, labels=..., fine_labels=[0] * 6), "no 'labels'.*CIFAR-10, not CIFAR-100"),
    "too few pixels": ("test_batch", batch(6, 3, data=pixels(6, 3)[:, :3000]), r"array of uint8 \(6, 3000\); expected"),
    "floats": ("test_batch", batch(6, 3, data=pixels(6, 3).astype("<f4")), "array of float32"),
    "no array": ("test_batch", batch(6, 3, data=[1, 2]), "'data' found to be a list of 2"),
    "labels missing": ("test_batch", batch(6, 3, labels=[0, 1]), "a list of 2; expected a list of 6"),
    "labels that are text": ("test_batch", batch(6, 3, labels="cat"), "'labels' found to be bytes"),
    "no names": ("batches.meta", {"num_vis": 3072}, "'label_names' found to be NoneType"),
    "names twice": ("batches.meta", {"label_names": ["cat", "cat"]}, "expected at least two distinct ones"),
    "a batch is missing": ("data_batch_1", batch(5, 1, "training batch 1 of 5"), "2 training batches found; .* are 5"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_told_apart(case, folder):
    name, content, message = DAMAGED[case]
    folder.put(name, content)
    with pytest.raises(RawError, match=f"(?s)({name}|batches-py): .*({message})"):
        folder.read()
    assert not (folder.path / "d.h5").exists()


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("data_batch_1", "data_batch_2 found; expected data_batch_1, data_batch_2, ... without a gap"),
        ("test_batch", "no file test_batch"),
        ("batches.meta", "no file batches.meta"),
    ],
)
def test_missing_files_are_named(missing, message, folder):
    (folder.folder / missing).unlink()
    with pytest.raises(RawError, match=message):
        folder.read()


def other_set(folder, side, channels):
    """Write pickles of another size, with other names and keys, as CIFAR-100 has them."""
    values = np.random.default_rng(4).integers(0, 256, (9, channels, side, side), dtype=np.uint8)
    for name, rows in (("learn", slice(0, 6)), ("exam", slice(6, 9))):
        some = values[rows]
        folder.put(name, {"pixels": some.reshape(len(some), -1), "fine_labels": [0, 1, 2] * (len(some) // 3)})
    folder.put("meta", {"fine_label_names": NAMES})
    return values


NAMED = {"train": ("learn",), "test": ("exam",), "meta": "meta", "data": "pixels", "labels": "fine_labels"}


@pytest.mark.parametrize(("side", "channels"), [(8, 3), (28, 1), (5, 3)])
def test_a_set_of_other_size_and_names(folder, side, channels):
    values = other_set(folder, side, channels)
    data = folder.read(**NAMED, names="fine_label_names")
    assert data.image_shape == (side, side, channels)
    assert np.array_equal(data.images(np.arange(9)), np.moveaxis(values, 1, -1))
    assert list(data.scalars["official_test"]) == [0] * 6 + [1] * 3
    assert set(data.raw) == {"learn", "exam", "meta"}
    assert data.classes == tuple(NAMES)


def test_a_set_of_other_channels_needs_their_number(folder):
    other_set(folder, 7, 5)
    named = {**NAMED, "meta": "", "classes": ("a", "b", "c")}
    with pytest.raises(RawError, match="245 numbers an image; expected those of a square of 1 or 3 channels"):
        folder.read(**named)
    data = folder.read(**named, channels=5)
    assert (data.image_shape, data.classes, len(data.bands)) == ((7, 7, 5), ("a", "b", "c"), 5)


def test_a_missing_folder_is_named(folder):
    folder.folder = folder.path / "nowhere"
    with pytest.raises(RawError, match="nowhere: no such folder"):
        folder.read()


def test_real_batches(shared_data, folder):
    folder.folder = shared_data / "cifar10_subset" / "cifar-10-batches-py"
    data = folder.read()
    assert (len(data), data.image_shape, folder.rejected()) == (6000, (32, 32, 3), [])
    assert data.classes[3] == "cat"
    assert list(np.unique(data.labels["class"], return_counts=True)[1]) == [600] * 10
    assert data.scalars["official_test"].sum() == 1000
    with (folder.folder / "data_batch_2").open("rb") as stream:
        found = pickle.load(stream, encoding="bytes")
    assert data.labels["class"][1007] == found[b"labels"][7]
    image = data.images(np.array([1007]))[0]
    assert np.array_equal(image[:, :, 1].ravel(), found[b"data"][7, 1024:2048])
