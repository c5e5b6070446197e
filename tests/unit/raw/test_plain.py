import bz2
import collections
import gzip
import lzma
import operator
import os
import pickle
import struct
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from skybake.raw import RawError, plain

SHARED = Path(os.environ.get("SKYBAKE_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))


def written(folder: Path, content: bytes) -> Path:
    path = folder / "file.pickle"
    path.write_bytes(content)
    return path


def same(a: object, b: object) -> bool:
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return (
            a.dtype == b.dtype and a.shape == b.shape and all(same(x, y) for x, y in zip(a.flat, b.flat, strict=True))
        )
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b, strict=True))
    return bool(a == b)


PLAIN = {
    "scalars": [None, True, 0, -1, 2**100, 1.5, 3j, "text é", b"bytes\xff", b"", bytearray(b"\x00\xfe")],
    "containers": [(), (1,), {1, 2}, frozenset({3}), range(3), slice(1, 5), collections.OrderedDict(b=1, a=2)],
    "floats": np.arange(24, dtype="<f4").reshape(2, 3, 4),
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "big_endian": [np.arange(3, dtype="<i2"), np.arange(3, dtype=">i2"), np.arange(3, dtype="<i2")],
    "empty": np.empty((0, 3)),
    "zero_d": np.array(7, dtype="u1"),
    "text": np.array(["ab", "c"]),
    "byte_text": np.array([b"ab", b"c"]),
    "times": np.array(["2020-01-01", "NaT"], dtype="M8[s]").astype("i8").view("M8[s]")[:1],
    "records": np.array([(1, [2.0, 3.0])], dtype=[("a", "i2"), ("b", "f8", (2,))]).view(np.ndarray)["b"],
    "structured": np.array([(1, 2.5)], dtype=[("a", "i2"), ("b", "f8")]),
    "objects": np.array([1, "x", None, 2.5], dtype=object),
    "numpy_scalars": [np.float32(3.5), np.int64(-2), np.bool_(True), np.str_("hi"), np.datetime64("2020-01-01", "D")],
    "dtypes": [np.dtype(">i4"), np.dtype("U5"), np.dtype([("a", "i2")])],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", PLAIN)
def test_plain_data_comes_back_as_pickle_gives_it(tmp_path, name, protocol):
    content = pickle.dumps(PLAIN[name], protocol)
    assert same(plain.load(written(tmp_path, content)), pickle.loads(content))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_compression_is_told_by_content_not_by_name(tmp_path, compress):
    image = np.arange(1000.0)
    path = written(tmp_path, compress(pickle.dumps({"image": image})))
    assert (plain.load(path)["image"] == image).all()


def test_shared_objects_stay_shared(tmp_path):
    image = np.arange(3.0)
    first, second, around = plain.load(written(tmp_path, pickle.dumps([image, image, {"x": image}])))
    assert first is second is around["x"]


@pytest.mark.parametrize("old", ["numpy.core", "numpy._core"])
@pytest.mark.parametrize("protocol", [0, 2])
def test_old_and_new_module_paths(tmp_path, old, protocol):
    content = pickle.dumps([np.arange(3.0), np.float64(2)], protocol)
    assert b"numpy._core.multiarray" in content
    values, scalar = plain.load(written(tmp_path, content.replace(b"numpy._core", old.encode())))
    assert values.tolist() == [0, 1, 2]
    assert scalar == 2


def python2_pickle(raw: bytes, shape: bytes, key: bytes = b"data") -> bytes:
    """What Python 2 writes of {key: float32 array}, with protocol 2: all text as byte strings."""
    return (
        b"\x80\x02}U" + bytes([len(key)]) + key + b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85"
        b"U\x01b\x87R(K\x01" + shape + b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(raw)) + raw + b"tbs."
    )


def test_python2_byte_strings_are_bytes(tmp_path):
    raw = np.array([1.5, -2.0], "<f4").tobytes()
    content = plain.load(written(tmp_path, python2_pickle(raw, b"K\x02\x85")))
    assert list(content) == [b"data"]
    assert content[b"data"].dtype == np.float32
    assert content[b"data"].tolist() == [1.5, -2.0]


def test_cifar_pickles_load():
    folder = SHARED / "cifar10_subset" / "cifar-10-batches-py"
    if not folder.exists():
        pytest.skip(f"real CIFAR pickles missing: {folder.name} of the shared data")
    batch = plain.load(folder / "data_batch_1")
    assert batch[b"data"].shape == (1000, 3072)
    assert batch[b"data"].dtype == np.uint8
    assert set(batch[b"labels"]) == set(range(10))
    assert plain.load(folder / "batches.meta")[b"label_names"][:2] == [b"airplane", b"automobile"]


