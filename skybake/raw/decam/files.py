"""The files of stamps, and of what is known of them beside their pixels."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake.raw import RawError, tables
from skybake.raw.arrays import load
from skybake.raw.decam.options import Options
from skybake.raw.values import plain_texts

STAMP_ARRAYS = ("stamps", "images", "data")
LABELS = ("labels", "label", "class", "y")
IDS = ("id",)
"""Names that are looked for where an option names none."""
POSITION = "position"  # of the option match


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
        names: All names, with the file that has them; the stamps' own file before the catalogue.
        read: Name and words -> (N,) texts in the order of the stamps; None where a stamp has none, which is what other
            words say that mean a missing value.
        read_second: The same of the catalogue, of names that both files have.
        twice: Those names.
    """

    names: Mapping[str, Path]
    read: Callable[..., np.ndarray]
    read_second: Callable[..., np.ndarray] | None = None
    twice: Collection[str] = ()


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
    found = load(path)
    others: dict[str, np.ndarray] = {}
    if isinstance(found, np.ndarray):
        stamps = found
    else:
        stamps, others = _split_archive(path, found, options)
    arrays = [Stamps(path, "stamps", stamps)]
    check_arrays(arrays)
    return arrays, _fields(others, path, catalogue, len(stamps), options)


def _load_array(path: Path) -> np.ndarray:
    found = load(path)
    if not isinstance(found, np.ndarray):
        raise RawError(f"{path}: a .npz file found; expected .npy. Hint: raw: stamps takes a .npz with labels")
    return found


