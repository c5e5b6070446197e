"""Figures, one file each, found by file name.

A figure file has literal constants ``SCOPE`` (``"run"``: one model with one loss; ``"comparison"``: all of a dataset),
``TASKS``, ``TITLE`` and ``CAPTION``, and ``draw(data) -> matplotlib.figure.Figure``, where data is a :class:`Run` or a
:class:`Comparison`. One of a run that cannot be drawn of every run says in ``NEEDS`` what it needs, by the names of
:attr:`Run.holds`.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from skybake import discovery
from skybake.dataset import whole
from skybake.distributions import Distribution
from skybake.distributions import of as distribution_of
from skybake.figures import _style
from skybake.metrics.regression import REDSHIFT, present
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
        errors: (S, n) errors of the test objects that have a label, seeds in ascending order; n = 0 for classes.
        outlier_threshold: Size of error above which an object is an outlier.
        level: Confidence level of bands.
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
    level: float = 0.95

    @property
    def known(self) -> np.ndarray:
        """(N,) whether a test object has a label."""
        return present(self._first.label)

    @property
    def true(self) -> np.ndarray:
        """(n,) labels of the test objects that have one."""
        return self._first.label[self.known]

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need: ``distribution``, ``classes``, or ``redshift`` beside a label that is another."""
        prediction = self._first.prediction
        redshift = self._first.scalars.get(REDSHIFT)
        found = {
            "distribution": distribution_of(prediction) is not None,
            "classes": prediction.classes is not None,
            "redshift": redshift is not None and self.label != REDSHIFT and present(redshift[self.known]).any(),
        }
        return frozenset(name for name, there in found.items() if there)

    @property
    def _first(self) -> Predicted:
        return next(iter(self.test.values()))

    def scalar(self, name: str) -> np.ndarray:
        """Return a scalar (n,) of the test objects that have a label; NaN where it is missing."""
        values = self._first.scalars[name][self.known]
        return np.where(present(values), values, np.nan)

    def distributions(self) -> dict[int, Distribution]:
        """Return seed -> distributions of the test objects that have a label."""
        return {seed: distribution_of(part.prediction.select(self.known)) for seed, part in self.test.items()}

    def pit(self) -> np.ndarray:
        """Return the PIT values (S, n) of the test objects that have a label."""
        return np.stack([distribution.cdf(self.true) for distribution in self.distributions().values()])

    def classes(self) -> np.ndarray:
        """Return the probabilities (S, n, K) of the test objects that have a label."""
        return np.stack([part.prediction.classes[self.known] for part in self.test.values()])


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
        sweeps: ``model``, ``loss`` and what ``sweep.json`` says, of each row that was chosen among points.
    """

    dataset: str
    label: str
    units: str
    error: str
    mock: bool
    level: float
    rows: tuple[Mapping[str, Any], ...]
    sweeps: tuple[Mapping[str, Any], ...] = ()

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need: ``sweep``, where there is a choice among several points."""
        return frozenset({"sweep"} if any(len(sweep["points"]) > 1 for sweep in self.sweeps) else ())


def can_draw(name: str, data: Run | Comparison) -> bool:
    """Tell whether the data hold what the figure ``name`` needs."""
    needs = discovery.parts("figures", "draw")[name].constants.get("NEEDS", ())
    return set(needs) <= getattr(data, "holds", frozenset())


def draw(name: str, data: Run | Comparison, folder: Path) -> None:
    """Draw the figure ``name`` into ``<folder>/<name>.pdf`` and ``.png``."""
    save(importlib.import_module(f"skybake.figures.{name}").draw(data), Path(folder) / name)


def save(figure: Figure, stem: Path | str) -> None:
    """Write a figure as ``<stem>.pdf`` and ``<stem>.png``: the same bytes for the same figure."""
    with _style.context():
        for suffix, metadata in METADATA.items():
            with whole(f"{stem}{suffix}") as beside:
                figure.savefig(beside, dpi=DOTS_PER_INCH, metadata=metadata)
