"""Survey ``decam``: stamps of moving objects, coadded along tracks, and of what is none (after KBMOD and astroML).

Raw files, in one of two forms:

- ``sources`` and ``noise``: two ``.npy`` arrays of stamps. Sources are class 1, noise is class 0, and rows are counted
  through both, sources first.
- ``stamps``: one array of both, ``.npy`` or ``.npz``, with labels in a named array of the ``.npz`` or in a column of
  the catalogue.

``catalogue`` is optional with either: a CSV, FITS table or parquet with one row per stamp, in the stamps' order, or
matched to it by a name that both have.

Stamps are square and flattened (N, H W), (N, H, W), (N, H, W, C) or (N, C, H, W); a ``.npy`` is mapped into memory and
read in blocks. Pixels that are not finite, or beyond :data:`ABSURD` as placeholders for missing ones are, are *masked*:
they become the median of their stamp and band, and the scalar ``n_masked`` counts them.

*Classes.* The label ``class`` is a number; its names stand in the dataset's attribute ``classes``. Where the catalogue
of ``sources`` and ``noise`` has a column ``class`` it must agree: two files swapped are two classes swapped.

*Groups.* Candidates a pixel or a velocity apart show the same object. ``group`` names the object or the position;
``group_pattern`` takes a position out of a name, and ``group_link`` joins positions that are near each other.

*Counting.* Accepted + rejected = number of stamps. A stamp with the same pixels as an earlier one is rejected.
"""

from __future__ import annotations

import logging
import math
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from skybake.dataset import MAGIC, Column, Rejection, Schema, Writer, create, file_digest, write_rejected
from skybake.raw import RawError, tables
from skybake.settings import Settings

log = logging.getLogger(__name__)

TASK = "classification"
LABEL = "class"
INPUTS = ()
RAW = {
    "sources": "array of stamps of sources (N, H W), (N, H, W) or with channels: .npy",
    "noise": "array of stamps of anything else, of the same form: .npy",
    "stamps": "array of stamps of both: .npy, or .npz with labels",
    "catalogue": "CSV, FITS table or parquet with a row for each stamp",
}
RAW_FORMS = (("sources", "noise"), ("stamps",))

BLOCK = 4096  # stamps in memory at once
ABSURD = 1e30  # image software marks missing pixels with the lowest or highest number of their type
MOST_WORDS = 50  # of a column of words that is kept as a scalar
STAMP_ARRAYS = ("stamps", "images", "data")
USUAL = {"label": ("labels", "label", "class", "y"), "id": ("id",), "group": ("group", "object")}
"""Names that are looked for where an option names none."""
UNITS = {"ra": "deg", "dec": "deg"}


class Options(Settings):
    """How to read the stamps. Names are those of arrays of the `.npz` or of columns of the catalogue."""

    stamps: str = Field("", description="Array of the `.npz` with the stamps; empty: `stamps`, `images` or `data`.")
    label: str = Field("", description="Where the class stands; empty: `labels`, `label`, `class` or `y`.")
    classes: tuple[str, ...] = Field(
        ("noise", "source"),
        min_length=2,
        description="Names of class 0, 1, ...; a label may be the number or the name.",
    )
    id: str = Field("", description="Where the stamps' names stand; empty: `id` if there is one, else row numbers.")
    group: tuple[str, ...] = Field(
        (),
        description="Where it stands what must stay on one side of a split, an object or a position; of several names"
        " the first with a value counts. Empty: `group` or `object`; if neither is there, every stamp is its own.",
    )
    group_pattern: str = Field(
        "",
        description="Regular expression that the group's name must have; what its parts in brackets match counts.",
    )
    group_link: float | None = Field(
        None,
        gt=0,
        description="Stamps no further apart are one group, and so on from stamp to stamp [pixels]. The pattern's"
        " parts named `x` and `y`, as in `(?P<x>[0-9]+)`, are the position; its other parts must agree.",
    )
    match: str = Field(
        "",
        description="What both the `.npz` and the catalogue have, by which rows belong together; empty: by position.",
    )
    scalars: tuple[str, ...] | None = Field(
        None, description="What to keep of each stamp; null: `snr`, `kind`, `ra`, `dec` and magnitudes, where given."
    )
    size: int | None = Field(None, ge=1, description="Pixels a side, of flattened stamps with channels.")
    layout: Literal["auto", "channels_last", "channels_first"] = Field(
        "auto", description="Where channels stand; auto: where the two equal sides are not."
    )
    bands: tuple[str, ...] = Field((), description="Names of the channels; empty: `coadd`, or `channel 1`, ...")
    units: str = Field("counts", description="Units of the pixels.")
    masked: Literal["fill", "reject"] = Field(
        "fill",
        description="Masked pixels (NaN, infinite, beyond 1e30): they get the stamp's median, or it is rejected.",
    )
    most_masked: float = Field(
        0.5, ge=0, lt=1, description="A stamp is rejected if more than this fraction of a channel is masked."
    )
    constant: Literal["reject", "keep"] = Field("reject", description="Stamps whose pixels are all equal.")

    @model_validator(mode="after")
    def _patterns(self) -> Options:
        try:
            parts = re.compile(self.group_pattern).groupindex
        except re.error as error:
            raise ValueError(f"group_pattern {self.group_pattern!r} is no regular expression: {error}") from None
        if self.group_link is not None and not {"x", "y"} <= set(parts):
            raise ValueError("group_link needs a group_pattern with the parts (?P<x>[0-9]+) and (?P<y>[0-9]+)")
        if self.group_pattern and not self.group:
            raise ValueError("group_pattern needs 'group', the name of what it is applied to")
        return self


