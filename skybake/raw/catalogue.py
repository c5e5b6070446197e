"""What a catalogue of any survey says of its objects, by the names of its columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from skybake.data.columns import PART, PARTS, Column, class_column
from skybake.metrics.regression import DIFFERENCE, RELATIVE
from skybake.missing import MAGNITUDES, MOST_REDSHIFT, known, listed, no_magnitude, present
from skybake.raw import RawError, formats, tables
from skybake.raw.named import POSITIONS, check_column, check_columns
from skybake.raw.options import CatalogueOptions
from skybake.raw.units import agree, checked, units_of
from skybake.raw.values import alone_where_empty, as_number, check_whole, class_numbers, cure, plain_texts

IDS = ("id", "objid", "object_id", "objectid", "source_id", "sourceid", "name", "objname", "target_id", "targetid")
"""What columns are usually called, in small letters."""
WORDS = {
    "train": ("train", "training"),
    "valid": ("valid", "validation", "val", "dev"),
    "test": ("test", "testing"),
}
"""What the parts of a published split are usually called, in small letters."""
MOST_CLASSES = 20  # that a label may have whose classes nobody named, and that a message names
FEWEST = 3  # objects of a class: one for each part
NINES = re.compile(r"9+(\.9+)?")  # absolute values that archives write for missing ones
OUTLIERS = {"log10": 0.3, "ln": 0.7}  # of a logarithm: a factor of two
OUTLIER_REDSHIFT = 0.05  # Pasquet et al. 2019, arXiv:1806.06607, section 4.2


@dataclass
class Catalogue:
    """A table whose columns are read when they are asked for.

    Attributes:
        path: The file.
        names: Of all its columns, in order.
        missing_values: Numbers that stand for a missing one, beside what :func:`skybake.missing.present` knows.
        warnings: What was taken for granted, a sentence each.
    """

    path: Path
    table: str = ""
    names: Sequence[str] = ()
    missing_values: Sequence[float] = ()
    warnings: list[str] = field(default_factory=list)
    _read: dict[str, np.ndarray] = field(default_factory=dict)
    _units: dict[str, str] | None = None

    def __post_init__(self) -> None:
        self.names, self._pieces = tables.source(self.path, table=self.table)
        packed = tuple(formats.COMPRESSED.values())
        if formats.kind_of(self.path) in ("", *packed) and ".fit" not in self.path.name.lower():
            delimiter = tables.delimiter_of(self.path)
            if delimiter != ",":
                self.warnings.append(f"{self.path.name}: fields are taken to be divided by {delimiter!r}")

    def texts(self, name: str, option: str, words: Sequence[str] = ()) -> np.ndarray:
        """Return a column (N,) as text, None where missing but for some words that are values.

        Raises:
            RawError: There is no such column, or there are two.
        """
        check_column(self.path, self.names, name, option)
        if name not in self._read:
            parts = [piece[name].to_numpy() for piece in self._pieces([name])]
            self._read[name] = np.concatenate([np.empty(0, dtype=object), *(part.astype(object) for part in parts)])
        return plain_texts(self._read[name], words)

    def values(self, name: str, option: str, words: Sequence[str] = ()) -> np.ndarray:
        """Return a column (N,) as :meth:`texts` does, None also where the number is one of ``missing_values``."""
        texts = self.texts(name, option, words)
        if self.missing_values:
            numbers = [np.nan if text is None or text in words else as_number(text) for text in texts]
            marked = np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
            texts[listed(marked, self.missing_values)] = None
        return texts

    def numbers(self, name: str, option: str) -> np.ndarray:
        """Return a column (N,) as numbers, NaN where missing.

        Raises:
            RawError: As :meth:`texts`; or there is text that is no number.
        """
        texts = self.values(name, option)
        values = [np.nan if text is None else as_number(text) for text in texts]
        wrong = [row for row, value in enumerate(values) if value is None]
        if wrong:
            raise RawError(
                f"{self.path}: option {option}: column {name} is {texts[wrong[0]]!r} in row {wrong[0]}, from 0, and no"
                f" number in {len(wrong)} of {len(values)} rows; expected numbers"
                f"{cure([texts[row] for row in wrong])}"
            )
        found = np.array(values, dtype=np.float64)
        return np.where(present(found), found, np.nan)

    def units(self, name: str, given: str) -> str:
        """Return the units of a column: as the config gives them, or else as the file has them.

        Raises:
            RawError: Both do, and they differ.
        """
        if self._units is None:
            self._units = units_of(self.path, self.table)
        found, doubt = checked(self.path, name, given, self._units.get(name, ""))
        if doubt:
            self.warnings.append(doubt)
        return found

    def rows(self) -> int:
        """Return the number of rows, by the first column."""
        if not self.names:
            raise RawError(f"{self.path}: no columns found")
        return len(self.texts(self.names[0], "id"))

    def called(self, usual: Sequence[str]) -> list[str]:
        """Return the columns that have one of some usual names, in small or large letters."""
        return [name for name in self.names if name.lower() in usual]


@dataclass(frozen=True)
class Objects:
    """What a catalogue says of its N rows.

    Attributes:
        ids, groups: N names.
        label: (N,) as it is predicted.
        label_column: What it is.
        scalars, columns: Name -> (N,) values and what they are.
        reasons: Row -> (reason, detail) of rows that cannot be used.
        further: Name -> (N,) values and what they are, of labels beside the first.
    """

    ids: list[str]
    groups: list[str]
    label: np.ndarray
    label_column: Column
    scalars: Mapping[str, np.ndarray]
    columns: Mapping[str, Column]
    reasons: dict[int, tuple[str, str]]
    further: Mapping[str, tuple[np.ndarray, Column]] = field(default_factory=dict)

    @property
    def usable(self) -> np.ndarray:
        """Row numbers of those that nothing is said against."""
        return np.array([row for row in range(len(self.ids)) if row not in self.reasons], dtype=int)

    def positions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return right ascension and declination (N,) [deg]."""
        return self.scalars["ra"], self.scalars["dec"]


