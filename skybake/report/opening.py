"""What a page says first: which network, how good, against the best baseline, the limit and published values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from skybake.report import tables, verdict
from skybake.report.names import Names
from skybake.report.published import Held
from skybake.report.rows import Entry
from skybake.report.tasks import task_of


@dataclass(frozen=True)
class Opening:
    """Two sentences.

    Attributes:
        against_baseline: The verdict.
        against_others: What the limit of these objects is, and what was published; empty where no row has ended.
    """

    against_baseline: str
    against_others: str


def opening(
    entries: Sequence[Entry],
    best: Entry | None,
    reached: Mapping[str, Any],
    limit: Mapping[str, Any] | None,
    held: Sequence[Held],
    names: Names,
) -> Opening:
    """Return the first sentences of a page.

    Args:
        entries: All rows, in the order of validation.
        best: The chosen one; None where none has ended.
        reached: ``verdict.json``.
        limit: What :func:`skybake.evaluation.limit.measure` tells; None of a dataset that has none.
        held: Published numbers beside ours.
        names: By which rows are called.
    """
    said = reached["sentence"]
    baseline = verdict.best_baseline(entries)
    if reached["verdict"] and best and baseline:
        said = verdict.in_words(
            reached, [entry.record for entry in entries], _name(best, names), _name(baseline, names)
        )
    if best is None:
        return Opening(said, "")
    return Opening(said, f"{_limit(entries, best, limit)}; {_published(entries, best, held, names)}.")


def _name(entry: Entry, names: Names) -> str:
    return names.row(entry.row.model, entry.row.loss, entry.row.words, baseline=entry.row.baseline)


def _limit(entries: Sequence[Entry], best: Entry, limit: Mapping[str, Any] | None) -> str:
    """Say how far from the limit the chosen row is."""
    if not limit or not limit["lines"]:
        return "No limit of these objects is known"
    line, task = limit["lines"][0], task_of(entry.record for entry in entries)
    metric = task.main if task.main in line["values"] else next(iter(line["values"]))
    told = line["values"][metric]
    words = task.main_one if metric == task.main else task.headline.get(metric, metric)
    places = tables.decimals([entry.record for entry in entries], task.main)
    efficiency = best.record["efficiency"]
    reaches = f", an efficiency of {efficiency:.2f}" if efficiency is not None else ""
    bound = "The limit of these objects" if line["bound"] else "The best that scalars alone can reach"
    return f"{bound} is a {words} of {told['value']:.{places}f}{reaches}"


def _published(entries: Sequence[Entry], best: Entry, held: Sequence[Held], names: Names) -> str:
    """Say what was published of what is judged first: of the chosen row, or else the best that was published."""
    task = task_of(entry.record for entry in entries)
    words = {**task.headline, task.main: task.main_one}
    judged = sorted((item for item in held if item.metric in words), key=lambda item: item.metric != task.main)
    if not judged:
        return "no published value stands beside it"
    axes = (best.row.training, best.row.model, best.row.loss)
    ours = [item for item in judged if (item.training, item.model, item.loss) == axes]
    item = (ours or judged)[0]
    said = item.name or f"{names.of(item.model)}, {names.of(item.loss)}"
    held_against = f", {item.verdict} of what one more training here would give" if item.verdict else ""
    return f"published is a {words[item.metric]} of {item.published:g} ({said}{held_against})"
