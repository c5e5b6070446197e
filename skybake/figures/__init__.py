"""Figures, one file each, found by file name.

A figure file has literal constants ``SCOPE`` (``"run"``: one model with one loss; ``"comparison"``: all of a dataset;
``"explore"``: a dataset alone; ``"inside"``: a network; ``"apply"``: new objects; ``"difference"``: two states of a
bake-off), ``TASKS``, ``TITLE`` and ``CAPTION``, and ``draw(data) -> matplotlib.figure.Figure``, where data is a
:class:`JudgedRow`, a :class:`Comparison`, an ``Exploration``, ``Attributions``, an
:class:`skybake.applying.outcome.Outcome` or :class:`Differences`. One that cannot be drawn of all
data says in ``NEEDS`` what it needs, by the names of :attr:`JudgedRow.holds` and its like.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from matplotlib.figure import Figure

from skybake import plugins
from skybake.data.columns import columns_of
from skybake.data.dataset import Dataset
from skybake.data.limit import SIGMA, Limits
from skybake.evaluation.trained import History
from skybake.figures import _style
from skybake.files import atomic_write
from skybake.missing import MAGNITUDES, present
from skybake.results.distributions import Distribution
from skybake.results.distributions import of as distribution_of
from skybake.results.distributions import required as required_distribution
from skybake.results.predictions import Predicted

DOTS_PER_INCH = 200
LIMIT_OBJECTS = 5  # fewest in a bin whose limit is drawn
# Without these, files of the same figure would differ by the date and by the release of matplotlib.
METADATA = {
    ".pdf": {"CreationDate": None, "ModDate": None, "Creator": "skybake", "Producer": "skybake"},
    ".png": {"Software": "skybake"},
}


class Data(Protocol):
    """What every figure is given, whatever its scope."""

    @property
    def mock(self) -> bool:
        """Whether the objects are simulated."""


def limit_in_bins(
    limit: Limits, values: np.ndarray, bins: Sequence[Mapping[str, Any]]
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the scatter that a limit leaves in bins.

    Args:
        limit: Of a number.
        values: (n,) what the bins are of, of its objects; NaN where it is missing.
        bins: That hold objects, with ``low``, ``high`` and ``middle``.

    Returns:
        As :meth:`JudgedRow.limit_in_bins`.
    """
    inside = [(values >= item["low"]) & (values <= item["high"]) for item in bins]
    kept = [number for number, chosen in enumerate(inside) if chosen.sum() >= LIMIT_OBJECTS]
    middle = np.array([bins[number]["middle"] for number in kept])
    return {
        line.name: (middle, np.array([np.sqrt(np.mean(line.values[inside[number]] ** 2)) for number in kept]))
        for line in limit.lines
    }