def ingest(
    raw: Mapping[str, Path], out: Path, rejected: Path, options: Options, *, mock: bool, threads: int = 1
) -> None:
    """Write the dataset of the stamps, and what was left out.

    Args:
        raw: Paths of one of :data:`RAW_FORMS`, and perhaps of the catalogue.
        out: The dataset to write: image (N, H, W, C) in the units of the options, label ``class``, scalar
            ``n_masked`` and those of the options. Its rows are the stamps in their order.
        rejected: The CSV of rejected stamps to write.
        options: How to read.
        mock: Whether the files are simulated.
        threads: Not used: compression is the cost.

    Raises:
        RawError: The files cannot be read or do not belong together.
        DatasetError: No stamp was accepted; ``rejected`` is written all the same.
    """
    arrays, fields = _open(raw, options)
    form = _common_form(arrays, options)
    known = _describe_stamps(arrays, fields, options)
    schema = Schema(
        survey="decam",
        task=TASK,
        bands=_bands(form.channels, options),
        image=Column(options.units, "stamps as they are, masked pixels the median of their stamp and band"),
        labels={LABEL: Column("", ", ".join(f"{number} {name}" for number, name in enumerate(options.classes)))},
        scalars={
            **{name: Column(_units(name), text) for name, (text, _) in known.scalars.items()},
            "n_masked": Column("", "masked pixels, over all channels; they hold the median of their stamp and band"),
        },
        raw=_digests(raw),
        mock=mock,
        classes=options.classes,
    )
    rejections: list[Rejection] = []
    with create(out, schema) as writer:
        _write(writer, arrays, form, known, options, rejections)
        write_rejected(rejected, rejections)
    log.info("%d stamps accepted, %d rejected", len(known.ids) - len(rejections), len(rejections))


def _digests(raw: Mapping[str, Path]) -> dict[str, str]:
    names = [Path(path).name for path in raw.values()]
    distinct = len(set(names)) == len(names)
    return {Path(path).name if distinct else f"{key}/{Path(path).name}": file_digest(path) for key, path in raw.items()}


# --- files -----------------------------------------------------------------------------------------------------------


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


def _open(raw: Mapping[str, Path], options: Options) -> tuple[list[Stamps], Fields]:
    catalogue = Path(raw["catalogue"]) if "catalogue" in raw else None
    if "stamps" not in raw:
        arrays = [
            Stamps(Path(raw[key]), key, _load(Path(raw[key])), klass) for key, klass in (("sources", 1), ("noise", 0))
        ]
        if len(options.classes) != 2:
            raise RawError(f"option classes: {len(options.classes)} names found; sources and noise are two")
        _check_arrays(arrays)
        return arrays, _fields({}, None, catalogue, sum(len(item.array) for item in arrays), options)
    path = Path(raw["stamps"])
    found = _load(path)
    if isinstance(found, np.ndarray):
        stamps, others = found, {}
    else:
        stamps, others = _split_archive(path, found, options)
    arrays = [Stamps(path, "stamps", stamps)]
    _check_arrays(arrays)
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


