"""Two states of a bake-off, row by row: which are new, gone or the same, and by how much the others differ.

A row that predicts the same test objects in both is compared by pairs, as rows of one comparison are; of others the
intervals of both are added in quadrature, each side by its own (Zou & Donner 2008, Statistics in Medicine 27, 1693).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.data.dataset import Dataset, load_dataset
from skybake.evaluation import pairs, trained
from skybake.evaluation.bootstrap import Bootstrap
from skybake.evaluation.trained import Trained
from skybake.files import file_digest
from skybake.missing import present
from skybake.report import tables
from skybake.report.comparison import sampled
from skybake.report.rows import OK, Record, Row, rows_of
from skybake.report.tasks import TASKS
from skybake.results import identity, run_folder

NEW, GONE, SAME, FAILED = "new", "gone", "the same", "failed"
BETTER, WORSE, NOT_APART, NOT_TOLD = "better", "worse", "not told apart", "no interval"
COSTS = ("train_seconds", "parameters", "n_test")  # told beside metrics, without intervals
# What is told of a run that its numbers may follow from.
SETTINGS = (
    *("library_model", "library_loss", "model_parameters", "loss_parameters", "label", "label_error", "inputs"),
    *("derived", "training", "split", "head", "shuffle", "n_train", "n_valid", "n_test", "dropout", "versions"),
)
DIGESTS = {"dataset": "other objects in the dataset", "split": "another split", "code": "other code of skybake"}


@dataclass(frozen=True)
class Number:
    """A metric in both states.

    Attributes:
        before, now: None where it is not known.
        difference: Now minus before; None where one of them is not known.
        low, high: Its interval; None where there is none.
        p_value: Of no difference; None where objects are not paired.
    """

    before: float | None
    now: float | None
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Changed:
    """A row in both states.

    Attributes:
        record: Of the table, as it is now; as it was, of one that is gone.
        kind: One of the constants above.
        numbers: Metric -> in both states: those that the task is compared by, then :data:`COSTS`.
        paired: Whether intervals are of pairs of the same test objects.
        unpaired: Why they are not; empty where they are.
        causes: What else differs: settings, versions, data.
    """

    record: Record
    kind: str
    numbers: Mapping[str, Number] = field(default_factory=dict)
    paired: bool = False
    unpaired: str = ""
    causes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Side:
    """The rows of a dataset in one state.

    Attributes:
        records: Lines of the table.
        rows: Axes -> files of the row; none of a state that another version left.
        dataset: None where it cannot be read.
    """

    records: Sequence[Record]
    rows: Mapping[tuple[str, ...], Row] = field(default_factory=dict)
    dataset: Dataset | None = None

    def runs(self, key: tuple[str, ...]) -> dict[int, Trained] | str:
        """Return what was trained of a row, its test part; or why it cannot be read, in words."""
        if self.dataset is None or key not in self.rows:
            return "the earlier runs cannot be read"
        row = self.rows[key]
        try:
            return trained.read(row.runs, self.dataset, ("test",), row.prediction)
        except (ValueError, KeyError, TypeError, OSError) as error:
            return f"its runs cannot be read: {error}"


def read(told: Mapping[str, Any]) -> Side:
    """Read a dataset of a state, of which ``told`` is what :mod:`skybake.config.states` tells."""
    records = tables.read_csv_of_any_version(told["csv"])
    if "rows" not in told:
        return Side(records)
    rows = rows_of(told["rows"], runs=told["runs"], metrics=told["metrics"])
    try:
        dataset = load_dataset(told["dataset"])
    except (ValueError, OSError):
        dataset = None
    return Side(records, {tuple(identity.of(row).values()): row for row in rows}, dataset)


def compare(before: Side, now: Side, bootstrap: Bootstrap) -> list[Changed]:
    """Return all rows of both, in the order of today's table and those that are gone last."""
    return [_changed(old, new, before, now, bootstrap) for old, new in _matched(before.records, now.records)]