def describe(
    catalogue: Catalogue, options: CatalogueOptions, fits: Callable[[np.ndarray], int] | None = None
) -> Objects:
    """Return what a catalogue says of its objects.

    Args:
        catalogue: The table; what is taken for granted is added to its warnings.
        options: Which column is what.
        fits: Of how many names in a column there is an image; by default columns are known by what they
            are usually called, and if there is none the rows are numbered.

    Raises:
        RawError: A column is missing, several may be meant, or the label is not what the options say.
    """
    check_columns(catalogue.path, catalogue.names, options)
    label_texts = _label_texts(catalogue, options)
    if not len(label_texts):
        raise RawError(f"{catalogue.path}: the catalogue has no rows")
    ids = _ids(catalogue, options, len(label_texts), fits)
    reasons: dict[int, tuple[str, str]] = {}
    classify = _classes if options.classifies else _quantity
    of_label: dict[int, tuple[str, str]] = {}
    label, column = classify(catalogue, options, label_texts, of_label)
    further = _further_labels(catalogue, options, of_label)
    if options.needs_label:
        reasons.update(of_label)
    _check_repeats(ids, label, reasons, options.needs_label)
    scalars, columns = _scalars(catalogue, options)
    if options.label_error:
        name = f"{options.name}_error"
        scalars[name] = _error(catalogue, options, label_texts)
        columns[name] = Column(column.units, f"one sigma error, of column {options.label_error}", "uncertainty")
    if options.split_column and options.needs_label:
        scalars["part"] = _parts(catalogue, options, ids, reasons)
        columns["part"] = Column("", "of the published split: 0 train, 1 valid, 2 test", PART)
    if both := next((name for name in (options.name, *further, *options.labels) if name in scalars), ""):
        raise RawError(
            f"{catalogue.path}: {both!r} is both the label and a scalar; a model must not see what it shall"
            " predict. Hint: leave it out of `scalars`"
        )
    groups = ids
    if options.group:
        texts = catalogue.texts(options.group, "group")
        check_whole(catalogue.path, options.group, texts)
        groups = ["" if text is None else text for text in texts]
    return Objects(ids, alone_where_empty(groups, ids), label, column, scalars, columns, reasons, further)


def _further_labels(
    catalogue: Catalogue, options: CatalogueOptions, reasons: dict[int, tuple[str, str]]
) -> dict[str, tuple[np.ndarray, Column]]:
    """Return the labels beside the first; of the reasons against it those stay where an object has no other either."""
    found = {}
    for name in options.labels[1:]:
        alone = options.model_copy(update={"label": name, "labels": ()})
        against: dict[int, tuple[str, str]] = {}
        found[alone.name] = _quantity(catalogue, alone, _label_texts(catalogue, alone), against)
        for row in set(reasons) - set(against):
            del reasons[row]
    return found