def _check_arrays(arrays: Sequence[Stamps]) -> None:
    for item in arrays:
        if not isinstance(item.array, np.ndarray):
            raise RawError(f"{item.path}: a .npz file found; expected .npy. Hint: raw: stamps takes a .npz with labels")
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
    names = dict.fromkeys(others, path)
    if catalogue is None:
        return Fields(names, lambda name: _plain(others[name]))
    columns, pieces = tables.source(catalogue)
    columns = [name for name in columns if name.strip()]
    names = {**dict.fromkeys(columns, catalogue), **names}
    rows: list[np.ndarray] = []  # found when the first column is asked for

    def column(name: str) -> np.ndarray:
        return np.concatenate(
            [np.empty(0, dtype=object), *(_plain(piece[name].to_numpy()) for piece in pieces([name]))]
        )

    def read(name: str) -> np.ndarray:
        if name in others:
            return _plain(others[name])
        values = column(name)
        if not rows:
            rows.append(_matched(catalogue, others, column, len(values), n, options))
        return np.where(rows[0] >= 0, np.append(values, None)[rows[0]], None)

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
    return np.array([rows.get(str(name), -1) for name in _plain(others[options.match])])


def _plain(values: np.ndarray) -> np.ndarray:
    """Return values as text, None where missing: integers keep all digits."""
    texts = [value.decode() if isinstance(value, bytes) else str(value).strip() for value in values.tolist()]
    return np.array([None if text.lower() in tables.MISSING else text for text in texts], dtype=object)