def key_of(record: Record) -> tuple[str, ...]:
    """Return the place of a row on all axes."""
    return tuple(record[axis] for axis in identity.AXES)


def _matched(before: Sequence[Record], now: Sequence[Record]) -> Iterator[tuple[Record | None, Record | None]]:
    """Yield rows that belong together: on all axes, else of one name where no other has it (a bake-off renamed)."""
    old = {key_of(record): record for record in before}
    there = {key_of(record) for record in now}
    left = [record for key, record in old.items() if key not in there]
    lacking = [record for record in now if key_of(record) not in old]
    once = [Counter(map(_name, records)) for records in (left, lacking)]
    by_name = {_name(record): record for record in left}
    taken = set()
    for record in now:
        name = _name(record)
        if key_of(record) in old:
            yield old[key_of(record)], record
        elif once[0][name] == once[1][name] == 1:
            taken.add(name)
            yield by_name[name], record
        else:
            yield None, record
    yield from ((record, None) for record in left if _name(record) not in taken)


def _name(record: Record) -> tuple[str, str, str]:
    return record["model"], record["loss"], record["prediction"]


def _changed(old: Record | None, new: Record | None, before: Side, now: Side, bootstrap: Bootstrap) -> Changed:
    known = new or old
    assert known is not None  # one of them is a row
    if old is None or new is None:
        numbers = {name: Number(_value(old, name), _value(new, name)) for name in _metrics(known)}
        return Changed(known, NEW if old is None else GONE, numbers)
    causes = tuple(_causes(old, new, before, now))
    if OK not in (old["status"], new["status"]) or old["status"] != new["status"]:
        numbers = {name: Number(_value(old, name), _value(new, name)) for name in _metrics(known)}
        return Changed(new, FAILED, numbers, causes=causes)
    if _same_bytes(before.rows.get(key_of(old)), now.rows.get(key_of(new))):
        equal = {name: Number(_value(old, name), _value(new, name), 0.0) for name in _metrics(new)}
        numbers = {name: item for name, item in equal.items() if name not in COSTS} | _costs(old, new)
        return Changed(new, SAME, numbers, causes=causes)
    task = TASKS[new["task"]]
    other = next((key for key in ("task", "label", "units", "error") if old[key] != new[key]), "")
    found = f"another {other}" if other else _pairs(old, new, before, now, bootstrap)
    if other:
        numbers = {name: Number(_value(old, name), _value(new, name)) for name in task.compared}
    elif isinstance(found, str):
        numbers = {name: _apart(old, new, name) for name in task.compared}
    else:
        numbers = {
            name: Number(_value(old, name), _value(new, name), pair.difference, pair.low, pair.high, pair.p_value)
            for name, pair in found.items()
        }
    unpaired = found if isinstance(found, str) else ""
    kind = _kind(numbers[task.main])
    return Changed(new, kind, {**numbers, **_costs(old, new)}, not unpaired, unpaired, causes)


def _metrics(record: Record) -> tuple[str, ...]:
    return (*TASKS[record["task"] or "regression"].compared, *COSTS)


def _value(record: Record | None, name: str) -> float | None:
    return None if record is None else record.get(name)


def _costs(old: Record, new: Record) -> dict[str, Number]:
    return {name: _without_interval(_value(old, name), _value(new, name)) for name in COSTS}


def _without_interval(before: float | None, now: float | None) -> Number:
    return Number(before, now, None if before is None or now is None else now - before)


def _apart(old: Record, new: Record, name: str) -> Number:
    """Return the difference of what was measured on other objects, with the interval that both leave."""
    plain = _without_interval(_value(old, name), _value(new, name))
    ends = [_value(record, f"{name}_{end}") for record in (old, new) for end in ("low", "high")]
    if plain.before is None or plain.now is None or plain.difference is None or None in ends:
        return plain
    old_low, old_high, new_low, new_high = (float(end) for end in ends if end is not None)
    low = plain.difference - np.hypot(plain.now - new_low, old_high - plain.before)
    high = plain.difference + np.hypot(new_high - plain.now, plain.before - old_low)
    return Number(plain.before, plain.now, plain.difference, float(low), float(high))


