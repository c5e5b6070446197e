"""The verdict of a comparison: the chosen network against the best baseline, in one sentence and in numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skybake.evaluation.pairs import Paired
from skybake.report.rows import OK, Entry, Record
from skybake.report.tables import decimals
from skybake.report.tasks import task_of
from skybake.results import identity

BETTER, SAME, WORSE = "better", "not distinguishable", "worse"


def best_baseline(entries: Sequence[Entry]) -> Entry | None:
    """Return the baseline that is best on validation, of entries in their order; None where none has ended."""
    return next((entry for entry in entries if entry.row.baseline and entry.status == OK), None)


def reach(
    entries: Sequence[Entry], best: Entry | None, pairs: Mapping[str, Mapping[str, Paired]], level: float
) -> dict[str, Any]:
    """Return the verdict, as ``verdict.json`` holds it.

    It is one comparison that was planned before the test part was looked at, so nothing is corrected for.

    Args:
        entries: All rows, in the order of validation.
        best: The chosen one.
        pairs: Name of a row -> metric -> its difference from the chosen one.
        level: Of intervals.

    Returns:
        ``verdict``: "better", "not distinguishable" or "worse"; null where nothing can be said, and ``sentence`` says
        why. ``metric``, ``level``, ``chosen`` and ``baseline`` (axes and test value), ``chosen_by`` (the column that
        chose both), ``difference`` (chosen minus baseline) with ``low`` and ``high``, ``over`` (what these are
        intervals over), ``objects_low``, ``objects_high`` and ``p_value``.
    """
    task = task_of(entry.record for entry in entries)
    baseline = best_baseline(entries)
    found: dict[str, Any] = {
        "verdict": None,
        "metric": task.main,
        "level": level,
        "chosen_by": f"valid_{task.choice}",
        "chosen": _told(best, task.main),
        "baseline": _told(baseline, task.main),
    }
    missing = _missing(best, baseline, pairs)
    if missing or best is None or baseline is None:
        return {**found, "sentence": f"No verdict: {missing}."}
    pair = pairs[baseline.row.name][task.main]
    low, high = -pair.high, -pair.low
    verdict = BETTER if high < 0 else WORSE if low > 0 else SAME
    over = "test objects" + (" and seeds" if pair.with_seeds else ", of networks as trained")
    reached = {
        **found,
        "verdict": verdict,
        **{"difference": -pair.difference, "low": low, "high": high, "over": over, "p_value": pair.p_value},
        **{"objects_low": -pair.objects_high, "objects_high": -pair.objects_low},
    }
    sentence = in_words(reached, [entry.record for entry in entries], best.row.name, baseline.row.name)
    chosen = f"Both were chosen on the validation part, by the lowest {task.choice_name}."
    return {**reached, "sentence": f"{sentence} {chosen}"}


def in_words(found: Mapping[str, Any], records: Sequence[Record], chosen: str, baseline: str) -> str:
    """Return the sentence of a verdict that was reached, with the names by which rows are to be called."""
    task = task_of(records)
    places = decimals(records, task.main)
    values = [f"{found[key][task.main]:.{places}f}" for key in ("chosen", "baseline")]
    said = "cannot be told from" if found["verdict"] == SAME else f"is {found['verdict']} than"
    return (
        f"{chosen} {said} the best baseline, {baseline}: {task.main_one} {values[0]} against"
        f" {values[1]}, difference {found['difference']:+.{places}f} ({100 * found['level']:g} % interval"
        f" {found['low']:+.{places}f} to {found['high']:+.{places}f}, over {found['over']})."
    )


def _told(entry: Entry | None, metric: str) -> dict[str, Any] | None:
    return None if entry is None else {**identity.of(entry.row), "name": entry.row.name, metric: entry.record[metric]}


def _missing(best: Entry | None, baseline: Entry | None, pairs: Mapping[str, Mapping[str, Paired]]) -> str:
    """Return why there is no verdict; empty if there is one."""
    if best is None:
        return "no run has ended"
    if best.row.baseline:
        return "no network has ended"
    if baseline is None:
        return "no baseline has ended, or none was asked for"
    if baseline.row.name not in pairs:
        return "the test part has fewer than ten objects or groups, or both were not tested on the same objects"
    return ""
