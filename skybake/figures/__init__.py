"""Figures, one file each, found by file name.

A figure file has literal constants ``SCOPE`` (``"run"``: one model with one loss; ``"comparison"``: all of a dataset),
``TASKS``, ``TITLE`` and ``CAPTION``, and ``draw(data) -> matplotlib.figure.Figure``, where data is a :class:`Run` or a
:class:`Comparison`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from skybake.dataset import whole
from skybake.figures import _style
from skybake.predictions import Predicted

DOTS_PER_INCH = 200
# Without these, files of the same figure would differ by the date and by the release of matplotlib.
METADATA = {
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "skybake", "Producer": "skybake"},
    ".png": {"Software": "skybake"},
}


@dataclass(frozen=True)
class History:
    """Losses of one training, by epoch.

    Attributes:
        epoch, loss, val_loss: (E,); E = 0 where nothing is trained by epochs.
        best_epoch: The epoch with the lowest validation loss, as ``epoch`` counts; None where there is none.
    """

    epoch: np.ndarray
    loss: np.ndarray
    val_loss: np.ndarray
    best_epoch: int | None


@dataclass(frozen=True)
class Run:
    """What figures of one (dataset, model, loss) show.

    Attributes:
        dataset, model, loss: Names.
        label, units: Of the label.
        error: The error as a formula.
        mock: Whether the objects are simulated.
        histories: Seed -> history.
        test: Seed -> test objects with their predictions, in the same order for all seeds.
        errors: (S, n) errors of the test objects that have a label, seeds in ascending order.
        outlier_threshold: Size of error above which an object is an outlier.
    """

    dataset: str
    model: str
    loss: str
    label: str
    units: str
    error: str
    mock: bool
    histories: Mapping[int, History]
    test: Mapping[int, Predicted]
    errors: np.ndarray
    outlier_threshold: float


@dataclass(frozen=True)
class Comparison:
    """What figures of all models on one dataset show.

    Attributes:
        dataset: Its name.
        label, units: Of the label.
        error: The error as a formula.
        mock: Whether the objects are simulated.
        level: Confidence level of intervals.
        rows: Rows of the comparison table (column -> value, None where empty) that have numbers, in its order.
    """

    dataset: str
    label: str
    units: str
    error: str
    mock: bool
    level: float
    rows: tuple[Mapping[str, Any], ...]


def draw(name: str, data: Run | Comparison, folder: Path) -> None:
    """Draw the figure ``name`` into ``<folder>/<name>.pdf`` and ``.png``."""
    save(importlib.import_module(f"skybake.figures.{name}").draw(data), Path(folder) / name)


def save(figure: Figure, stem: Path | str) -> None:
    """Write a figure as ``<stem>.pdf`` and ``<stem>.png``: the same bytes for the same figure."""
    with _style.context():
        for suffix, metadata in METADATA.items():
            with whole(f"{stem}{suffix}") as beside:
                figure.savefig(beside, dpi=DOTS_PER_INCH, metadata=metadata)