@dataclass(frozen=True)
class JudgedRow:
    """What figures of one (dataset, model, loss) show.

    Attributes:
        dataset, model, loss: Names.
        label, units: Of the label.
        error: The error as a formula.
        mock: Whether the objects are simulated.
        histories: Seed -> history.
        test: Seed -> test objects with their predictions, in the same order for all seeds.
        errors: (S, n) errors of the test objects that have a label, seeds in ascending order; n = 0 for classes.
        judged: What ``metrics.json`` says of the test part: numbers that a figure shows are taken from there.
        outlier_threshold: Size of error above which an object is an outlier; NaN for classes.
        level: Confidence level of bands.
        file: The dataset, opened, to read images from; None where no figure needs them.
        limit: How well some of the test objects can be predicted at all; None where nobody knows.
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
    judged: Mapping[str, Any]
    outlier_threshold: float
    level: float = 0.95
    file: Dataset | None = None
    limit: Limits | None = None

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
        """What figures may need.

        ``distribution``, ``variance``, ``classes``, ``redshift`` or ``magnitude`` beside another label, ``accuracy`` by
        epoch, ``images``, ``snr`` of objects of class 1 of two, and ``parts`` of the uncertainty of a mean.
        """
        prediction = self._first.prediction
        kind = self._first.column.kind
        found = {
            "distribution": distribution_of(prediction) is not None,
            "variance": prediction.std is not None and distribution_of(prediction) is not None,
            "classes": prediction.classes is not None,
            "redshift": kind != "redshift" and self._of_kind("redshift") is not None,
            "magnitude": kind not in MAGNITUDES and self.magnitude is not None,
            "accuracy": any(history.val_accuracy is not None for history in self.histories.values()),
            "images": self.file is not None,
            "snr": self._has_snr,
            "parts": prediction.epistemic is not None,
        }
        return frozenset(name for name, there in found.items() if there)

    @property
    def magnitude(self) -> str | None:
        """Name of the scalar that figures take for the magnitude: the one that the survey's reader prefers."""
        return self._of_kind(*MAGNITUDES)

    def _of_kind(self, *kinds: str) -> str | None:
        """Return the name of the first scalar of some kinds that some test object with a label has."""
        names = columns_of(self._first.columns, *kinds)
        return next((name for name in names if present(self._first.scalars[name][self.known]).any()), None)

    @property
    def _has_snr(self) -> bool:
        classes = self._first.prediction.classes
        if classes is None or classes.shape[1] != 2 or self._of_kind("signal_to_noise") is None:
            return False
        return bool((self.of_kind("signal_to_noise")[1][self.true == 1] > 0).any())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of class 0, 1, ...; their numbers where they have none."""
        return self._first.classes or tuple(map(str, range(self._first.prediction.class_probabilities.shape[1])))

    @property
    def ids(self) -> np.ndarray:
        """(n,) names of the test objects that have a label."""
        return self._first.ids[self.known]

    @property
    def _first(self) -> Predicted:
        return next(iter(self.test.values()))

    def scalar(self, name: str) -> np.ndarray:
        """Return a scalar (n,) of the test objects that have a label; NaN where it is missing."""
        values = self._first.scalars[name][self.known]
        return np.where(present(values), values, np.nan)

    def of_kind(self, *kinds: str) -> tuple[str, np.ndarray]:
        """Return the name of the scalar of some kinds that figures take, and its values as of :meth:`scalar`.

        Raises:
            ValueError: There is none.
        """
        name = self._of_kind(*kinds)
        if name is None:
            raise ValueError(f"no {' or '.join(kinds)} among the scalars {', '.join(self._first.scalars) or '(none)'}")
        return name, self.scalar(name)

    def distributions(self) -> dict[int, Distribution]:
        """Return seed -> distributions of the labels, as they were measured, of the test objects that have one."""
        return {seed: required_distribution(part.observed.select(self.known)) for seed, part in self.test.items()}

    def std(self) -> np.ndarray:
        """Return the standard deviations (S, n) of these distributions.

        Raises:
            ValueError: None are predicted.
        """
        found = [part.observed.std for part in self.test.values()]
        known = [std[self.known] for std in found if std is not None]
        if len(known) < len(found):
            raise ValueError(f"{self.model} with {self.loss}: no standard deviations predicted")
        return np.stack(known)

    def pit(self) -> np.ndarray:
        """Return the PIT values (S, n) of the test objects that have a label."""
        return np.stack([distribution.cdf(self.true) for distribution in self.distributions().values()])

    def pooled(self, metric: str, what: str = "value") -> float:
        """Return a metric of all seeds, or what else is told of it, e.g. ``critical``; NaN where it is no number."""
        value = self.judged["pooled"][metric][what]
        return float("nan") if value is None else float(value)

    @property
    def independent(self) -> int | None:
        """Number of independent objects whose PIT values scatter as those of the test objects; None if none is told."""
        found = self.pooled("pit_ks", "effective_n")
        return None if np.isnan(found) else max(1, round(found))

    def bins(self, name: str) -> list[Mapping[str, Any]]:
        """Return the bins of the label or of a scalar that hold objects; none where all have the same value."""
        return [item for item in self.judged["in_bins"].get(name, ()) if item["n"]]

    def limit_in_bins(self, name: str, values: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Return the scatter that the limit leaves in the bins of the label or of a scalar.

        Args:
            name: Of the label or scalar.
            values: (n,) of the test objects that have a label.

        Returns:
            Name of a line -> (B,) middle of each bin that holds five of its objects or more, and the root mean square
            of what remains of them; none where the limit is of classes.
        """
        if self.limit is None or self.limit.lines[0].kind != SIGMA:
            return {}
        return limit_in_bins(self.limit, self.of_limit(values), self.bins(name))

    def of_limit(self, values: np.ndarray) -> np.ndarray:
        """Return values (n,) of the test objects that have a label as those of the limit's objects; NaN of others."""
        place = {found: row for row, found in enumerate(self.ids)}
        rows = np.array([place.get(found, -1) for found in (() if self.limit is None else self.limit.ids)], np.int64)
        return np.where(rows >= 0, values[rows], np.nan)

    def classes(self) -> np.ndarray:
        """Return the probabilities (S, n, K) of the test objects that have a label."""
        return np.stack([part.prediction.class_probabilities[self.known] for part in self.test.values()])

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands of the images."""
        return self._opened.bands

    @property
    def _opened(self) -> Dataset:
        if self.file is None:
            raise ValueError(f"{self.dataset}: no dataset to read images from")
        return self.file

    def images(self, places: np.ndarray) -> np.ndarray:
        """Read the images (k, H, W, C) of some of the test objects that have a label, by their places among them.

        Raises:
            ValueError: The dataset has no object of that name, or gives it another label.
        """
        file = self._opened
        rows = {name: row for row, name in enumerate(file.ids)}
        wanted, expected = self.ids[places], self.true[places]
        labels = file.labels[self.label]
        for name, label in zip(wanted, expected, strict=True):
            if name not in rows or labels[rows[name]] != label:
                found = f"{self.label} {labels[rows[name]]:g}" if name in rows else "none of that name"
                raise ValueError(
                    f"{file.path}: {found} found for the test object {name!r}; expected {self.label} {label:g}, as"
                    " in the predictions. Hint: the dataset has changed; train again"
                )
        return file.images(np.array([rows[name] for name in wanted], dtype=np.int64))


@dataclass(frozen=True)
class Comparison:
    """What figures of all models on one dataset show.

    Attributes:
        dataset: Its name.
        label, units: Of the label.
        error: The error as a formula.
        mock: Whether the objects are simulated.
        level: Confidence level of intervals.
        rows: Rows of the comparison table (column -> value, None where empty) that have numbers, in its order. Beside
            the columns ``loss_curve``: rows of which it differs have losses of different units.
        sweeps: ``model``, ``loss`` and what ``sweep.json`` says, of each row that was chosen among points.
        task: ``"regression"`` or ``"classification"``.
        choice: By what rows are in order, on the validation part, in words.
        limits: Lines of the limit, as :func:`skybake.evaluation.limit.measure` tells them; none where nobody knows.
        limit: The limit of each of its objects; None where nobody knows.
        limit_label: (n,) their labels.
        read: Reads the row of a place in ``rows``, without its predictions if ``predictions=False``: hundreds of rows
            must not be held at once. None of a row of an earlier dataset. None where figures read no runs.
    """

    dataset: str
    label: str
    units: str
    error: str
    mock: bool
    level: float
    rows: tuple[Mapping[str, Any], ...]
    sweeps: tuple[Mapping[str, Any], ...] = ()
    task: str = "regression"
    choice: str = "RMSE"
    limits: tuple[Mapping[str, Any], ...] = ()
    limit: Limits | None = None
    limit_label: np.ndarray = field(default_factory=lambda: np.empty(0))
    read: Callable[..., JudgedRow | None] | None = None

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need.

        ``sweep``, where there is a choice among several points; ``runs`` to read, ``networks`` among them, and rows
        that predict a ``distribution``.
        """
        readable = self.rows if self.read else ()
        found = {
            "sweep": any(len(sweep["points"]) > 1 for sweep in self.sweeps),
            "runs": bool(readable),
            "networks": any(not row["baseline"] for row in readable),
            "distribution": any(row.get("pit_ks") is not None for row in readable),
        }
        return frozenset(name for name, there in found.items() if there)