def _label_texts(catalogue: Catalogue, options: CatalogueOptions) -> np.ndarray:
    if options.without_label == "only" and options.label not in catalogue.names:
        raise RawError(
            f"{catalogue.path}: no column {options.label}, which tells the objects without a label; found"
            f" {', '.join(catalogue.names)}. Hint: `objects: all`, where none has one"
        )
    if not options.needs_label and options.label not in catalogue.names:
        catalogue.warnings.append(f"{catalogue.path.name}: no column {options.label}; no object has a known label")
        return np.full(catalogue.rows(), None, dtype=object)
    return catalogue.values(options.label, "label", options.classes)


def _ids(
    catalogue: Catalogue, options: CatalogueOptions, rows: int, fits: Callable[[np.ndarray], int] | None
) -> list[str]:
    """Return the objects' names; a row without one is named by its number."""
    name = options.id
    if not name:
        names = catalogue.called(IDS) if fits is None else [name for name in catalogue.names if name]
        times = {name: 1 if fits is None else fits(catalogue.texts(name, "id")) for name in names}
        found = [name for name in names if 2 * times[name] > max(times.values())]
        if len(found) > 1:
            usual = [name for name in found if name in catalogue.called(IDS)]
            found = usual if fits is not None and len(usual) == 1 else found
        if len(found) > 1 or (fits is not None and not found):
            lines = " or ".join(f"`id: {name}`" for name in found or catalogue.names[:MOST_CLASSES])
            said = (
                f"{', '.join(found)} may all be"
                if found
                else "none of them names the images' files, so none is known to be"
            )
            raise RawError(
                f"{catalogue.path}: columns {', '.join(catalogue.names)} found; {said} the objects' names. Hint: say"
                f" which, options: {lines}"
            )
        if not found:
            catalogue.warnings.append(
                f"{catalogue.path.name}: no column of names; objects are named by their row, from 0"
            )
            return [str(row) for row in range(rows)]
        name = found[0]
        if name.lower() != IDS[0]:
            said = f"column {name} is taken for the objects' names, `id: {name}`"
            catalogue.warnings.append(f"{catalogue.path.name}: {said}")
    texts = catalogue.texts(name, "id")
    check_whole(catalogue.path, name, texts)
    return [f"row {row}" if text is None else text for row, text in enumerate(texts)]


def _check_repeats(
    ids: Sequence[str], label: np.ndarray, reasons: dict[int, tuple[str, str]], needs_label: bool
) -> None:
    """Reject rows whose id stands in another: all but the first, or all where labels differ and are needed."""
    rows_of: dict[str, list[int]] = {}
    for row, name in enumerate(ids):
        rows_of.setdefault(name, []).append(row)
    for name, rows in rows_of.items():
        known = {float(label[row]) for row in rows if needs_label and present(label[row])}
        for row in rows if len(known) > 1 else rows[1:]:
            said = ", ".join(map(str, rows[:4]))
            reason = "labels disagree" if len(known) > 1 else "id repeats"
            reasons.setdefault(row, (reason, f"{name} stands in rows {said}"))


def _classes(
    catalogue: Catalogue, options: CatalogueOptions, texts: np.ndarray, reasons: dict[int, tuple[str, str]]
) -> tuple[np.ndarray, Column]:
    times = Counter(text for text in texts if text is not None)
    if not options.classes and not options.needs_label:
        raise RawError(
            f"{catalogue.path}: no classes are named, and objects without labels do not tell them. Hint: options:"
            " {classes: [...]}, in the order of the dataset that was trained on, whose page tells them"
        )
    classes = options.classes or _found_classes(catalogue, options, times)
    label, against = class_numbers(texts, classes)
    reasons.update(against)
    lines = ", ".join(f"{name} {number}" for name, number in times.most_common(MOST_CLASSES))
    for number, name in enumerate(classes):
        found = int(np.count_nonzero(label == number))
        if found < FEWEST and options.needs_label:
            raise RawError(
                f"{catalogue.path}: class {name} has {found} objects; expected at least {FEWEST}, one for each part."
                f" Column {options.label} is {lines}. Hint: `classes` names those that are wanted; others are rejected"
            )
    return label, class_column(classes)


def _found_classes(catalogue: Catalogue, options: CatalogueOptions, times: Mapping[str, int]) -> tuple[str, ...]:
    if not 1 < len(times) <= MOST_CLASSES:
        more = len(times) > MOST_CLASSES
        raise RawError(
            f"{catalogue.path}: column {options.label} has {len(times)} different values; expected 2 to {MOST_CLASSES}"
            f" classes. Hint: {'`task: regression`, or `classes: [...]`' if more else 'is this the label?'}"
        )
    found = sorted(times, key=lambda text: (as_number(text) is None, as_number(text) or 0.0, text))
    catalogue.warnings.append(
        f"{catalogue.path.name}: values of {options.label} in order are taken for the classes, `classes:"
        f" [{', '.join(found)}]`"
    )
    return tuple(found)


