"""Safe unpickling: plain data only, whatever the file asks for.

A pickle is a program: loading one with :mod:`pickle` runs whatever its author wrote. :func:`load` reads the same files
but knows plain data only: ``None``, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set,
frozenset, range, slice, ``collections.OrderedDict``, and numpy arrays, dtypes and scalars, from old (``numpy.core``)
and new (``numpy._core``) module paths. How it is kept to that:

- A name in the pickle is looked up in a table and stands for a function *of this file*, which checks its arguments and
  then makes the one thing it is meant for; no module is imported, nothing is fetched by ``getattr``.
- The opcodes that make instances of classes, reach the extension registry, persistent ids or outside buffers are
  refused; so is any BUILD (``__setstate__``) on other things than a fresh array or dtype, whose state is checked first.
- What comes out is walked to the leaves: nothing but the types above, in object arrays too, leaves this room.

Decisions: *Python-2 byte strings* (``str`` of Python 2) come as ``bytes``, which is what they were; so keys of such a
dict are ``b"data"``, and arrays are exact. *Pandas frames* are refused: their pickles run ``__setstate__`` of pandas'
internals, which differ from version to version and cannot be checked from outside.

The file is read as a stream, and an array takes over the bytes that were read: a large array costs its own size once
(protocols 2 to 5, compressed or not). Not defended against: files that are merely too large (decompression bombs).
"""

from __future__ import annotations

import bz2
import codecs
import collections
import gzip
import io
import lzma
import math
import pickle
import pickletools
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

import numpy as np

from skybake.raw import RawError, formats

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

PIECE = 1 << 20  # bytes


class _Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


