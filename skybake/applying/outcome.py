"""What was predicted for all new objects, in a few numbers each: what the page tells and figures draw.

Distributions and images stay in their files: of an object are kept only numbers, so that a page of millions of objects
needs no more memory than a catalogue of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from skybake.applying import parts
from skybake.applying.parts import Applied
from skybake.data.dataset import Dataset
from skybake.missing import present
from skybake.results import distributions

UNCERTAINTIES = {
    "std": "standard deviation of the predictive distribution",
    "half_width": "half the width of its central 68 %",
    "probability": "probability of the predicted class",
    "spread": "standard deviation over seeds",
}
ONE_SIGMA = (0.158655, 0.841345)  # levels between which a Gaussian has its standard deviation twice


@dataclass(frozen=True)
class Outcome:
    """New objects with what was predicted for them, N in the order of the catalogue.

    Attributes:
        name: In the config.
        row: The row that predicts, in words.
        file: The new objects, opened.
        label, units: What is predicted.
        classes: Names of class 0, 1, ...; empty for a regression.
        place: (N,) rows of the dataset.
        point: (N,) point estimates; of classes the number of the most probable one, NaN where nothing is a number.
        uncertainty: Name -> (N,) what tells how sure the network is, of :data:`UNCERTAINTIES`; what no object has is
            left out.
        shares: (K,) mean probabilities of the classes; empty for a regression.
        distance, familiarity: (N,) from the training part, and its percentile; NaN where it is not known.
        flags: Name -> (N,) whether it is raised.
        ra, dec: (N,) [deg]; None where they are not known.
        true: (N,) known labels, else NaN.
        trained: (M,) known labels of the training part.
    """

    name: str
    row: str
    file: Dataset
    label: str
    units: str
    classes: tuple[str, ...]
    place: np.ndarray
    point: np.ndarray
    uncertainty: Mapping[str, np.ndarray]
    shares: np.ndarray
    distance: np.ndarray
    familiarity: np.ndarray
    flags: Mapping[str, np.ndarray]
    ra: np.ndarray | None
    dec: np.ndarray | None
    true: np.ndarray
    trained: np.ndarray

    def __len__(self) -> int:
        return len(self.point)

    @property
    def mock(self) -> bool:
        """Whether the objects are simulated."""
        return self.file.mock

    @cached_property
    def usable(self) -> np.ndarray:
        """(N,) whether the point estimate is a number."""
        return np.isfinite(self.point)

    @property
    def unfamiliar(self) -> np.ndarray:
        """(N,) whether an object is flagged as unlike the training part; none where that is not measured."""
        return self.flags.get("unfamiliar", np.zeros(len(self), dtype=bool))

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need: ``uncertainty``, ``familiarity``, ``position`` and ``known`` labels."""
        found = {
            "uncertainty": bool(self.uncertainty),
            "familiarity": bool(np.isfinite(self.familiarity).any()),
            "position": self.ra is not None and self.dec is not None,
            "known": bool((self.usable & np.isfinite(self.true)).any()),
        }
        return frozenset(name for name, there in found.items() if there)

    def doubt(self) -> tuple[str, np.ndarray]:
        """Return the name of the uncertainty that objects are ranked by, and what is larger of the less certain, (N,).

        It is the first one that there is; the name is empty and all are NaN where there is none.
        """
        for name, values in self.uncertainty.items():
            return name, -values if name == "probability" else values
        return "", np.full(len(self), np.nan)


def gather(
    paths: Iterable[Path | str], *, name: str, row: str, file: Dataset, trained_on: Dataset, train: np.ndarray
) -> Outcome:
    """Return what files of predictions hold.

    Args:
        paths: Those of all jobs, in their order.
        name: Of the new objects in the config.
        row: The row that predicts, in words.
        file: The new objects.
        trained_on: The dataset that the networks were trained on.
        train: Its rows of the training part.

    Raises:
        ValueError: No object was predicted.
    """
    paths = list(paths)
    first, blocks, total = None, [], np.zeros(0)
    for applied in parts.read(paths):
        first = first or applied
        blocks.append(_numbers(applied))
        if applied.classes:
            known = np.isfinite(blocks[-1]["point"])
            total = applied.prediction.class_probabilities[known].sum(axis=0) + (total if total.size else 0)
    if first is None:
        raise ValueError(f"{', '.join(map(str, paths))}: no object found; expected those of {name}")
    found = {key: np.concatenate([block[key] for block in blocks]) for key in blocks[0]}
    labels = trained_on.labels[first.name][train]
    return Outcome(
        name=name,
        row=row,
        file=file,
        label=first.name,
        units=first.column.units,
        classes=first.classes,
        place=found["place"],
        point=found["point"],
        uncertainty={key: found[key] for key in UNCERTAINTIES if key in found and np.isfinite(found[key]).any()},
        shares=total / max(1, np.isfinite(found["point"]).sum()),
        distance=found["distance"],
        familiarity=found["familiarity"],
        flags={key: found[f"flag {key}"] for key in first.flags},
        ra=found.get("ra"),
        dec=found.get("dec"),
        true=found["true"],
        trained=labels[present(labels)],
    )


def _numbers(applied: Applied) -> dict[str, np.ndarray]:
    """Return what is kept of some objects: name -> (n,)."""
    prediction = applied.prediction
    found = {"place": applied.row, "point": prediction.point, "spread": applied.spread, "true": applied.label}
    found |= {"distance": applied.distance, "familiarity": applied.familiarity}
    if applied.ra is not None and applied.dec is not None:
        found |= {"ra": applied.ra, "dec": applied.dec}
    if prediction.std is not None:
        found["std"] = prediction.std
    if prediction.classes is not None:
        probabilities = prediction.class_probabilities
        known = np.isfinite(probabilities).all(axis=1)
        found["point"] = np.where(known, prediction.point, np.nan)
        found["probability"] = np.where(known, probabilities.max(axis=1), np.nan)
    elif (distribution := distributions.of(prediction)) is not None:
        low, high = distribution.quantile(ONE_SIGMA).T
        found["half_width"] = 0.5 * (high - low)
    return found | {f"flag {name}": values for name, values in applied.flags.items()}
