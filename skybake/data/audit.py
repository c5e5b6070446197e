"""What a split is worth, before anything is trained on it: leaks between its parts, and parts that say little.

Warnings of a dataset are made in one place, and all that shows them reads ``audit-<seed>.json``: the first lines of the
pages, and the terminal.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from skybake import files
from skybake.data import leaks
from skybake.data.dataset import Dataset
from skybake.data.splits import Split, kept_together
from skybake.missing import present

VERSION = 1
FEW = 30  # test objects, or groups of them, below which no number says much
FEW_OF_A_CLASS = 5
_log = logging.getLogger(__name__)


def write(path: Path | str, dataset: Dataset, split: Split) -> None:
    """Audit a split, write what is found, and log every warning.

    Args:
        path: JSON to write: ``leaks`` (:func:`skybake.data.leaks.find`), and ``warnings``, sentences: those of the
            dataset's ingest, then those of the split.
        dataset: What was split.
        split: Its parts.
    """
    found = leaks.find(dataset, split)
    said = [*_of_labels(dataset, split), *leaks.words(found)]
    for sentence in said:  # ingest has said its own
        _log.warning("%s", sentence)
    files.write_json(
        path,
        {
            "version": VERSION,
            "dataset": dataset.digest,
            "split": dict(split.strategy),
            "leaks": found,
            "warnings": [*dataset.warnings, *said],
        },
    )


def read(path: Path | str) -> dict[str, Any]:
    """Read what :func:`write` wrote; where there is no file, the step failed, and the only warning says so."""
    if not Path(path).exists():
        return {"leaks": {}, "warnings": ["The split was not audited: leaks between its parts are not known."]}
    return files.read_json(path)


def _of_labels(dataset: Dataset, split: Split) -> Iterator[str]:
    """Say which parts have few objects, and labels that tell no model from another."""
    label, groups = dataset.labels[dataset.label], kept_together(dataset, split.strategy)
    known = present(label)
    test = split.test[known[split.test]]
    number = len(set(groups[test]))
    if number < FEW:
        what = f"{len(test)} objects" if number == len(test) else f"{len(test)} objects in {number} groups"
        yield f"The test part has {what} with a label: too few for any number to say much; expected {FEW} or more."
    if dataset.classes:
        yield from _of_classes(dataset, label[known], label[test])
        return
    for name, rows in (("training", split.train), ("test", split.test)):
        values = label[rows][known[rows]]
        if len(values) and np.ptp(values) == 0:
            yield f"All {len(values):,} labels of the {name} part are {values[0]:g}: nothing can be learnt from them."


def _of_classes(dataset: Dataset, label: np.ndarray, test: np.ndarray) -> Iterator[str]:
    counts = {name: int((label == place).sum()) for place, name in enumerate(dataset.classes)}
    tested = {name: int((test == place).sum()) for place, name in enumerate(dataset.classes)}
    if absent := [name for name, count in counts.items() if not count]:
        yield f"No object is of the class {_listed(absent)}, though the dataset lists it."
    there = [name for name, count in tested.items() if count]
    if len(there) == 1:
        yield f"All {len(test):,} objects of the test part are of the class {there[0]}: who says so is always right."
        return
    for name, count in tested.items():
        if counts[name] and count < FEW_OF_A_CLASS:
            objects = "1 object" if count == 1 else f"{count or 'no'} objects"
            yield f"The test part has {objects} of the class {name}, of {counts[name]:,} in all."


def _listed(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} others" if len(names) > 5 else "")