_COMPRESSED: dict[bytes, Callable[[BinaryIO], _Stream]] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_PLAIN = {type(None), bool, int, float, complex, str, bytes, bytearray, range, slice}
_CONTAINERS = {list, tuple, set, frozenset}
_DICTS = {dict, collections.OrderedDict}
_TYPE_CODE = re.compile(r"[<>=|]?[?bBhHiIlLqQefdgFDGucSaUVOmM]\d{0,9}")
_TIME_UNIT = re.compile(r"generic|Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as")
_ALLOWED = {
    *("MARK", "STOP", "POP", "POP_MARK", "DUP", "PROTO", "FRAME", "GLOBAL", "STACK_GLOBAL", "INST", "REDUCE", "BUILD"),
    *("NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4"),
    *("FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BYTEARRAY8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("TUPLE", "EMPTY_TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "LIST", "EMPTY_LIST", "APPEND", "APPENDS"),
    *("DICT", "EMPTY_DICT", "SETITEM", "SETITEMS", "EMPTY_SET", "ADDITEMS", "FROZENSET"),
    *("GET", "BINGET", "LONG_BINGET", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE"),
}
_OPCODES = {ord(opcode.code): opcode.name for opcode in pickletools.opcodes}


class UnsafePickle(RawError):
    """A pickle that asks for more than plain data; nothing of what it asked for was run."""


class _NotPlain(Exception):
    """What a pickle asks for and may not have; :func:`load` adds the file."""


def load(path: Path | str) -> object:
    """Read a pickle of plain data.

    Args:
        path: A pickle, as it is or compressed by gzip, bz2 or xz (told by its first bytes, not by its name).

    Returns:
        The object. Python-2 byte strings are ``bytes``.

    Raises:
        UnsafePickle: The pickle asks for anything that is not plain data; the message names it.
        RawError: The file is missing, empty, truncated, or no pickle.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(formats.START)
            file.seek(0)
            _check_start(path, start)
            return _read(path, _decompressed(file, start))
    except OSError as error:
        reason = error.strerror or error
        raise RawError(f"{path}: cannot be read ({reason}). Hint: is the download complete?") from None


def _check_start(path: Path, start: bytes) -> None:
    if not start:
        raise RawError(f"{path}: the file is empty, expected a pickle")
    kind = formats.named(start)
    if kind not in ("", formats.PICKLE, *formats.COMPRESSED.values()):
        raise RawError(f"{path}: expected a pickle, found {kind}")


def _decompressed(file: BinaryIO, start: bytes) -> BinaryIO:
    for magic, opened in _COMPRESSED.items():
        if start.startswith(magic):
            return io.BufferedReader(_InPieces(opened(file)), PIECE)
    return file


class _InPieces(io.RawIOBase):
    """A decompressed stream; reading it in pieces keeps a large array from being held twice."""

    def __init__(self, stream: _Stream):
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        space = memoryview(buffer)
        piece = self._stream.read(min(len(space), PIECE))
        space[: len(piece)] = piece
        return len(piece)


def _read(path: Path, stream: BinaryIO) -> object:
    try:
        value = _PlainUnpickler(stream).load()
        _check_plain(value)
        return value
    except _NotPlain as refused:
        raise UnsafePickle(f"{path}: {refused}; nothing of it was run. {_hint(str(refused))}") from None
    except EOFError:
        raise RawError(f"{path}: the pickle ends too early. Hint: is the download complete?") from None
    except OSError:
        raise
    except Exception as error:  # a broken stream can raise anything
        raise RawError(f"{path}: not a readable pickle ({type(error).__name__}: {error})") from None


def _hint(refused: str) -> str:
    if "pandas." in refused:
        return "Hint: pickled frames cannot be checked; write the frame with DataFrame.to_feather instead"
    return (
        "Expected builtin containers and scalars, numpy arrays, dtypes and scalars. Hint: if you trust its origin, "
        "load it with the software that wrote it and save arrays, lists and dicts only"
    )


# --- what a name in a pickle stands for ------------------------------------------------------------------------------

_NDARRAY = object()  # stands for numpy.ndarray, which is only ever an argument


def _fresh_array(kind: object, shape: tuple[int, ...], code: object) -> np.ndarray:
    if kind is not _NDARRAY or tuple(shape) != (0,):
        raise _NotPlain("the pickle makes an array of another type than numpy.ndarray")
    return np.empty(0, np.int8)


def _dtype(code: object, align: object = False, copy: object = True) -> np.dtype:
    text = _text(code)
    if not _TYPE_CODE.fullmatch(text):
        raise _NotPlain(f"the pickle holds a dtype {text!r}, which is not a plain one")
    return np.dtype(text, copy=True)  # a copy: _PlainUnpickler.load_build tells it from others by identity


def _scalar(dtype: object, raw: object = b"") -> np.generic:
    dtype, raw = _checked_raw(dtype, 1, raw)
    return np.frombuffer(raw, dtype)[0] if dtype.itemsize else dtype.type()


def _from_buffer(raw: object, dtype: object, shape: object, order: object) -> np.ndarray:
    sizes = _shape(shape)
    dtype, raw = _checked_raw(dtype, math.prod(sizes), raw)
    return np.frombuffer(raw, dtype).reshape(sizes, order="F" if _text(order) == "F" else "C")


def _encode(text: object, encoding: object) -> bytes:
    # Protocols 0 to 2 write bytes as text; _PlainUnpickler.load_binunicode has encoded it already.
    if _text(encoding) not in {"latin1", "latin-1"}:
        raise _NotPlain(f"the pickle asks for _codecs.encode to {encoding!r}")
    return text if type(text) is bytes else _text(text).encode("latin1")


def _bytes() -> bytes:
    return b""


def _bytearray(content: object = b"", encoding: object = "latin1") -> bytearray:
    return bytearray(_encode(content, encoding))


def _complex(real: float, imaginary: float) -> complex:
    return complex(float(real), float(imaginary))


def _range(start: int, stop: int, step: int) -> range:
    return range(start, stop, step)


def _slice(start: object, stop: object, step: object) -> slice:
    return slice(start, stop, step)


def _set(items: object = ()) -> set:
    return set(_listed(items))


def _frozenset(items: object = ()) -> frozenset:
    return frozenset(_listed(items))


def _ordered_dict(items: object = ()) -> collections.OrderedDict:
    return collections.OrderedDict(_listed(items))


def _listed(items: object) -> list | tuple:
    if type(items) is list or type(items) is tuple:
        return items
    raise _NotPlain(f"the pickle fills a container from {type(items).__name__}")


_GLOBALS: dict[tuple[str, str], object] = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
    ("collections", "OrderedDict"): _ordered_dict,
    **{
        (f"numpy.{core}.{module}", name): stands_for
        for core in ("core", "_core")
        for module, name, stands_for in (
            ("multiarray", "_reconstruct", _fresh_array),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
    **{
        (module, name): stands_for
        for module in ("builtins", "__builtin__")
        for name, stands_for in {
            "bytes": _bytes,
            "bytearray": _bytearray,
            "complex": _complex,
            "frozenset": _frozenset,
            "range": _range,
            "xrange": _range,
            "set": _set,
            "slice": _slice,
        }.items()
    },
}
_CALLABLE = {id(stands_for) for stands_for in _GLOBALS.values() if stands_for is not _NDARRAY}


# --- checks ----------------------------------------------------------------------------------------------------------


def _text(value: object) -> str:
    if isinstance(value, bytes):  # written by Python 2
        value = value.decode("ascii")
    if type(value) is not str:
        raise ValueError(f"text expected, found {type(value).__name__}")
    return value


def _shape(shape: object) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, tuple) else (shape,)
    if not all(type(size) is int and size >= 0 for size in sizes):
        raise ValueError(f"array of shape {sizes}")
    return sizes


def _checked_raw(dtype: object, count: int, raw: object) -> tuple[np.dtype, bytes | bytearray]:
    if not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.subdtype is not None:
        raise _NotPlain(f"the pickle makes numbers of dtype {dtype!r} from raw bytes")
    if not (type(raw) is bytes or type(raw) is bytearray):
        raise ValueError(f"array bytes expected, found {type(raw).__name__}")
    if len(raw) != count * dtype.itemsize:
        raise ValueError(f"{len(raw)} bytes for {count} elements of {dtype}")
    return dtype, raw


def _fill(array: np.ndarray, state: tuple) -> None:
    """Give a fresh array its content; numpy takes what is checked here on trust."""
    _, shape, dtype, fortran, raw = state
    shape = _shape(shape)
    if not isinstance(dtype, np.dtype):
        raise ValueError(f"array of dtype {dtype!r}")
    if dtype == np.dtype(object):
        if type(raw) is not list or len(raw) != math.prod(shape):
            raise ValueError(f"object array of shape {shape} without its {math.prod(shape)} elements")
    else:
        raw = bytes(raw) if type(raw) is bytearray else raw
        _checked_raw(dtype, math.prod(shape), raw)
    array.__setstate__((1, shape, dtype, bool(fortran), raw))  # type: ignore[arg-type]  # numpy.bool is not taken


def _with_state(dtype: np.dtype, state: tuple) -> np.dtype:
    """Return what the state of a pickled dtype says, made by numpy's own checked constructors."""
    _, order, subdtype, names, fields, itemsize, _, _, *metadata = state
    if subdtype is not None:
        base, shape = subdtype
        if not isinstance(base, np.dtype):
            raise ValueError(f"dtype of {base!r}")
        return np.dtype((base, _shape(shape)))
    if names is not None:
        return _structured(names, fields, itemsize)
    if dtype.kind in "mM" and metadata:
        unit, number = metadata[0][1][:2]
        if not _TIME_UNIT.fullmatch(_text(unit)) or type(number) is not int:
            raise ValueError(f"time unit {unit!r}")
        dtype = np.dtype(dtype.kind + "8" + ("" if _text(unit) == "generic" else f"[{number}{_text(unit)}]"))
    match _text(order):
        case "<" | ">" as known:
            return dtype.newbyteorder(known)
    return dtype


def _structured(names: tuple, fields: dict, itemsize: int) -> np.dtype:
    formats = [fields[name][0] for name in names]
    if not all(isinstance(form, np.dtype) and not form.hasobject for form in formats):
        raise _NotPlain("the pickle holds a structured array of objects")
    offsets = [fields[name][1] for name in names]
    return np.dtype(
        {"names": [_text(name) for name in names], "formats": formats, "offsets": offsets, "itemsize": itemsize}
    )


def _check_plain(root: object) -> None:
    """Refuse anything but plain data, however deep."""
    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        kind = type(value)
        if kind in _PLAIN or isinstance(value, np.generic | np.dtype):
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        if kind in _CONTAINERS:
            waiting.extend(value)
        elif kind in _DICTS:
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif kind is np.ndarray:
            waiting.extend(value.ravel().tolist() if value.dtype.hasobject else ())
        else:
            name = "numpy.ndarray" if value is _NDARRAY else getattr(value, "__name__", kind.__name__).lstrip("_")
            raise _NotPlain(f"the pickle keeps {name} itself, which is not plain data")


# --- the machine that runs a pickle ----------------------------------------------------------------------------------


class _Opcodes(dict):
    """Opcode -> method; anything else is refused."""

    def __missing__(self, code: int) -> Callable:
        if code not in _OPCODES:
            raise ValueError(f"byte 0x{code:02x} is no pickle opcode")
        raise _NotPlain(f"the pickle uses the opcode {_OPCODES[code]}, which plain data does not need")


class _PlainUnpickler(pickle._Unpickler):
    """The standard library's Python unpickler with its opcodes cut down.

    The fast one written in C cannot be used: it runs BUILD and NEWOBJ without asking, and holds an array of a Python-2
    pickle three times. Arrays are single opcodes, so little is lost.
    """

    dispatch = _Opcodes(
        {code: method for code, method in pickle._Unpickler.dispatch.items() if _OPCODES[code] in _ALLOWED}
    )

    # Set by the inherited load().
    read: Callable[[int], bytes]
    readline: Callable[[], bytes]
    stack: list[Any]
    append: Callable[[Any], None]
    memo: dict[int, Any]

    def __init__(self, stream: BinaryIO):
        super().__init__(stream, encoding="bytes")
        self._fresh: dict[int, np.ndarray | np.dtype] = {}  # by id, and holding them so that an id stays theirs

    def find_class(self, module: str, name: str) -> object:
        try:
            return _GLOBALS[module, name]
        except KeyError:
            raise _NotPlain(f"the pickle asks for {module}.{name}, which is not plain data") from None

    def load_inst(self) -> None:
        self.find_class(self.readline()[:-1].decode("ascii"), self.readline()[:-1].decode("ascii"))
        raise _NotPlain("the pickle uses the opcode INST, which plain data does not need")

    def load_reduce(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if id(function) not in _CALLABLE:
            raise _NotPlain(f"the pickle calls {type(function).__name__}, which is not plain data")
        made = function(*arguments)
        if function in (_fresh_array, _dtype):
            self._fresh[id(made)] = made
        self.append(made)

    def load_build(self) -> None:
        state, fresh = self.stack.pop(), self.stack[-1]
        if self._fresh.pop(id(fresh), None) is None:
            raise _NotPlain(f"the pickle sets the state of {type(fresh).__name__}, which plain data does not need")
        if isinstance(fresh, np.ndarray):
            _fill(fresh, state)
            return
        built = _with_state(fresh, state)
        self.stack[-1] = built
        for key in reversed(self.memo):  # it was memorised just before
            if self.memo[key] is fresh:
                self.memo[key] = built
                break

    def load_binunicode(self) -> None:
        (size,) = struct.unpack("<I", self.read(4))
        if self.stack and self.stack[-1] is _encode and size > 2:  # one letter may be remembered as a text elsewhere
            self.append(_latin1(self.read, size))
        else:
            self.append(str(self.read(size), "utf-8", "surrogatepass"))

    def load_bytearray8(self) -> None:  # the inherited one reads a large array into two others first
        (size,) = struct.unpack("<Q", self.read(8))
        content = bytearray()
        for piece in _pieces(self.read, size):
            content += piece
        self.append(content)

    dispatch[pickle.INST[0]] = load_inst
    dispatch[pickle.REDUCE[0]] = load_reduce
    dispatch[pickle.BUILD[0]] = load_build
    dispatch[pickle.BINUNICODE[0]] = load_binunicode
    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8


def _latin1(read: Callable[[int], bytes], size: int) -> bytes:
    """Read ``size`` bytes of UTF-8 and return them in Latin-1, never holding the whole of both."""
    decoder, encoded = codecs.getincrementaldecoder("utf-8")(), io.BytesIO()
    for piece in _pieces(read, size):
        encoded.write(decoder.decode(piece).encode("latin1"))
    decoder.decode(b"", final=True)
    return encoded.getvalue()


def _pieces(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    while size:
        piece = read(min(size, PIECE))
        if not piece:
            raise EOFError
        size -= len(piece)
        yield piece
