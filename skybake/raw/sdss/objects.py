"""The objects of the SDSS catalogue: which rows can be used, in which field each is, and what is said against the rest.

Ids must be whole: a spreadsheet turns 1237662525769187516 into 1.23766E+18, and many objects into one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from skybake.data.rejections import MERGED, Rejection
from skybake.missing import MOST_REDSHIFT, is_mark, present
from skybake.raw.sdss.catalogue import Columns, Table, is_redshift

# Of |z1 - z2| / (1 + z): 1500 km/s is a hundred errors of a spectrum, and no two lines mistaken for one another.
REPEAT_TOLERANCE = 0.005

OUTLIER = 0.3  # of a label that is no redshift: the error above which a prediction is an outlier

_EXPECTED_REDSHIFT = f"expected -1 to {MOST_REDSHIFT:g}, and no velocity in km/s"
_FIELD = {"run": 999_999, "camcol": 6, "field": 9_999}  # the largest that a frame's name can hold
_RERUN = 301  # of all frames since DR8
_ROUNDED = re.compile(r"\d+\.\d*|\d*\.\d+|\d+(\.\d*)?e\+?\d+|\d{4,10}0{9}", re.IGNORECASE)  # 1.23765E+18 and its like


@dataclass(frozen=True)
class Objects:
    """The rows that can be looked for in frames, in the catalogue's order.

    Attributes:
        rows: (n,) row numbers in the catalogue.
        ids: n full integer ids.
        ra, dec: (n,) [deg].
        run, camcol, field: (n,) integers.
        rerun: n strings; empty where unknown.
        label: (n,) values.
        scalars: Name -> (n,) values, NaN where missing.
        merged: (n,) whether the object stands in several rows, made one.
        field_disagrees: (n,) whether the objID names another field than the columns do.
    """

    rows: np.ndarray
    ids: Sequence[str]
    ra: np.ndarray
    dec: np.ndarray
    run: np.ndarray
    camcol: np.ndarray
    field: np.ndarray
    rerun: Sequence[str]
    label: np.ndarray
    scalars: Mapping[str, np.ndarray]
    merged: np.ndarray
    field_disagrees: np.ndarray


def decode_objid(objids: np.ndarray) -> dict[str, np.ndarray]:
    """Return rerun, run, camcol and field that SDSS objIDs encode.

    Bits from the top: 1 zero, 4 sky version, 11 rerun, 16 run, 3 camcol, 1 first-field flag, 12 field, 16 object
    (https://www.sdss.org/dr17/help/glossary/#O).

    Args:
        objids: (N,) uint64.

    Returns:
        Four (N,) float64 arrays, NaN where a number cannot be an objID.
    """
    bits = {"rerun": (48, 0x7FF), "run": (32, 0xFFFF), "camcol": (29, 0x7), "field": (16, 0xFFF)}
    parts = {name: (objids >> np.uint64(low) & np.uint64(mask)).astype(float) for name, (low, mask) in bits.items()}
    possible = (objids >> np.uint64(63) == 0) & (parts["camcol"] <= 6)
    for values in parts.values():
        possible &= values > 0
    return {name: np.where(possible, values, np.nan) for name, values in parts.items()}


@dataclass(frozen=True)
class Labels:
    """The label of every row of the catalogue.

    Attributes:
        values: (N,) see :func:`skybake.missing.present`.
        errors: (N,) one sigma; NaN where unknown.
        name: What the label is called in messages.
        against: Row number -> (reason, detail) of rows whose label cannot be used.
    """

    values: np.ndarray
    errors: np.ndarray
    name: str
    against: Mapping[int, tuple[str, str]]


def select(
    columns: Columns, table: Table, labels: Labels | None = None, *, needs_label: bool = True
) -> tuple[Objects, list[Rejection]]:
    """Sort out the rows that cannot be used, and make objects that stand in several rows one.

    Every row ends in exactly one of the two results. Of an object's rows the first stays, with the label of all; the
    others are listed as ``"merged"``. Redshifts that differ by more than
    ``REPEAT_TOLERANCE`` of 1 + z, and other labels by more than ``OUTLIER``, are not averaged.

    Args:
        columns, table: The catalogue.
        labels: By default those of the catalogue.
        needs_label: Whether rows are rejected whose label is missing or cannot be used; else it is NaN.
    """
    if labels is None:
        labels = Labels(table.column(columns.label), table.column(columns.label_error), str(columns.label), {})
    if not needs_label:
        labels = _where_usable(labels)
    rejected = _Rejected(table.ids)
    numbers = _check_ids(table, rejected)
    _check_values(columns, table, rejected)
    if needs_label:
        _check_labels(labels, rejected)
    places, disagree = _find_fields(columns, table, numbers, rejected)
    label, merged = _merge(labels, numbers, rejected)
    rows = rejected.others()
    rerun = places["rerun"][rows]
    objects = Objects(
        rows=rows,
        ids=[str(numbers[row]) for row in rows],
        ra=table.numbers[columns.ra][rows],
        dec=table.numbers[columns.dec][rows],
        run=places["run"][rows].astype(int),
        camcol=places["camcol"][rows].astype(int),
        field=places["field"][rows].astype(int),
        rerun=[str(int(value)) if np.isfinite(value) else "" for value in rerun],
        label=label[rows],
        scalars=_scalars(columns, table, rows),
        merged=merged[rows],
        field_disagrees=disagree[rows],
    )
    return objects, rejected.all()


class _Rejected:
    """Collects the first reason against each row."""

    def __init__(self, ids: np.ndarray):
        self._ids = ids
        self._reasons: dict[int, Rejection] = {}

    def add(self, row: int, reason: str, detail: str) -> None:
        self._reasons.setdefault(int(row), Rejection(int(row), self._ids[row], reason, detail))

    def all(self) -> list[Rejection]:
        return list(self._reasons.values())

    def others(self) -> np.ndarray:
        return np.array([row for row in range(len(self._ids)) if row not in self._reasons], dtype=int)


def _check_ids(table: Table, rejected: _Rejected) -> np.ndarray:
    """Reject ids that are not full integers; return (N,) uint64, 0 for those."""
    numbers = np.zeros(len(table.ids), dtype=np.uint64)
    for row, text in enumerate(table.ids):
        if is_mark(text):
            rejected.add(row, "missing id", "the id is empty")
        elif _ROUNDED.fullmatch(text):
            rejected.add(row, "rounded id", f"{text}: its last digits are lost. Hint: not by way of a spreadsheet")
        elif re.fullmatch(r"\d{1,19}", text):
            numbers[row] = int(text)
        else:
            rejected.add(row, "unreadable id", f"{text!r}, expected an integer of at most 19 digits")
    objids = np.flatnonzero(decode_objid(numbers)["rerun"] == _RERUN)
    if len(objids) >= 5 and not (numbers[objids] % np.uint64(256)).any():  # genuine ones: one in 256 each
        for row in objids.tolist():
            rejected.add(row, "rounded id", f"{numbers[row]}: all are multiples of 256, as after a 64-bit float")
    return numbers


def _check_values(columns: Columns, table: Table, rejected: _Rejected) -> None:
    for row, detail in table.unreadable.items():
        rejected.add(row, "unreadable number", detail)
    ra, dec = table.numbers[columns.ra], table.numbers[columns.dec]
    for row in np.flatnonzero(~((ra >= -180) & (ra <= 360) & (np.abs(dec) <= 90))).tolist():
        rejected.add(row, "no position", f"ra {ra[row]}, dec {dec[row]} [deg]")


def _check_labels(labels: Labels, rejected: _Rejected) -> None:
    label = labels.values
    for row, (reason, detail) in labels.against.items():
        rejected.add(row, reason, detail)
    for row in np.flatnonzero(~present(label)).tolist():
        rejected.add(row, "label missing", f"{labels.name} is {label[row]}")
    if is_redshift(labels.name):
        for row in np.flatnonzero(_impossible(label)).tolist():
            rejected.add(row, "redshift impossible", f"{labels.name} is {label[row]}, {_EXPECTED_REDSHIFT}")


def _impossible(redshift: np.ndarray) -> np.ndarray:
    return (redshift <= -1) | (redshift > MOST_REDSHIFT)  # errors are relative to 1 + z


def _where_usable(labels: Labels) -> Labels:
    """Return the labels, NaN where something is said against them."""
    usable = present(labels.values)
    if is_redshift(labels.name):
        usable &= ~_impossible(labels.values)
    usable[list(labels.against)] = False
    return replace(labels, values=np.where(usable, labels.values, np.nan))


def _find_fields(
    columns: Columns, table: Table, ids: np.ndarray, rejected: _Rejected
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return run, camcol, field and rerun of every row, from its columns or else from its id.

    The columns have the last word where both are there: an object of one run is also on the frames of another. Which
    rows disagree is returned too.
    """
    decoded = decode_objid(ids)
    given = {name: table.column(getattr(columns, name)) for name in decoded}
    complete = np.isfinite([given[name] for name in _FIELD]).all(axis=0)
    places = {name: np.where(complete, given[name], decoded[name]) for name in decoded}
    disagree = np.any([places[name] != decoded[name] for name in _FIELD], axis=0)
    usable = np.all([(places[name] >= 1) & (places[name] <= most) for name, most in _FIELD.items()], axis=0)
    usable &= np.all([places[name] == np.floor(places[name]) for name in _FIELD], axis=0)
    for row in np.flatnonzero(~usable).tolist():
        found = ", ".join(f"{name} {given[name][row]:g}" for name in _FIELD)
        rejected.add(row, "field unknown", f"{found}. Hint: needed as columns, or in an objID that encodes them")
    return places, disagree


def _merge(labels: Labels, ids: np.ndarray, rejected: _Rejected) -> tuple[np.ndarray, np.ndarray]:
    """Give the first row of each object the label of all its rows, tell which these are, list the others as merged."""
    label, error = labels.values.copy(), labels.errors
    rows_of: dict[int, list[int]] = {}
    for row in rejected.others():
        rows_of.setdefault(int(ids[row]), []).append(int(row))
    merged = np.zeros(len(label), dtype=bool)
    for rows in rows_of.values():
        if len(rows) == 1:
            continue
        known = [row for row in rows if present(label[row])] or rows[:1]
        values = label[known]
        scale, most = (1 + values.mean(), REPEAT_TOLERANCE) if is_redshift(labels.name) else (1, OUTLIER)
        if np.ptp(values) / scale > most:
            for row in rows:
                rejected.add(row, "repeats disagree", f"{labels.name} {', '.join(str(value) for value in values)}")
            continue
        weights = 1 / error[known] ** 2 if (error[known] > 0).all() else np.ones(len(known))
        label[rows[0]] = np.average(values, weights=weights)
        merged[rows[0]] = True
        for row in rows[1:]:
            rejected.add(
                row, MERGED, f"same object as row {rows[0]}, which has the mean {labels.name} of {len(rows)} rows"
            )
    return label, merged


def _scalars(columns: Columns, table: Table, rows: np.ndarray) -> dict[str, np.ndarray]:
    found = {name: _scalar(table.numbers[column][rows]) for name, column in columns.scalars.items()}
    for name, item in columns.derived.items():
        found[name] = _sum(table, item.plus, rows) - _sum(table, item.minus, rows)
    return found


def _sum(table: Table, columns: Sequence[str], rows: np.ndarray) -> np.ndarray:
    total = np.zeros(len(rows))
    for column in columns:
        total += _scalar(table.numbers[column][rows])
    return total


def _scalar(values: np.ndarray) -> np.ndarray:
    return np.where(present(values), values, np.nan)
