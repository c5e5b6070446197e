"""Published numbers beside ours: is what we reach what was published, and if not, what may explain it?"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from skybake.files import atomic_write
from skybake.report.rows import OK, Entry
from skybake.report.settings import COSTS
from skybake.results.identity import SEEDS

INSIDE, OUTSIDE = "inside", "outside"
GROUPED = ("group", "sky")  # split strategies that hold out whole groups
ALIKE = 0.1  # numbers of objects that differ by less are not told apart


@dataclass(frozen=True)
class Held:
    """A published number and ours; the attributes are the columns of ``published.csv``.

    Attributes:
        training, model, loss: Of our row; model and loss are empty where nothing here repeats it.
        name: What it is called where nothing here repeats it.
        metric: Of both.
        published, uncertainty: As published.
        ours: Our value, of all seeds pooled; None without a row that has ended.
        low, high: What one more training of ours would give: over test objects, and over seeds where there are several.
        over: What that interval is over; empty without one.
        seeds, n_train, n_test: Of ours.
        verdict: ``"inside"`` where the published value, with its uncertainty, meets that interval, ``"outside"`` where
            it does not, empty where there is none.
        may_explain: Why they may differ: what the config says, and what follows from our data.
        source, note: As the config has them.
    """

    training: str
    model: str
    loss: str
    name: str
    metric: str
    published: float
    uncertainty: float | None
    ours: float | None
    low: float | None
    high: float | None
    over: str
    seeds: int | None
    n_train: int | None
    n_test: int | None
    verdict: str
    may_explain: str
    source: str
    note: str

    @property
    def said(self) -> str:
        """What the published row is called."""
        return self.name or f"{self.model}, {self.loss}"


def hold(told: Iterable[Mapping[str, Any]], entries: Sequence[Entry], level: float) -> list[Held]:
    """Hold published numbers against ours.

    Args:
        told: As :meth:`skybake.config.Plan.published` tells them.
        entries: All rows of the dataset.
        level: Of intervals.
    """
    ours = {
        (item.row.training, item.row.model, item.row.loss): item for item in entries if item.row.prediction == SEEDS
    }
    found = []
    for row in told:
        entry = ours.get((row["training"], row["model"], row["loss"]))
        entry = entry if entry is not None and entry.status == OK else None
        why = "; ".join(filter(None, [row["may_explain"], *(_explanations(row, entry) if entry else ())]))
        for metric, number in row["values"].items():
            value = entry.record[metric] if entry else None
            low, high, over = _interval(entry, metric, level) if entry and value is not None else (None, None, "")
            found.append(
                Held(
                    **{key: row[key] for key in ("training", "model", "loss", "name")},
                    metric=metric,
                    published=number["value"],
                    uncertainty=number["uncertainty"],
                    ours=value,
                    low=low,
                    high=high,
                    over=over,
                    seeds=len(entry.runs) if entry else None,
                    n_train=_n_train(entry) if entry else None,
                    n_test=entry.record["n_test"] if entry else None,
                    verdict=_verdict(number, low, high),
                    may_explain=why,
                    source=row["source"],
                    note=row["note"],
                )
            )
    return found


def _interval(entry: Entry, metric: str, level: float) -> tuple[float | None, float | None, str]:
    """Return what one more training, tested on other objects, would give, and what that is over.

    The half-widths over objects and over seeds are added in squares; that over seeds is of a single training (Student's
    t, with the scatter of the mean of ours).
    """
    if metric in COSTS:
        return None, None, ""
    value, low, high = (entry.record.get(f"{metric}{end}") for end in ("", "_low", "_high"))
    by_seed = [values[metric] for values in entry.metrics["test"]["per_seed"].values()]
    several = len(by_seed) > 1 and None not in by_seed
    if value is None or (low is None and not several):
        return None, None, ""
    half = 0.0
    if several:
        width = stats.t.ppf((1 + level) / 2, len(by_seed) - 1) * math.sqrt(1 + 1 / len(by_seed))
        half = float(width * np.std(by_seed, ddof=1))
    below, above = (0.0, 0.0) if low is None or high is None else (value - low, high - value)
    over = " and ".join([*(["test objects"] if low is not None else []), *(["seeds"] if several else [])])
    return value - math.hypot(below, half), value + math.hypot(above, half), over


def _verdict(number: Mapping[str, Any], low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return ""
    around = number["uncertainty"] or 0.0
    return INSIDE if number["value"] + around >= low and number["value"] - around <= high else OUTSIDE


def _explanations(row: Mapping[str, Any], entry: Entry) -> Iterator[str]:
    """Say what follows from our data."""
    run = next(iter(entry.runs.values()))
    if run.mock:
        yield "our objects are simulated"
    if run.split.get("strategy") in GROUPED:
        yield f"our test holds whole groups out ({entry.row.split})"
    for key, doing, ours in (("n_train", "trained", _n_train(entry)), ("n_test", "tested", entry.record["n_test"])):
        if row[key] and ours and abs(ours - row[key]) > ALIKE * row[key]:
            yield f"{doing} on {ours:,.0f} objects, published on {row[key]:,}"
    if len(entry.runs) == 1:
        yield "one seed: the interval leaves out what another would change"


def _n_train(entry: Entry) -> int | None:
    return next(iter(entry.runs.values())).n_train


def write_csv(path: Path | str, held: Iterable[Held]) -> None:
    """Write ``published.csv``, a number each; an empty field is a number that is not there."""
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.DictWriter(stream, [item.name for item in fields(Held)], lineterminator="\n")
        table.writeheader()
        for item in held:
            table.writerow(
                {key: f"{value:.8g}" if isinstance(value, float) else value for key, value in asdict(item).items()}
            )
