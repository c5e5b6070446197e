"""What is known of each stamp: name, class, group and scalars."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake.data.columns import Column
from skybake.data.rejections import Rejection
from skybake.missing import no_magnitude, present
from skybake.raw import RawError
from skybake.raw.decam.files import IDS, LABELS, Fields, Stamps
from skybake.raw.decam.options import Options
from skybake.raw.tables import check_single
from skybake.raw.values import alone_where_empty, as_number, check_whole, class_numbers, expected_classes

log = logging.getLogger(__name__)

LABEL = "class"
MOST_CLASSES = 20  # that a message names
MOST_WORDS = 50  # of a column of words that is kept as a scalar
USUAL = {"label": LABELS, "id": IDS, "group": ("group", "object")}
"""Names that are looked for where an option names none."""
KINDS = {"ra": ("deg", "right_ascension"), "dec": ("deg", "declination"), "snr": ("", "signal_to_noise")}
"""Units and kind of usual scalars."""


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


def describe_stamps(arrays: Sequence[Stamps], fields: Fields, options: Options) -> Known:
    """Return name, group, class and scalars of every stamp, and why some of them have none."""
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
    label = _label(arrays, ids, fields, options, reasons)
    groups = _groups(ids, fields, options, reasons)
    return Known(ids, groups, label, reasons, _scalars(fields, options))


def _name(fields: Fields, given: str, option: str) -> str:
    """Return the name that an option gives, or the first usual one that is there; empty if there is none."""
    return given or next((name for name in USUAL[option] if name in fields.names), "")


def _read(fields: Fields, name: str, option: str, words: Sequence[str] = ()) -> np.ndarray:
    if name not in fields.names:
        raise RawError(
            f"option {option}: no array or column {name!r}; found {', '.join(fields.names) or 'none'}."
            " Hint: columns are those of raw: catalogue"
        )
    values = fields.read(name, words)
    if option in ("id", "group"):
        check_whole(fields.names[name], name, values)
    if option in ("group", "scalars") and name in fields.twice and fields.read_second is not None:
        second = fields.read_second(name, words)
        apart = [row for row, pair in enumerate(zip(values, second, strict=True)) if not _may_be_the_same(*pair)]
        if apart:
            raise RawError(
                f"{fields.names[name]}: row {apart[0]}, from 0: {name} is {values[apart[0]]}, and {second[apart[0]]} in"
                f" the catalogue; {len(apart)} rows disagree. Hint: leave one of the two out, or rename it"
            )
    return values


def _may_be_the_same(one: str | None, other: str | None) -> bool:
    if one is None or other is None or one == other:
        return True
    first, second = as_number(one), as_number(other)
    return first is not None and second is not None and bool(np.isclose(first, second, rtol=1e-6, atol=0))


def _label(
    arrays: Sequence[Stamps],
    ids: Sequence[str],
    fields: Fields,
    options: Options,
    reasons: dict[int, tuple[str, str]],
) -> np.ndarray:
    """Return the class numbers (N,), of the files or of a field; where both tell, they must agree."""
    by_file = _classes_of_files(arrays)
    name = _name(fields, options.label, "label")
    if not options.needs_label and name not in fields.names:
        name = ""
    if not name:
        if by_file is None and not options.needs_label:
            return np.full(len(ids), np.nan)
        if by_file is None:
            raise RawError(
                f"{arrays[0].path}: no labels; expected {' or '.join(USUAL['label'])} among the arrays of a .npz or the"
                f" columns of a catalogue, found {', '.join(fields.names) or 'none'}. Hint: the option label"
            )
        return by_file
    label, found = class_numbers(_read(fields, name, "label", options.classes), options.classes)
    _check_only_label(fields, name, label, options)
    if by_file is None and not options.needs_label:
        return label
    if by_file is None:
        values = _read(fields, name, "label", options.classes)
        rejections = [Rejection(row, ids[row], *found[row]) for row in sorted(found)]
        _check_classes_known(fields.names[name], name, label, values, options, rejections)
        reasons.update({row: reason for row, reason in found.items() if row not in reasons})
        return label
    wrong = np.flatnonzero(present(label) & (label != by_file))
    if len(wrong):
        by_field, expected = (options.classes[int(values[wrong[0]])] for values in (label, by_file))
        raise RawError(
            f"{fields.names[name]}: row {wrong[0]}, from 0, is {by_field} by {name}, but its stamp stands in the file"
            f" of class {expected}; {len(wrong)} rows disagree. Hint: are sources and noise swapped?"
        )
    return by_file


def _classes_of_files(arrays: Sequence[Stamps]) -> np.ndarray | None:
    """Return the class numbers (N,) that the files stand for; None where one file has them all."""
    numbers = [np.full(len(item.array), float(item.klass)) for item in arrays if item.klass is not None]
    return np.concatenate(numbers) if numbers else None


def _check_classes_known(
    path: Path,
    name: str,
    label: np.ndarray,
    values: np.ndarray,
    options: Options,
    rejections: Sequence[Rejection],
) -> None:
    """Raise RawError if some values are no class, and the classes are probably others.

    That is where a class has no object; or, unless the config names the classes, where such a value is as frequent as a
    class.
    """
    unknown = [row for row in np.flatnonzero(np.isnan(label)) if values[row] and _is_value(values[row])]
    rarest = min(int(np.count_nonzero(label == number)) for number in range(len(options.classes)))
    repeated = max(Counter(values[row] for row in unknown).values(), default=0)
    if not unknown or (rarest and ("classes" in options.model_fields_set or repeated < max(2, rarest))):
        return
    times = Counter(value for value in values if value and _is_value(value))
    found = sorted(times, key=lambda value: (as_number(value) is None, as_number(value) or 0, value))
    some = " and ".join(f'"{value}" ({times[value]})' for value in found[:MOST_CLASSES])
    some += f" and {len(found) - MOST_CLASSES} others" if len(found) > MOST_CLASSES else ""
    quoted = ", ".join(json.dumps(value, ensure_ascii=False) for value in found)
    hint = f"`classes: [{quoted}]` names class 0, 1, ..." if 1 < len(found) <= MOST_CLASSES else "is this the label?"
    raise RawError(
        f"{path}: {name} is {some}; {expected_classes(options.classes)}, and {len(unknown)} of {len(values)} are"
        f" neither. Hint: {hint}",
        rejections,
    )


def _is_value(text: str) -> bool:
    number = as_number(text)
    return number is None or bool(present(number))


def _check_only_label(fields: Fields, chosen: str, label: np.ndarray, options: Options) -> None:
    """Raise RawError if something else of a usual name, or of the same name in the other file, has other classes."""
    others = [(name, fields.read) for name in USUAL["label"] if name in fields.names and name != chosen]
    others = [] if options.label else others
    if chosen in fields.twice and fields.read_second is not None:
        others.append((chosen, fields.read_second))
    for name, read in others:
        second, against = class_numbers(read(name, options.classes), options.classes)
        differ = np.flatnonzero(present(label) & present(second) & (label != second))
        if len(differ) and not any(reason == "unknown class" for reason, _ in against.values()):
            one, other = (options.classes[int(values[differ[0]])] for values in (label, second))
            cure = "leave one of the two out" if name == chosen else f"say which, `label: {chosen}` or `label: {name}`"
            raise RawError(
                f"{fields.names[chosen]}: row {differ[0]}, from 0, is {one} by {chosen} and {other} by"
                f" {'that of the catalogue' if name == chosen else name}; {len(differ)} rows disagree. Hint: {cure}"
            )


def _groups(ids: Sequence[str], fields: Fields, options: Options, reasons: dict[int, tuple[str, str]]) -> list[str]:
    sought = options.group or _usual_group(ids, fields)
    if not sought:
        return list(ids)
    columns = [_read(fields, name, "group") for name in sought]
    names = [next((value for value in values if value is not None), "") for values in zip(*columns, strict=True)]
    if not options.group_pattern:
        return alone_where_empty(names, ids)
    return _by_pattern(names, options, reasons)


def _usual_group(ids: Sequence[str], fields: Fields) -> tuple[str, ...]:
    """Return the usual name that is there, as the only one of a tuple; empty if none is.

    Raises:
        RawError: Several are, and put stamps together in different ways.
    """
    found = tuple(name for name in USUAL["group"] if name in fields.names)
    columns = [alone_where_empty([name or "" for name in _read(fields, group, "group")], ids) for group in found]
    number = len(set(zip(*columns, strict=True)))
    if any(len(set(column)) != number for column in columns):
        lines = " or ".join(f"`group: [{name}]`" for name in found)
        raise RawError(
            f"{fields.names[found[0]]}: {' and '.join(found)} put stamps together in different ways. Hint: say what"
            f" must stay on one side of a split, {lines}"
        )
    return found[:1]


def _by_pattern(names: Sequence[str], options: Options, reasons: dict[int, tuple[str, str]]) -> list[str]:
    pattern = re.compile(options.group_pattern)
    groups = list(names)
    places: list[tuple[int, str, float, float]] = []
    for row, name in enumerate(names):
        found = pattern.search(name)
        if found is None:
            reasons.setdefault(row, ("no group", f"{name} has no part {options.group_pattern}"))
            continue
        if options.group_link is None:
            groups[row] = "_".join(text or "" for text in found.groups()) if pattern.groups else found.group()
            continue
        x, y = (as_number(found[part] or "") for part in "xy")
        if x is None or y is None:
            reasons.setdefault(row, ("no group", f"{name}: x, y {found['x']!r}, {found['y']!r} are no numbers"))
            continue
        spans = {found.span("x"), found.span("y")}
        rest = "_".join(text or "" for k, text in enumerate(found.groups(), 1) if found.span(k) not in spans)
        places.append((row, rest, x, y))
    if options.group_link is not None:
        for row, group in _linked(places, options.group_link):
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
        wanted = [name for name in fields.names if name.lower() in usual or is_magnitude(name)]
        for name in wanted:
            check_single(fields.names[name], list(fields.names), [name], fold=True)
    else:
        wanted = list(options.scalars)
    label = _name(fields, options.label, "label")
    if label in wanted or "n_masked" in wanted:
        raise RawError(f"option scalars: {label if label in wanted else 'n_masked'!r} is kept anyway; leave it out")
    found = {name: _numbers(fields, name, _read(fields, name, "scalars"), options) for name in wanted}
    return {name: numbers for name, numbers in found.items() if numbers is not None}


def _numbers(fields: Fields, name: str, values: np.ndarray, options: Options) -> tuple[str, np.ndarray] | None:
    """Return description and numbers of a field; words become code numbers, in alphabetical order.

    Of a scalar that nobody asked for, what is no number is missing: only ``kind`` may be words. None: it has too many.
    """
    numbers = [None if value is None else as_number(value) for value in values]
    unread = [row for row, (value, number) in enumerate(zip(values, numbers, strict=True)) if value and number is None]
    place = f"{name} of {fields.names[name].name}"
    some = any(number is not None for number in numbers)
    if unread and (some if options.scalars is not None else name.lower() != "kind"):
        text = f"{fields.names[name]}: row {unread[0]}, from 0: {name} is {values[unread[0]]!r}; expected a number"
        if options.scalars is not None:
            raise RawError(text)
        log.warning("%s; %d such values are missing", text, len(unread))
        unread = []
    if not unread:
        found = np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
        if is_magnitude(name) and (none := no_magnitude(found)).any():
            log.warning(
                "%s: %d values of %s are no magnitudes, as %g; they are missing",
                fields.names[name],
                none.sum(),
                name,
                found[none][0],
            )
            found[none] = np.nan
        return place, np.where(present(found), found, np.nan)
    words = sorted(set(filter(None, values)))
    if len(words) > MOST_WORDS:
        expected = f"expected numbers, or at most {MOST_WORDS} words"
        text = f"{fields.names[name]}: {name} holds {len(words)} different words; {expected}"
        if options.scalars is not None:
            raise RawError(f"{text}. Hint: leave it out of scalars")
        log.warning("%s; it is left out", text)
        return None
    codes = {word: float(code) for code, word in enumerate(words)}
    text = ", ".join(f"{code} {word}" for code, word in enumerate(words))
    return f"{place}: {text}", np.array([codes.get(value, np.nan) for value in values])


def columns_of(descriptions: Mapping[str, str]) -> dict[str, Column]:
    """Return what scalars are, by their names: magnitudes begin with "mag" and may end with a band of one letter."""
    magnitudes = sorted(filter(is_magnitude, descriptions), key=_by_band)
    columns = {}
    for name, text in descriptions.items():
        if name in magnitudes:
            columns[name] = Column("mag", text, "magnitude", band=_band(name), preferred=name == magnitudes[0])
        else:
            units, kind = KINDS.get(name.lower(), ("", "other"))
            columns[name] = Column(units, text, kind)
    return columns


def is_magnitude(name: str) -> bool:
    """Tell whether a scalar is a magnitude, by its name."""
    return name.lower().startswith("mag")


def _band(name: str) -> str:
    head, _, band = name.rpartition("_")
    return band if head and len(band) == 1 else ""


def _by_band(name: str) -> tuple[bool, str]:
    return _band(name) != "r", name