# --- memory ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["protocol 2", "protocol 3", "protocol 4", "protocol 5", "gzip", "python 2"])
def test_an_array_is_held_once(tmp_path, form):
    image = np.random.default_rng(0).integers(0, 256, 10 * plain.PIECE, dtype="u1").view("<f4")
    if form == "python 2":
        content = python2_pickle(image.tobytes(), b"J" + struct.pack("<i", len(image)) + b"\x85")
    else:
        content = pickle.dumps({b"data": image}, int(form[-1]) if form != "gzip" else 4)
    path = written(tmp_path, gzip.compress(content, 1) if form == "gzip" else content)
    del content
    tracemalloc.start()
    try:
        loaded = plain.load(path)[b"data"]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (loaded.view("u4") == image.view("u4")).all()
    assert peak < 1.6 * image.nbytes  # the slack is pieces and growing buffers: one more copy would be 2


# --- hostile pickles -------------------------------------------------------------------------------------------------


class Calls:
    """Pickles as a call of anything."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def canary(folder: Path) -> Path:
    return folder / "was_here"


HOSTILE = {
    "os.system": lambda folder: Calls(os.system, f"touch {canary(folder)}"),
    "eval": lambda folder: Calls(eval, f"open({str(canary(folder))!r}, 'w')"),
    "exec": lambda folder: Calls(exec, f"open({str(canary(folder))!r}, 'w')"),
    "open": lambda folder: Calls(open, str(canary(folder)), "w"),
    "getattr": lambda folder: Calls(getattr, Calls(__import__, "os"), "system"),
    "attrgetter": lambda folder: Calls(operator.attrgetter, "system"),
    "nested in containers": lambda folder: {"a": [({"b": Calls(os.system, f"touch {canary(folder)}")},)]},
    "nested in an object array": lambda folder: np.array([None, Calls(os.system, "true")], dtype=object),
    "nested in arguments": lambda folder: Calls(frozenset, [Calls(os.mkdir, str(canary(folder)))]),
    "numpy.load": lambda folder: Calls(np.load, str(folder / "x.npy"), None, True),
    "memmap": lambda folder: Calls(np.memmap, str(canary(folder)), "u1", "w+", 0, (4,)),
    "dict subclass": lambda folder: collections.defaultdict(list),
    "class": lambda folder: Path("x"),
    "function kept": lambda folder: [len],
}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("name", HOSTILE)
def test_other_globals_are_refused_before_anything_runs(tmp_path, name, protocol):
    path = written(tmp_path, pickle.dumps(HOSTILE[name](tmp_path), protocol))
    with pytest.raises(plain.UnsafePickle, match="nothing of it was run") as caught:
        plain.load(path)
    assert str(path) in str(caught.value)
    assert not canary(tmp_path).exists()


def test_the_refused_global_is_named(tmp_path):
    path = written(tmp_path, pickle.dumps(Calls(os.system, "true")))
    with pytest.raises(plain.UnsafePickle, match=rf"asks for {os.system.__module__}\.system"):
        plain.load(path)


ARRAY = b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR"
FLOAT32 = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f4I00\nI01\ntR"
OBJECT = b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8I00\nI01\ntR"
CRAFTED = {
    "dotted name": b"cnumpy\ndtype.__init__\n.",
    "dotted name on the stack": b"\x80\x04\x8c\x05numpy\x8c\x0fndarray.tofile.\x93.",
    "numpy gadget": b"cnumpy.testing._private.utils\nrunstring\n(Vimport os\n}tR.",
    "numpy fromstring": b"cnumpy._core.multiarray\nfromfile\n(V/etc/passwd\ntR.",
    "whitelisted name of another module": b"cos\nencode\n.",
    "INST": b"(Vtrue\nios\nsystem\n.",
    "INST of a known name": b"(i__builtin__\nset\n.",
    "OBJ": b"(c__builtin__\nset\no.",
    "NEWOBJ": b"\x80\x02c__builtin__\nset\n)\x81.",
    "NEWOBJ_EX": b"\x80\x04c__builtin__\nset\n)}\x92.",
    "PERSID": b"Pid\n.",
    "BINPERSID": b"\x80\x02K\x01Q.",
    "EXT1": b"\x80\x02\x82\x01.",
    "EXT4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "NEXT_BUFFER": b"\x80\x05\x97.",
    "BUILD on a dict": b"}}b.",
    "BUILD on a function": b"c__builtin__\nset\n}V__code__\nNsb.",
    "BUILD on a container": b"ccollections\nOrderedDict\n)R}Vx\nNsb.",
    "BUILD of an array twice": ARRAY + b"(I1\n(I1\nt" + FLOAT32 + b"I00\nC\x040000tb" + b"(I1\n(I1\ntN00tb.",
    "call of a result": b"](I1\ntR.",
    "call of an array": ARRAY + b")R.",
    "array of another class": b"cnumpy._core.multiarray\n_reconstruct\n(c__builtin__\nset\n(I0\ntC\x01btR.",
    "large first array": b"cnumpy._core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I99\ntC\x01btR.",
    "numbers as pointers": b"cnumpy._core.numeric\n_frombuffer\n(C\x08AAAAAAAA" + OBJECT + b"(I1\ntC\x01CtR.",
    "scalar as pointer": b"cnumpy._core.multiarray\nscalar\n(" + OBJECT + b"C\x08AAAAAAAAtR.",
    "another codec": b"c_codecs\nencode\n(Vabc\nVrot13\ntR.",
    "kept function": b"c_codecs\nencode\n.",
    "kept class": b"cnumpy\nndarray\n.",
    "kept function in a tuple in a dict": b"}Vx\n(c_codecs\nencode\nts.",
    "set from an array": b"c__builtin__\nset\n(" + ARRAY + b"tR.",
}
BROKEN = {
    "array of raw objects": ARRAY + b"(I1\n(I1\nt" + OBJECT + b"I00\nC\x08AAAAAAAAtb.",
    "text": b"hello world",
    "stack empty": b".",
    "no mark": b"t.",
    "unknown opcode": b"\x80\x04\xff.",
    "protocol of the future": b"\x80\x63N.",
    "too few bytes": ARRAY + b"(I1\n(I2\nt" + FLOAT32 + b"I00\nC\x040000tb.",
    "too many bytes": ARRAY + b"(I1\n(I2\nt" + FLOAT32 + b"I00\nC\x0c000000000000tb.",
    "negative shape": ARRAY + b"(I1\n(I-1\nt" + FLOAT32 + b"I00\nC\x040000tb.",
    "too few objects": ARRAY + b"(I1\n(I5\nt" + OBJECT + b"I00\n(lI1\natb.",
    "huge claim": b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "huge bytearray": b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "field beyond its record": b"cnumpy\ndtype\n(VV8\nI00\nI01\ntR(I3\nV|\nN(Va\nt}Va\n("
    + FLOAT32
    + b"I100\ntsI8\nI1\nI0\ntb.",
    "buffer over an array": b"cnumpy._core.numeric\n_frombuffer\n(" + ARRAY + FLOAT32 + b"(I0\ntC\x01CtR.",
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_pickles_are_refused(tmp_path, name):
    with pytest.raises(plain.UnsafePickle):
        plain.load(written(tmp_path, CRAFTED[name]))


@pytest.mark.parametrize("name", BROKEN)
def test_broken_pickles_are_reported(tmp_path, name):
    path = written(tmp_path, BROKEN[name])
    with pytest.raises(RawError, match=str(path)):
        plain.load(path)


def test_pandas_frames_are_refused_with_a_hint(tmp_path):
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "frame.pickle"
    pandas.DataFrame({"z": [0.1]}).to_pickle(path)
    with pytest.raises(plain.UnsafePickle, match=r"pandas\..*to_feather"):
        plain.load(path)


# --- files that are no pickles ---------------------------------------------------------------------------------------


def test_every_truncation_is_reported(tmp_path):
    content = pickle.dumps({"cluster": ["a", "b"], "gsm_3dImgs": np.arange(4.0)}, 4)
    for size in range(1, len(content)):
        with pytest.raises(RawError, match=r"file\.pickle"):
            plain.load(written(tmp_path, content[:size]))


@pytest.mark.parametrize("compress", [gzip.compress, bz2.compress, lzma.compress])
def test_truncated_compression_is_reported(tmp_path, compress):
    content = compress(pickle.dumps(np.random.default_rng(0).random(1000)))
    with pytest.raises(RawError, match="download complete"):
        plain.load(written(tmp_path, content[: len(content) // 2]))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"SIMPLE  =                    T", "FITS"),
        (b"\x93NUMPY\x01\x00", "npy"),
        (b"ARROW1\x00\x00", "feather"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_other_files_are_named(tmp_path, content, message):
    with pytest.raises(RawError, match=message):
        plain.load(written(tmp_path, content))


def test_missing_file_and_folder(tmp_path):
    with pytest.raises(RawError, match="No such file"):
        plain.load(tmp_path / "absent.pickle")
    with pytest.raises(RawError, match="cannot be read"):
        plain.load(tmp_path)


def test_random_damage_never_escapes(tmp_path):
    rng = np.random.default_rng(1)
    content = pickle.dumps({"a": [np.arange(5.0), np.float32(1)], "b": np.array(["x", None], dtype=object)}, 4)
    for _ in range(2000):
        damaged = np.frombuffer(content, np.uint8).copy()
        damaged[rng.integers(0, len(damaged), 3)] = rng.integers(0, 256, 3)
        try:
            plain.load(written(tmp_path, damaged.tobytes()))
        except RawError:
            continue