def _split_archive(
    path: Path, found: Mapping[str, np.ndarray], options: Options
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return the stamps of a .npz, and its other arrays with one value per stamp."""
    wanted = [options.stamps] if options.stamps else [name for name in STAMP_ARRAYS if name in found]
    if not options.stamps and len(several := [name for name in wanted if found[name].ndim > 1]) > 1:
        lines = " or ".join(f"`stamps: {name}`" for name in several)
        shapes = " and ".join(f"{name} {found[name].shape}" for name in several)
        raise RawError(f"{path}: {shapes} may both be the stamps. Hint: say which is meant by {lines}")
    if not wanted or wanted[0] not in found:
        expected = options.stamps or " or ".join(STAMP_ARRAYS)
        raise RawError(f"{path}: no array {expected!r} of stamps; found {sorted(found)}. Hint: the option stamps")
    stamps = found[wanted[0]]
    others = {}
    for name, values in found.items():
        if name == wanted[0] or not values.ndim or len(values) != len(stamps):
            continue
        if values.size == len(values):
            others[name] = values.reshape(-1)
        elif name == options.label or (not options.label and name in LABELS):
            others[name] = _one_hot(path, name, values, options)
    return stamps, others


def _one_hot(path: Path, name: str, values: np.ndarray, options: Options) -> np.ndarray:
    """Return class numbers (N,) of labels (N, classes) that are 1 in one place of each row and 0 elsewhere.

    Raises:
        RawError: They are anything else.
    """
    n = len(options.classes)
    if values.dtype.kind not in "buif" or values.ndim != 2:
        raise RawError(f"{path}: {name} of {values.dtype} {values.shape} found; expected labels of shape (N,)")
    wrong = np.flatnonzero(~(((values == 0) | (values == 1)).all(axis=1) & (values.sum(axis=1) == 1)))
    if len(wrong):
        raise RawError(
            f"{path}: row {wrong[0]}, from 0, of {name} is {values[wrong[0]].tolist()}; expected labels of shape (N,),"
            " or rows with a single 1 among 0"
        )
    if values.shape[1] != n:
        raise RawError(
            f"{path}: {name} has {values.shape[1]} columns, a class each, but the option classes names {n}:"
            f" {', '.join(options.classes)}. Hint: name them all, as in"
            f" `classes: [{', '.join(f'class {k}' for k in range(min(values.shape[1], 3)))}, ...]`"
        )
    return values.argmax(axis=1)


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
    if options.match not in ("", POSITION) and (catalogue is None or options.match not in others):
        raise RawError(
            f"match: {options.match!r} found; expected an array of the stamps' .npz, and a catalogue that has it too;"
            f" found arrays {sorted(others)} and {'a' if catalogue else 'no'} catalogue"
        )
    names = {} if path is None else dict.fromkeys(others, path)
    if catalogue is None:
        return Fields(names, lambda name, words=(): plain_texts(others[name], words))
    columns, pieces = tables.source(catalogue, table=options.table)
    columns = [name for name in columns if name]
    names = {**dict.fromkeys(columns, catalogue), **names}
    rows: list[np.ndarray] = []  # found when the first column is asked for

    def column(name: str, words: Collection[str] = ()) -> np.ndarray:
        return np.concatenate(
            [np.empty(0, dtype=object), *(plain_texts(piece[name].to_numpy(), words) for piece in pieces([name]))]
        )

    def of_catalogue(name: str, words: Collection[str] = ()) -> np.ndarray:
        values = column(name, words)
        if not rows:
            rows.append(_matched(catalogue, columns, others, column, len(values), n, options))
        return np.append(values, np.array([None]))[rows[0]]  # row -1, of a stamp without one, is the None at the end

    def read(name: str, words: Collection[str] = ()) -> np.ndarray:
        return plain_texts(others[name], words) if name in others else of_catalogue(name, words)

    return Fields(names, read, of_catalogue, [name for name in columns if name in others])


def _matched(
    catalogue: Path,
    columns: Sequence[str],
    others: Mapping[str, np.ndarray],
    column: Callable[[str], np.ndarray],
    found: int,
    n: int,
    options: Options,
) -> np.ndarray:
    """Return for each stamp its row of the catalogue, -1 where it has none."""
    if options.match in ("", POSITION):
        if found != n:
            raise RawError(
                f"{catalogue}: {found} rows for {n} stamps; expected as many, in the stamps' order."
                " Hint: the option match"
            )
        for name in [] if options.match else {options.id or IDS[0]} & set(others) & set(columns):
            pairs = zip(_keys(plain_texts(others[name])), _keys(column(name)), strict=True)
            apart = [row for row, (one, other) in enumerate(pairs) if None not in (one, other) and one != other]
            if apart:
                raise RawError(
                    f"{catalogue}: as many rows as stamps, but in {len(apart)} of them {name} is another than the"
                    f" stamp's, first in row {apart[0]}, from 0. Hint: say which holds, `match: {name}` or"
                    f" `match: {POSITION}`"
                )
        if not options.match:
            _check_not_in_another_order(catalogue, columns, others, column)
        return np.arange(n)
    if options.match not in columns:
        raise RawError(f"{catalogue}: no column {options.match!r}; found {list(columns)}")
    own = others[options.match]
    if own.dtype.kind == "f" and (np.abs(own[np.isfinite(own)]) >= 2**53).any():
        raise RawError(f"match: {options.match} of the stamps are {own.dtype}, so that digits are lost. Hint: as text")
    rows: dict[str, int] = {}
    for row, key in enumerate(_keys(column(options.match))):
        if key is not None and rows.setdefault(key, row) != row:
            raise RawError(f"{catalogue}: {options.match} {key!r} stands in rows {rows[key]} and {row}, from 0")
    return np.array([-1 if key is None else rows.get(key, -1) for key in _keys(plain_texts(own))])


def _check_not_in_another_order(
    catalogue: Path,
    columns: Sequence[str],
    others: Mapping[str, np.ndarray],
    column: Callable[[str], np.ndarray],
) -> None:
    """Raise RawError if a column has the names of the stamps, under whatever name, and not in their order."""
    for name in filter(_may_be_names, others):
        own = _keys(plain_texts(others[name]))
        if None in own or len(set(own)) < len(own):
            continue
        for called in filter(_may_be_names, columns):
            theirs = _keys(column(called))
            if own != theirs and set(own) == set(theirs):
                raise RawError(
                    f"{catalogue}: column {called} has the stamps' {name} in another order. Hint: call both the same,"
                    f" and say which holds, `match: {name}` or `match: {POSITION}`"
                )


def _may_be_names(column: str) -> bool:
    return column.lower().rstrip("s").endswith(("id", "name", "number"))


def _keys(texts: np.ndarray) -> list[str | None]:
    """Return names as they are compared: 12.0 is 12."""
    return [None if text is None else re.sub(r"^(\d+)\.0*$", r"\1", text) for text in texts]
