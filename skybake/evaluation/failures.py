"""The worst failures of a row on the test part, as a table: what to look at first."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skybake.evaluation import judging
from skybake.evaluation.judging import Parts
from skybake.files import atomic_write
from skybake.missing import present
from skybake.results.predictions import Predicted

MOST = 100
OF_NUMBERS = ("id", "true", "predicted", "error", "error_over_seeds")
OF_CLASSES = ("id", "true", "predicted", "probability", "probability_of_true", "seeds_wrong")


def write(path: Path | str, parts: Parts) -> None:
    """Write the objects of a part that are predicted worst, at most ``MOST``, from the worst on.

    Of a number, the worst have the largest mean |error| over seeds: those that are no number first. ``predicted`` and
    ``error`` are means over seeds, ``error_over_seeds`` their sample standard deviation. Of classes only those stand
    there that some seed has wrong, from the least mean probability of the true class on; ``predicted`` is the class
    with the largest mean probability.

    Args:
        path: CSV to write.
        parts: Seed -> test objects with their predictions, in the same order for all seeds.
    """
    first = next(iter(parts.values()))
    heads, rows = (OF_NUMBERS, _numbers(parts)) if first.prediction.classes is None else (OF_CLASSES, _classes(parts))
    with atomic_write(path) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(heads)
        table.writerows(rows)


def _numbers(parts: Parts) -> Iterator[tuple[str, ...]]:
    first, known = _first(parts)
    errors = judging.errors(parts)
    points = np.stack([part.prediction.point[known] for part in parts.values()])
    worst = np.abs(errors).mean(axis=0)
    for place in _descending(np.where(np.isfinite(worst), worst, np.inf))[:MOST]:
        spread = f"{errors[:, place].std(ddof=1):.6g}" if len(errors) > 1 else ""
        numbers = (first.label[known][place], points[:, place].mean(), errors[:, place].mean())
        yield (str(first.ids[known][place]), *(f"{number:.8g}" for number in numbers), spread)


def _classes(parts: Parts) -> Iterator[tuple[str, ...]]:
    first, known = _first(parts)
    label = first.label[known].astype(int)
    each = np.stack([part.prediction.class_probabilities[known] for part in parts.values()])
    names = first.classes or tuple(map(str, range(each.shape[-1])))
    mean, wrong = each.mean(axis=0), (each.argmax(axis=-1) != label).sum(axis=0)
    of_true = mean[np.arange(len(label)), label]
    order = _descending(np.where(np.isfinite(of_true), -of_true, np.inf))
    for place in order[wrong[order] > 0][:MOST]:
        predicted = int(mean[place].argmax())
        numbers = (f"{mean[place, predicted]:.6g}", f"{of_true[place]:.6g}", f"{wrong[place]} of {len(each)}")
        yield (str(first.ids[known][place]), names[label[place]], names[predicted], *numbers)


def _first(parts: Parts) -> tuple[Predicted, np.ndarray]:
    first = next(iter(parts.values()))
    return first, present(first.label)


def _descending(values: np.ndarray) -> np.ndarray:
    return np.argsort(-values, kind="stable")