@dataclass(frozen=True)
class Differences:
    """What figures of two states of a bake-off show.

    Attributes:
        dataset: Its name.
        since: The earlier results.
        said, units: What rows are told apart by, in words, and its units; the lower the better.
        mock: Whether the objects are simulated.
        level: Confidence level of intervals.
        rows: ``name``, ``baseline``, ``difference`` (now minus before), ``low``, ``high`` (None without an interval)
            and ``paired``, of all rows that are in both states and predict other bytes.
    """

    dataset: str
    since: str
    said: str
    units: str
    mock: bool
    level: float
    rows: tuple[Mapping[str, Any], ...]

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need: ``changes``, where a row differs by a number."""
        return frozenset({"changes"} if any(row["difference"] is not None for row in self.rows) else ())


def can_draw(name: str, data: Data) -> bool:
    """Tell whether the data hold what the figure ``name`` needs."""
    needs = plugins.figures()[name].constants.get("NEEDS", ())
    return set(needs) <= getattr(data, "holds", frozenset())


def draw_all(names: Iterable[str], data: Data, folder: Path) -> None:
    """Draw those of the figures ``names`` that the data have what it takes for, into a folder that is made."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in names:
        if can_draw(name, data):
            draw(name, data, folder)


def draw(name: str, data: Data, folder: Path) -> None:
    """Draw the figure ``name`` into ``<folder>/<name>.pdf`` and ``.png``."""
    save(importlib.import_module(f"skybake.figures.{name}").draw(data), Path(folder) / name)


def save(figure: Figure, stem: Path | str) -> None:
    """Write a figure as ``<stem>.pdf`` and ``<stem>.png``: the same bytes for the same figure."""
    with _style.context():
        for suffix, metadata in METADATA.items():
            with atomic_write(f"{stem}{suffix}") as beside:
                figure.savefig(beside, dpi=DOTS_PER_INCH, metadata=metadata)