def _quantity(
    catalogue: Catalogue, options: CatalogueOptions, texts: np.ndarray, reasons: dict[int, tuple[str, str]]
) -> tuple[np.ndarray, Column]:
    kind = options.kinds.get(options.label, "other")
    numbers = [np.nan if text is None else as_number(text) for text in texts]
    if options.needs_label:
        _check_is_quantity(catalogue, options, texts, numbers)
    values = np.array([np.nan if number is None else number for number in numbers], dtype=np.float64)
    for row, number in enumerate(numbers):
        if number is None:
            reasons[row] = ("label no number", repr(texts[row]))
        elif not present(number):
            reasons[row] = ("label missing", "" if texts[row] is None else texts[row])
        elif kind == "redshift" and not -1 < number <= MOST_REDSHIFT:
            reasons[row] = ("redshift impossible", f"{number:g}, expected -1 to {MOST_REDSHIFT:g}")
        elif kind in MAGNITUDES and no_magnitude(np.array(number)):
            reasons[row] = ("label missing", f"{number:g} is no magnitude")
        elif options.transform != "none" and number <= 0:
            reasons[row] = ("label not positive", f"{number:g} has no {options.transform}")
    values[list(reasons)] = np.nan
    _doubt_marks(catalogue, options.label, values)
    label = _transformed(values, options.transform)
    units = catalogue.units(options.label, options.units.get(options.label, ""))
    said = f"catalogue column {options.label}"
    if options.transform != "none":
        said = f"{options.transform} of {said}" + (f" [{units}]" if units else "")
        units, kind = f"{options.transform}({units})" if units else "", "other"
    redshift = kind == "redshift"
    return label, Column(
        units,
        said,
        kind,
        error=RELATIVE if redshift else DIFFERENCE,
        outlier=OUTLIER_REDSHIFT if redshift else OUTLIERS.get(options.transform) or _spread(catalogue, options, label),
        known_error=f"{options.name}_error" if options.label_error else "",
    )


def _check_is_quantity(
    catalogue: Catalogue, options: CatalogueOptions, texts: np.ndarray, numbers: Sequence[float | None]
) -> None:
    times = Counter(text for text in texts if text is not None)
    words = [text for text, number in zip(texts, numbers, strict=True) if number is None]
    classes = ", ".join(sorted(times)) if len(times) <= MOST_CLASSES else "..."
    if 2 * len(words) > sum(times.values()):
        some = ", ".join(repr(word) for word in list(dict.fromkeys(words))[:MOST_CLASSES])
        raise RawError(
            f"{catalogue.path}: column {options.label} holds text ({some}) in {len(words)} of {len(texts)} rows;"
            " expected numbers to predict."
            f"{cure(words) or f' Hint: options: {{task: classification, classes: [{classes}]}}'}"
        )
    whole = all(number is None or not np.isfinite(number) or float(number).is_integer() for number in numbers)
    if options.task == "auto" and whole and 1 < len(times) <= MOST_CLASSES:
        raise RawError(
            f"{catalogue.path}: column {options.label} has {len(times)} different whole numbers ({classes}), which may"
            " be classes or a quantity. Hint: say which, options: `task: classification` or `task: regression`"
        )


def _transformed(values: np.ndarray, transform: str) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(values) if transform == "log10" else np.log(values) if transform == "ln" else values


def _spread(catalogue: Catalogue, options: CatalogueOptions, label: np.ndarray) -> float:
    """Return the size of an outlier of a quantity that nothing is known of: the spread of its values."""
    known = label[np.isfinite(label)]
    spread = float(f"{np.std(known):.2g}") if len(known) else 0.0
    if spread <= 0:
        return 1.0  # of labels that are all equal, which the common pass refuses, or not known
    catalogue.warnings.append(
        f"{options.name}: an error beyond {spread:g}, the standard deviation of its values, is called an outlier;"
        f" `outlier: {spread:g}` of the dataset says another"
    )
    return spread