# --- what is known of each stamp -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What is known of the N stamps beside their pixels.

    Attributes:
        ids, groups: N names.
        label: (N,) class numbers; NaN where none.
        reasons: Row -> (reason, detail) of stamps that have no class, no group or a repeated name.
        scalars: Name -> description and (N,) numbers.
    """

    ids: list[str]
    groups: list[str]
    label: np.ndarray
    reasons: dict[int, tuple[str, str]]
    scalars: dict[str, tuple[str, np.ndarray]]


def _describe_stamps(arrays: Sequence[Stamps], fields: Fields, options: Options) -> Known:
    reasons: dict[int, tuple[str, str]] = {}
    names = [f"{item.name}-{row}" for item in arrays for row in range(len(item.array))]
    ids = names
    if _name(fields, options.id, "id"):
        given = _read(fields, _name(fields, options.id, "id"), "id")
        ids = [name if value is None else value for name, value in zip(names, given, strict=True)]
        seen: dict[str, int] = {}
        for row, name in enumerate(ids):
            if seen.setdefault(name, row) != row:
                reasons[row] = ("repeated id", f"{name} is the id of row {seen[name]} too")
    label = _label(arrays, fields, options, reasons)
    groups = _groups(ids, fields, options, reasons)
    return Known(ids, groups, label, reasons, _scalars(fields, options))


def _name(fields: Fields, given: str, option: str) -> str:
    """Return the name that an option gives, or the first usual one that is there; empty if there is none."""
    return given or next((name for name in USUAL[option] if name in fields.names), "")


def _read(fields: Fields, name: str, option: str) -> np.ndarray:
    if name not in fields.names:
        raise RawError(
            f"option {option}: no array or column {name!r}; found {', '.join(fields.names) or 'none'}."
            " Hint: columns are those of raw: catalogue"
        )
    return fields.read(name)


def _label(
    arrays: Sequence[Stamps], fields: Fields, options: Options, reasons: dict[int, tuple[str, str]]
) -> np.ndarray:
    """Return the class numbers (N,), of the files or of a field; where both tell, they must agree."""
    by_file = None
    if arrays[0].klass is not None:
        by_file = np.concatenate([np.full(len(item.array), float(item.klass)) for item in arrays])
    name = _name(fields, options.label, "label")
    if not name:
        if by_file is None:
            raise RawError(
                f"{arrays[0].path}: no labels; expected {' or '.join(USUAL['label'])} among the arrays of a .npz or the"
                f" columns of a catalogue, found {', '.join(fields.names) or 'none'}. Hint: the option label"
            )
        return by_file
    found: dict[int, tuple[str, str]] = {}
    label = _class_numbers(_read(fields, name, "label"), options.classes, found)
    if by_file is None:
        reasons.update({row: reason for row, reason in found.items() if row not in reasons})
        return label
    wrong = np.flatnonzero(~np.isnan(label) & (label != by_file))
    if len(wrong):
        found, expected = (options.classes[int(values[wrong[0]])] for values in (label, by_file))
        raise RawError(
            f"{fields.names[name]}: row {wrong[0]}, from 0, is {found} by {name}, but its stamp stands in the file of"
            f" class {expected}; {len(wrong)} rows disagree. Hint: are sources and noise swapped?"
        )
    return by_file


def _class_numbers(values: np.ndarray, classes: Sequence[str], reasons: dict[int, tuple[str, str]]) -> np.ndarray:
    names = {name: float(number) for number, name in enumerate(classes)} | {"False": 0.0, "True": 1.0}
    numbers = {value: names[value] if value in names else _number(value) for value in set(values) - {None}}
    label = np.full(len(values), np.nan)
    for row, value in enumerate(values):
        number = numbers.get(value)
        if value is None or number == MAGIC:
            reasons.setdefault(row, ("no class", ""))
        elif number is None or number not in range(len(classes)):
            expected = f"expected 0 to {len(classes) - 1} or {', '.join(classes)}"
            reasons.setdefault(row, ("unknown class", f"{value}; {expected}"))
        else:
            label[row] = number
    return label


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _groups(ids: Sequence[str], fields: Fields, options: Options, reasons: dict[int, tuple[str, str]]) -> list[str]:
    sought = options.group or tuple(filter(None, [_name(fields, "", "group")]))
    if not sought:
        return list(ids)
    columns = [_read(fields, name, "group") for name in sought]
    names: list[str] = []
    for row, values in enumerate(zip(*columns, strict=True)):
        value = next((value for value in values if value is not None), None)
        if value is None:
            reasons.setdefault(row, ("no group", f"{', '.join(sought)} empty"))
        names.append(value or "")
    if not options.group_pattern:
        return names
    return _by_pattern(names, options, reasons)


def _by_pattern(names: Sequence[str], options: Options, reasons: dict[int, tuple[str, str]]) -> list[str]:
    pattern = re.compile(options.group_pattern)
    groups, places = list(names), []
    for row, name in enumerate(names):
        found = pattern.search(name)
        if found is None:
            reasons.setdefault(row, ("no group", f"{name} has no part {options.group_pattern}"))
            continue
        if options.group_link is None:
            groups[row] = "_".join(text or "" for text in found.groups()) if pattern.groups else found.group()
            continue
        xy = [_number(found[part] or "") for part in "xy"]
        if None in xy:
            reasons.setdefault(row, ("no group", f"{name}: x, y {found['x']!r}, {found['y']!r} are no numbers"))
            continue
        spans = {found.span("x"), found.span("y")}
        rest = "_".join(text or "" for k, text in enumerate(found.groups(), 1) if found.span(k) not in spans)
        places.append((row, rest, *xy))
    for row, group in _linked(places, options.group_link) if places else ():
        groups[row] = group
    return groups


def _linked(places: Sequence[tuple[int, str, float, float]], link: float) -> Iterator[tuple[int, str]]:
    """Join what is near each other, and what is near that: row and group, which is named after its first member."""
    from scipy.cluster.hierarchy import DisjointSet
    from scipy.spatial import cKDTree

    for rest in dict.fromkeys(place[1] for place in places):
        members = [place for place in places if place[1] == rest]
        sets = DisjointSet(range(len(members)))
        for one, other in cKDTree([place[2:] for place in members]).query_pairs(link):
            sets.merge(one, other)
        for subset in sets.subsets():
            first = members[min(subset)]
            name = "_".join(filter(None, [rest, f"{first[2]:g}", f"{first[3]:g}"]))
            yield from ((members[member][0], name) for member in subset)


def _scalars(fields: Fields, options: Options) -> dict[str, tuple[str, np.ndarray]]:
    if options.scalars is None:
        usual = {"snr", "kind", "ra", "dec"}
        wanted = [name for name in fields.names if name.lower() in usual or name.lower().startswith("mag")]
    else:
        wanted = list(options.scalars)
    label = _name(fields, options.label, "label")
    if label in wanted or "n_masked" in wanted:
        raise RawError(f"option scalars: {label if label in wanted else 'n_masked'!r} is kept anyway; leave it out")
    return {name: _numbers(fields, name, _read(fields, name, "scalars")) for name in wanted}


def _numbers(fields: Fields, name: str, values: np.ndarray) -> tuple[str, np.ndarray]:
    """Return description and numbers of a field; words become code numbers, in alphabetical order."""
    numbers = [None if value is None else _number(value) for value in values]
    unread = [row for row, (value, number) in enumerate(zip(values, numbers, strict=True)) if value and number is None]
    place = f"{name} of {fields.names[name].name}"
    if unread and any(number is not None for number in numbers):
        raise RawError(
            f"{fields.names[name]}: row {unread[0]}, from 0: {name} is {values[unread[0]]!r}; expected a number"
        )
    if not unread:
        found = np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
        return place, np.where(np.isfinite(found), found, np.nan)
    words = sorted(set(filter(None, values)))
    if len(words) > MOST_WORDS:
        raise RawError(
            f"{fields.names[name]}: {name} holds {len(words)} different words; expected numbers, or at most"
            f" {MOST_WORDS} words. Hint: leave it out of scalars"
        )
    codes = {word: float(code) for code, word in enumerate(words)}
    text = ", ".join(f"{code} {word}" for code, word in enumerate(words))
    return f"{place}: {text}", np.array([codes.get(value, np.nan) for value in values])


def _units(name: str) -> str:
    return UNITS.get(name.lower(), "mag" if name.lower().startswith("mag") else "")


# --- pixels ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """How stamps lie in their arrays.

    Attributes:
        side, channels: H = W and C.
        channels_first: Whether stamps lie as (C, H, W), not as (H, W, C).
    """

    side: int
    channels: int
    channels_first: bool

    def images(self, block: np.ndarray) -> np.ndarray:
        """Return stamps (n, ...) as images (n, H, W, C) float32; numbers too large for that become infinite."""
        shape = (self.channels, self.side, self.side) if self.channels_first else (self.side, self.side, self.channels)
        with np.errstate(over="ignore", invalid="ignore"):
            images = np.array(block, dtype=np.float32, order="C").reshape(len(block), *shape)
        return np.ascontiguousarray(np.moveaxis(images, 1, -1)) if self.channels_first else images


def _common_form(arrays: Sequence[Stamps], options: Options) -> Form:
    forms = [_form(item, options) for item in arrays]
    if forms[0] != forms[-1]:
        shapes = " and ".join(f"{item.path.name} {item.array.shape}" for item in arrays)
        raise RawError(f"{arrays[0].path}: stamps of different form: {shapes}; expected one size")
    return forms[0]


def _form(item: Stamps, options: Options) -> Form:
    shape = item.array.shape[1:]
    last, first = options.layout == "channels_last", options.layout == "channels_first"
    if len(shape) == 1:
        side = options.size or math.isqrt(shape[0])
        if shape[0] % side**2 == 0 and (options.size or side**2 == shape[0]):
            channels = shape[0] // side**2
            if channels > 1 and options.layout == "auto":
                raise RawError(f"{item.path}: {channels} channels of flattened stamps. Hint: the option layout")
            return Form(side, channels, first and channels > 1)
        raise RawError(
            f"{item.path}: flattened stamps of {shape[0]} pixels"
            + (f", which are no {side} x {side} of any channels" if options.size else ", which are no square")
            + ". Hint: the option size says how many pixels a side has, where there are channels"
        )
    if len(shape) == 2 and shape[0] == shape[1]:
        return Form(shape[0], 1, False)
    if len(shape) == 3:
        may_be_last, may_be_first = shape[0] == shape[1], shape[1] == shape[2]
        if may_be_last and may_be_first and options.layout == "auto":
            raise RawError(f"{item.path}: channels of stamps {shape} may stand first or last. Hint: the option layout")
        if may_be_last and not first:
            return Form(shape[0], shape[2], False)
        if may_be_first and not last:
            return Form(shape[1], shape[0], True)
    raise RawError(
        f"{item.path}: stamps of shape {shape} found; expected square ones (H W,), (H, W), (H, W, C) or (C, H, W)"
        + (f" with {options.layout}" if options.layout != "auto" else "")
    )


def _bands(channels: int, options: Options) -> list[str]:
    if options.bands and len(options.bands) != channels:
        raise RawError(f"option bands: {len(options.bands)} names found; the stamps have {channels} channels")
    return list(options.bands) or (["coadd"] if channels == 1 else [f"channel {k}" for k in range(1, channels + 1)])


def _write(
    writer: Writer,
    arrays: Sequence[Stamps],
    form: Form,
    known: Known,
    options: Options,
    rejections: list[Rejection],
) -> None:
    """Append the stamps in blocks, and list those that are left out."""
    from tqdm import tqdm

    seen: dict[bytes, str] = {}
    with tqdm(total=len(known.ids), desc="reading stamps", unit="stamp", delay=3) as progress:
        for first, block in _blocks(arrays):
            images = form.images(block)
            rows = range(first, first + len(images))
            masked, reasons = _fill_masked(images, first, options)
            flat = (images == images[:, :1, :1, :]).all(axis=(1, 2, 3))
            if options.constant == "reject":
                for place in np.flatnonzero(flat):
                    reason = ("constant stamp", f"every pixel is {images[place, 0, 0, 0]:g}")
                    reasons.setdefault(first + int(place), reason)
            reasons |= {row: known.reasons[row] for row in rows if row in known.reasons}
            for row, stamp, constant in zip(rows, images, flat, strict=True):
                if row not in reasons and not constant:
                    earlier = seen.setdefault(blake2b(stamp, digest_size=16).digest(), known.ids[row])
                    if earlier != known.ids[row]:
                        reasons[row] = ("duplicate", f"the same pixels as {earlier}")
            kept = np.array([row for row in rows if row not in reasons], dtype=int)
            rejections += [Rejection(row, known.ids[row], *reasons[row]) for row in sorted(reasons)]
            if len(kept):
                writer.append(
                    image=images[kept - first],
                    id=[known.ids[row] for row in kept],
                    group=[known.groups[row] for row in kept],
                    labels={LABEL: known.label[kept]},
                    scalars={
                        **{name: values[kept] for name, (_, values) in known.scalars.items()},
                        "n_masked": masked[kept - first],
                    },
                )
            progress.update(len(images))


def _blocks(arrays: Sequence[Stamps]) -> Iterator[tuple[int, np.ndarray]]:
    """Give the stamps of all arrays in blocks, with the number of the first."""
    start = 0
    for item in arrays:
        for first in range(0, len(item.array), BLOCK):
            yield start + first, item.array[first : first + BLOCK]
        start += len(item.array)


def _fill_masked(images: np.ndarray, first: int, options: Options) -> tuple[np.ndarray, dict[int, tuple[str, str]]]:
    """Give masked pixels the median of their stamp and band, in place.

    Returns:
        (n,) number of masked pixels, and row -> (reason, detail) of the stamps with too many of them.
    """
    with np.errstate(invalid="ignore"):
        bad = ~(np.abs(images) < ABSURD)
    number = bad.sum(axis=(1, 2, 3))
    places = np.flatnonzero(number)
    if not len(places):
        return number.astype(np.float64), {}
    bad, stamps = bad[places], images[places]
    good = (~bad).sum(axis=(1, 2), keepdims=True)  # (places, 1, 1, C)
    ordered = np.where(bad, np.inf, stamps).reshape(len(places), -1, images.shape[-1])
    ordered.sort(axis=1)
    middle = np.maximum(np.stack([good - 1, good]) // 2, 0)[:, :, :, 0]  # where the two middle ones stand
    low, high = (np.take_along_axis(ordered, place, axis=1)[:, :, None] for place in middle)
    images[places] = np.where(bad, np.where(good > 0, 0.5 * (low + high), 0), stamps)
    share = bad.mean(axis=(1, 2)).max(axis=1)
    refused = np.full(len(places), True) if options.masked == "reject" else share > options.most_masked
    return number.astype(np.float64), {
        first + int(places[k]): ("masked pixels", f"{number[places[k]]} in all, {share[k]:.3g} of a channel")
        for k in np.flatnonzero(refused)
    }