def _kind(number: Number) -> str:
    if number.low is None or number.high is None or not np.isfinite([number.low, number.high]).all():
        return NOT_TOLD
    return BETTER if number.high < 0 else WORSE if number.low > 0 else NOT_APART


def _same_bytes(old: Row | None, new: Row | None) -> bool:
    """Tell whether all seeds predict the same bytes."""
    if old is None or new is None or set(old.runs) != set(new.runs):
        return False
    files = [(old.runs[seed] / run_folder.PREDICTIONS, new.runs[seed] / run_folder.PREDICTIONS) for seed in new.runs]
    return all(a.exists() and b.exists() and file_digest(a) == file_digest(b) for a, b in files)


def _pairs(old: Record, new: Record, before: Side, now: Side, bootstrap: Bootstrap) -> dict[str, pairs.Paired] | str:
    """Return metric -> its paired difference; or why there is none, in words."""
    runs = [side.runs(key_of(record)) for side, record in ((before, old), (now, new))]
    for one in runs:
        if isinstance(one, str):
            return one
    earlier, later = (one for one in runs if not isinstance(one, str))
    parts = [next(iter(one.values())).parts["test"] for one in (earlier, later)]
    if not np.array_equal(parts[0].ids, parts[1].ids):
        shared = len(set(parts[0].ids) & set(parts[1].ids))
        return f"other test objects: {len(parts[1].ids)}, of which {shared} of the {len(parts[0].ids)} before"
    if not np.array_equal(parts[0].label, parts[1].label, equal_nan=True):
        return "the same test objects have other labels"
    if not bootstrap.is_informative(int(present(parts[1].label).sum())):
        return "too few test objects"
    drawn = trained.of_groups(bootstrap, later, "test")
    task = TASKS[new["task"]]
    measured = [
        sampled(task, one, drawn, seeded=not (record["baseline"] and record["seeds"] == 1), outlier=threshold)
        for one, record, threshold in (
            (earlier, old, new["outlier_threshold"]),
            (later, new, new["outlier_threshold"]),
        )
    ]
    return {name: pairs.compare(measured[1][name], measured[0][name], bootstrap.level) for name in task.compared}


# --- what else differs -----------------------------------------------------------------------------------------------


def _causes(old: Record, new: Record, before: Side, now: Side) -> Iterator[str]:
    for axis in ("split", "training"):
        if old[axis] != new[axis]:
            yield f"{axis}: {old[axis]} before, {new[axis]} now"
    if old["seeds"] != new["seeds"]:
        yield f"seeds: {old['seeds']:g} before, {new['seeds']:g} now"
    records = [_record(side.rows.get(key_of(record))) for side, record in ((before, old), (now, new))]
    if None in records:
        return
    earlier, later = ({name: getattr(record, name) for name in SETTINGS} for record in records)
    yield from (f"{key}: {before_it} before, {now_it} now" for key, before_it, now_it in differing(earlier, later))
    digests = [record.digests for record in records if record is not None]
    for name, said in DIGESTS.items():
        if digests[0].get(name) != digests[1].get(name):
            yield said


def _record(row: Row | None) -> run_folder.Record | None:
    if row is None:
        return None
    try:
        return run_folder.read_record(next(iter(row.runs.values())))
    except (ValueError, KeyError, TypeError, OSError):
        return None


def differing(before: Any, now: Any, place: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield key, value before and value now of all that differs in two trees of plain values."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for name in dict.fromkeys([*before, *now]):
            yield from differing(before.get(name), now.get(name), f"{place}.{name}" if place else str(name))
    elif _plain(before) != _plain(now):
        yield place, _said(before), _said(now)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _said(value: Any) -> str:
    if value in (None, "", [], (), {}):
        return "nothing"
    text = str(_plain(value))
    return text if len(text) <= 60 else f"{text[:57]}..."
