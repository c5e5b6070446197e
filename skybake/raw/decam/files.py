"""The files of stamps, and of what is known of them beside their pixels."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake.missing import is_mark
from skybake.raw import RawError, tables
from skybake.raw.decam.options import Options

STAMP_ARRAYS = ("stamps", "images", "data")


@dataclass(frozen=True)
class Stamps:
    """An array of stamps, not yet read.

    Attributes:
        path: The file.
        name: What it is called among :data:`RAW`.
        array: (N, ...) numbers.
        klass: Their class, if one.
    """

    path: Path
    name: str
    array: np.ndarray
    klass: int | None = None


@dataclass(frozen=True)
class Fields:
    """What is known of the stamps beside their pixels, by name.

    Attributes:
        names: All names, with the file that has them.
        read: Name -> (N,) values in the order of the stamps; None where a stamp has none.
    """

    names: Mapping[str, Path]
    read: Callable[[str], np.ndarray]


def open_files(raw: Mapping[str, Path], options: Options) -> tuple[list[Stamps], Fields]:
    """Open the arrays of stamps, and what else is known of them; pixels are not read yet."""
    catalogue = Path(raw["catalogue"]) if "catalogue" in raw else None
    if "stamps" not in raw:
        arrays = [
            Stamps(Path(raw[key]), key, _load_array(Path(raw[key])), klass)
            for key, klass in (("sources", 1), ("noise", 0))
        ]
        if len(options.classes) != 2:
            raise RawError(f"option classes: {len(options.classes)} names found; sources and noise are two")
        check_arrays(arrays)
        return arrays, _fields({}, None, catalogue, sum(len(item.array) for item in arrays), options)
    path = Path(raw["stamps"])
    found = _load(path)
    others: dict[str, np.ndarray] = {}
    if isinstance(found, np.ndarray):
        stamps = found
    else:
        stamps, others = _split_archive(path, found, options)
    arrays = [Stamps(path, "stamps", stamps)]
    check_arrays(arrays)
    return arrays, _fields(others, path, catalogue, len(stamps), options)


def _load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """Read a .npy file, mapped into memory, or the arrays of a .npz."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise RawError(f"{path}: no such file") from None
    except ValueError as error:
        hint = "Hint: arrays of objects are not read; save plain numbers with numpy.save"
        raise RawError(f"{path}: not a readable .npy or .npz file ({error}). {hint}") from None
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise RawError(f"{path}: not a readable .npy or .npz file ({error}). Hint: is the download complete?") from None


def _load_array(path: Path) -> np.ndarray:
    found = _load(path)
    if not isinstance(found, np.ndarray):
        raise RawError(f"{path}: a .npz file found; expected .npy. Hint: raw: stamps takes a .npz with labels")
    return found


def _split_archive(
    path: Path, found: Mapping[str, np.ndarray], options: Options
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the stamps of a .npz, and its other arrays with one value per stamp."""
    wanted = [options.stamps] if options.stamps else [name for name in STAMP_ARRAYS if name in found]
    if not wanted or wanted[0] not in found:
        expected = options.stamps or " or ".join(STAMP_ARRAYS)
        raise RawError(f"{path}: no array {expected!r} of stamps; found {sorted(found)}. Hint: the option stamps")
    stamps = found[wanted[0]]
    others = {name: values for name, values in found.items() if values.ndim == 1 and len(values) == len(stamps)}
    return stamps, others


def check_arrays(arrays: Sequence[Stamps]) -> None:
    """Raise RawError unless all are arrays of real numbers with at least one stamp."""
    for item in arrays:
        if item.array.dtype.kind not in "buif":
            raise RawError(f"{item.path}: stamps of {item.array.dtype} found; expected real numbers")
        if item.array.ndim < 2 or not item.array.size:
            raise RawError(f"{item.path}: shape {item.array.shape} found; expected stamps (N, H, W), and at least one")


def _fields(
    others: Mapping[str, np.ndarray], path: Path | None, catalogue: Path | None, n: int, options: Options
) -> Fields:
    if options.match and (catalogue is None or options.match not in others):
        raise RawError(
            f"match: {options.match!r} found; expected an array of the stamps' .npz, and a catalogue that has it too;"
            f" found arrays {sorted(others)} and {'a' if catalogue else 'no'} catalogue"
        )
    names = {} if path is None else dict.fromkeys(others, path)
    if catalogue is None:
        return Fields(names, lambda name: plain_texts(others[name]))
    columns, pieces = tables.source(catalogue)
    columns = [name for name in columns if name.strip()]
    names = {**dict.fromkeys(columns, catalogue), **names}
    rows: list[np.ndarray] = []  # found when the first column is asked for

    def column(name: str) -> np.ndarray:
        return np.concatenate(
            [np.empty(0, dtype=object), *(plain_texts(piece[name].to_numpy()) for piece in pieces([name]))]
        )

    def read(name: str) -> np.ndarray:
        if name in others:
            return plain_texts(others[name])
        values = column(name)
        if not rows:
            rows.append(_matched(catalogue, others, column, len(values), n, options))
        return np.append(values, np.array([None]))[rows[0]]  # row -1, of a stamp without one, is the None at the end

    return Fields(names, read)


def _matched(
    catalogue: Path,
    others: Mapping[str, np.ndarray],
    column: Callable[[str], np.ndarray],
    found: int,
    n: int,
    options: Options,
) -> np.ndarray:
    """Return for each stamp its row of the catalogue, -1 where it has none."""
    if not options.match:
        if found != n:
            raise RawError(
                f"{catalogue}: {found} rows for {n} stamps; expected as many, in the stamps' order."
                " Hint: the option match"
            )
        return np.arange(n)
    if options.match not in tables.source(catalogue)[0]:
        raise RawError(f"{catalogue}: no column {options.match!r}; found {tables.source(catalogue)[0]}")
    rows: dict[str, int] = {}
    for row, name in enumerate(column(options.match)):
        if name is not None and rows.setdefault(str(name), row) != row:
            raise RawError(f"{catalogue}: {options.match} {name!r} stands in rows {rows[str(name)]} and {row}, from 0")
    return np.array([rows.get(str(name), -1) for name in plain_texts(others[options.match])])


def plain_texts(values: np.ndarray) -> np.ndarray:
    """Return values as text, None where missing: integers keep all digits."""
    texts = [value.decode() if isinstance(value, bytes) else str(value).strip() for value in values.tolist()]
    return np.array([None if is_mark(text) else text for text in texts], dtype=object)