def _error(catalogue: Catalogue, options: CatalogueOptions, texts: np.ndarray) -> np.ndarray:
    """Return the label's one sigma error (N,) as it is predicted, to first order; NaN where unknown."""
    if not options.needs_label and options.label_error not in catalogue.names:
        return np.full(len(texts), np.nan)
    error = catalogue.numbers(options.label_error, "label_error")
    values = np.array([np.nan if text is None else as_number(text) or np.nan for text in texts], dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        error = {"none": error, "log10": error / (values * np.log(10)), "ln": error / values}[options.transform]
    return np.where(error > 0, error, np.nan)


def _scalars(catalogue: Catalogue, options: CatalogueOptions) -> tuple[dict[str, np.ndarray], dict[str, Column]]:
    scalars, columns = {}, {}
    for name, kind in (("ra", "right_ascension"), ("dec", "declination")):
        column, given = _position(catalogue, options, name)
        if not column:
            continue
        try:
            _check_degrees(catalogue, column, name)
            scalars[name] = catalogue.numbers(column, name)
        except RawError as error:
            if given:
                raise
            catalogue.warnings.append(f"{error}; it is left out")
            continue
        columns[name] = Column("deg", f"catalogue column {column}", kind)
    for name in options.scalars:
        if name not in scalars:
            kind = options.kinds.get(name, "other")
            scalars[name] = catalogue.numbers(name, "scalars")
            scalars[name] = _possible(catalogue, name, kind, scalars[name])
            units = catalogue.units(name, options.units.get(name, ""))
            columns[name] = Column(units, f"catalogue column {name}", kind)
    return scalars, columns


def _check_degrees(catalogue: Catalogue, column: str, name: str) -> None:
    found = catalogue.units(column, "")
    if found and agree(found, "deg") is False:
        raise RawError(f"{catalogue.path}: option {name}: column {column} is in {found} by the file; expected degrees")


def _possible(catalogue: Catalogue, name: str, kind: str, values: np.ndarray) -> np.ndarray:
    """Return a scalar (N,) with those values missing that its kind cannot have, and say so."""
    what = "magnitudes" if kind in MAGNITUDES else "redshifts"
    none = present(values) & ~known(values, kind)
    if none.any() and kind in (*MAGNITUDES, "redshift"):
        said = f"{none.sum()} values of {name} are no {what}, as {values[none][0]:g}; they are missing"
        catalogue.warnings.append(f"{catalogue.path.name}: {said}")
        return np.where(none, np.nan, values)
    _doubt_marks(catalogue, name, values)
    return values


def _doubt_marks(catalogue: Catalogue, name: str, values: np.ndarray) -> None:
    """Say where the smallest or largest value looks like a mark of a missing one: nines that stand there twice."""
    known = values[present(values)]
    for value in {known.min(), known.max()} if len(known) else ():
        times = int(np.count_nonzero(known == value))
        if times > 1 and NINES.fullmatch(f"{abs(value):g}"):
            catalogue.warnings.append(
                f"{catalogue.path.name}: {times} values of {name} are {value:g}: if that marks a missing value, leave"
                f" them empty, or say so: options: `missing_values: [{value:g}]`"
            )


def _position(catalogue: Catalogue, options: CatalogueOptions, name: str) -> tuple[str, bool]:
    """Return the column of a coordinate, and whether the options name it; empty if there is none."""
    if given := getattr(options, name):
        return given, True
    found = catalogue.called(POSITIONS[name])
    if len(found) != 1:
        if found:
            lines = " or ".join(f"`{name}: {column}`" for column in found)
            catalogue.warnings.append(f"{catalogue.path.name}: {name} is not kept, since several may be it: {lines}")
        return "", False
    if found[0] != name:
        catalogue.warnings.append(f"{catalogue.path.name}: column {found[0]} is taken for {name} [deg]")
    return found[0], False


def _parts(
    catalogue: Catalogue, options: CatalogueOptions, ids: Sequence[str], reasons: dict[int, tuple[str, str]]
) -> np.ndarray:
    """Return the part (N,) of a published split, as its number."""
    texts = catalogue.texts(options.split_column, "split_column")
    words = {word: part for part, words in WORDS.items() for word in words}
    numbers = {part: float(number) for number, part in enumerate(PARTS)}
    parts = [None if text is None else options.parts.get(text) or words.get(text.lower()) for text in texts]
    unknown = Counter(text for text, part in zip(texts, parts, strict=True) if text is not None and part is None)
    if unknown:
        found = ", ".join(f"{text!r} ({number})" for text, number in unknown.most_common(MOST_CLASSES))
        first = next(iter(unknown))
        raise RawError(
            f"{catalogue.path}: column {options.split_column} is {found}; expected train, valid or test. Hint: say what"
            f" each is, options: {{parts: {{{first}: train, ...}}}}"
        )
    for row, part in enumerate(parts):
        if part is None:
            reasons.setdefault(row, ("no part", f"column {options.split_column} is empty"))
    return np.array([np.nan if part is None else numbers[part] for part in parts])
