"""What the rows of a comparison say of the same test objects, side by side: for figures to explore and for the atlas.

Of rows the best are kept, of objects those that say most: all outliers, and a seeded random choice of the others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from skybake.figures import Comparison, JudgedRow
from skybake.results import distributions

NETWORKS, BASELINES = 9, 3  # best on validation
BY_DEFAULT = 3  # networks that are shown until others are chosen
OBJECTS = 1000  # at most, as a page must stay small
SEED = 20  # of the choice among objects that are no outliers
CENTRAL = (0.16, 0.84)  # levels between which an uncertainty is told


@dataclass(frozen=True)
class Competitor:
    """A row and what it says of the objects; NaN where it says nothing.

    Attributes:
        name: How it is called.
        place: Among the rows of the comparison.
        baseline: Whether it is one.
        shown: Whether it is shown at first.
        predicted: (n,) mean over seeds; of classes the number of the most probable one.
        error: (n,) mean error over seeds; of classes 1 less the probability of the true class.
        size: (n,) by what objects are bad: mean |error| over seeds; of classes as ``error``.
        sigma: (n,) half of the central 68 % of what is predicted; of a row of points the standard deviation over seeds;
            NaN where neither is known. Of classes the probability of the predicted class.
        bad: (n,) whether it is an outlier, or the wrong class.
        data: The row, as figures read it.
    """

    name: str
    place: int
    baseline: bool
    shown: bool
    predicted: np.ndarray
    error: np.ndarray
    size: np.ndarray
    sigma: np.ndarray
    bad: np.ndarray
    data: JudgedRow


@dataclass(frozen=True)
class Objects:
    """The test objects with a label, of the first row that can be read.

    Attributes:
        ids: (n,).
        true: (n,) labels.
        scalars: Name -> (n,), NaN where missing.
        kinds: Name of a scalar -> its kind.
        units: Of the label.
        classes: Names of class 0, 1, ...; empty of numbers.
    """

    ids: np.ndarray
    true: np.ndarray
    scalars: Mapping[str, np.ndarray]
    kinds: Mapping[str, str]
    units: Mapping[str, str]
    classes: tuple[str, ...] = ()

    def of_kind(self, *kinds: str) -> list[str]:
        """Return the names of the scalars of some kinds."""
        return [name for name, kind in self.kinds.items() if kind in kinds]


@dataclass(frozen=True)
class Kept:
    """The objects that are shown.

    Attributes:
        places: (k,) among the objects, ascending.
        outliers: How many objects are outliers of a network, of all objects.
        outliers_kept: How many of these are shown.
        of: Number of objects.
    """

    places: np.ndarray
    outliers: int
    outliers_kept: int
    of: int

    @property
    def said(self) -> str:
        """What was left out, in words."""
        if len(self.places) == self.of:
            return f"All {self.of:,} test objects with a label are shown."
        if self.outliers_kept == self.outliers:
            kept = f"all {self.outliers:,} outliers of the networks listed here, and a random choice of the others"
        else:
            kept = f"the {self.outliers_kept:,} worst of {self.outliers:,} outliers of the networks listed here"
        return f"{len(self.places):,} of {self.of:,} test objects with a label are shown: {kept}."


@dataclass(frozen=True)
class Field:
    """All competitors on the same objects.

    Attributes:
        objects, competitors: As above; competitors in the order of the comparison.
        kept: Which objects are shown.
    """

    objects: Objects
    competitors: Sequence[Competitor]
    kept: Kept = field(default_factory=lambda: Kept(np.empty(0, dtype=int), 0, 0, 0))

    @property
    def networks(self) -> list[Competitor]:
        """Those that are no baseline."""
        return [one for one in self.competitors if not one.baseline]


def gather(data: Comparison, names: Sequence[str]) -> Field | None:
    """Read the best networks and baselines on validation, one after another; None where there is none to read.

    Args:
        data: The comparison.
        names: How its rows are called.
    """
    counts = {True: 0, False: 0}
    objects: Objects | None = None
    found: list[Competitor] = []
    for place, row in enumerate(data.rows):
        baseline = bool(row["baseline"])
        if data.read is None or counts[baseline] == (BASELINES if baseline else NETWORKS):
            continue
        read = data.read(place)
        if read is None or not len(read.true):
            continue
        objects = objects or _objects(read)
        shown = counts[baseline] < (1 if baseline else BY_DEFAULT)
        found.append(_competitor(read, place, names[place], objects, baseline=baseline, shown=shown))
        counts[baseline] += 1
    return None if objects is None else Field(objects, found, keep(found, OBJECTS))


def _objects(data: JudgedRow) -> Objects:
    columns = next(iter(data.test.values())).columns
    names = [name for name in columns if np.isfinite(data.scalar(name)).any()]
    return Objects(
        data.ids,
        data.true,
        {name: data.scalar(name) for name in names},
        {name: columns[name].kind for name in names},
        {name: columns[name].units for name in names},
        data.class_names if "classes" in data.holds else (),
    )


def _competitor(data: JudgedRow, place: int, name: str, objects: Objects, *, baseline: bool, shown: bool) -> Competitor:
    values = _of_classes(data) if objects.classes else _of_numbers(data)
    where = {name: number for number, name in enumerate(data.ids)}
    rows = np.array([where.get(name, -1) for name in objects.ids])
    aligned = {name: np.where(rows >= 0, one[rows], np.nan) for name, one in values.items()}
    limit = data.outlier_threshold
    bad = aligned["predicted"] != objects.true if objects.classes else ~(aligned["size"] <= limit)
    return Competitor(
        name=name,
        place=place,
        baseline=baseline,
        shown=shown,
        **aligned,
        bad=bad & (rows >= 0),
        data=data,
    )


def _of_numbers(data: JudgedRow) -> dict[str, np.ndarray]:
    points = np.stack([part.prediction.point[data.known] for part in data.test.values()])
    sigma = np.full(len(data.true), np.nan)
    predictions = [part.prediction.select(data.known) for part in data.test.values()]
    told = [found for found in map(distributions.of, predictions) if found is not None]
    if len(told) == len(predictions):
        sigma = np.mean([np.diff(one.quantile(CENTRAL), axis=1)[:, 0] / 2 for one in told], axis=0)
    elif len(points) > 1:
        sigma = points.std(axis=0, ddof=1)
    return {
        "predicted": points.mean(axis=0),
        "error": data.errors.mean(axis=0),
        "size": np.abs(data.errors).mean(axis=0),
        "sigma": sigma,
    }


def _of_classes(data: JudgedRow) -> dict[str, np.ndarray]:
    mean = data.classes().mean(axis=0)
    everybody = np.arange(len(mean))
    predicted = np.where(np.isfinite(mean).all(axis=1), np.nan_to_num(mean).argmax(axis=1), np.nan)
    missing = 1 - mean[everybody, data.true.astype(int)]
    certain = mean.max(axis=1)
    return {"predicted": predicted, "error": missing, "size": missing, "sigma": certain}


def keep(competitors: Sequence[Competitor], most: int) -> Kept:
    """Choose the objects to show: all outliers of networks, the worst first where they are too many, then others.

    Args:
        competitors: With the same objects; where no network is among them, outliers of baselines are kept.
        most: Objects.
    """
    judges = [one for one in competitors if not one.baseline] or list(competitors)
    bad = np.any([one.bad for one in judges], axis=0)
    number = len(bad)
    if number <= most:
        return Kept(np.arange(number), int(bad.sum()), int(bad.sum()), number)
    worst = worst_first(judges)
    outliers = worst[bad[worst]][:most]
    others = np.flatnonzero(~bad)
    chosen = np.random.default_rng(SEED).permutation(others)[: most - len(outliers)]
    return Kept(np.sort(np.concatenate([outliers, chosen])), int(bad.sum()), len(outliers), number)


def worst_first(competitors: Sequence[Competitor]) -> np.ndarray:
    """Return the places (n,) of objects, from those on that all rows together predict worst, by the mean rank."""
    ranks = [np.argsort(np.argsort(order(one), kind="stable")) for one in competitors]
    return np.argsort(np.mean(ranks, axis=0), kind="stable")


def order(competitor: Competitor) -> np.ndarray:
    """Return what sorts objects (n,) of a row from the worst on: those that are no number come first."""
    return np.where(np.isfinite(competitor.size), -competitor.size, -np.inf)
