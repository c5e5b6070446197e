"""What a bake-off combines, and the names of it in paths and tables."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from skybake import limits, plugins
from skybake.results import identity
from skybake.training.settings import Training

LONGEST_NAME = 100  # of a model or loss with its parameters; file systems allow 255 bytes
BASELINE_LOSS = "baseline"  # what stands in the loss column of a row that is not trained by gradient descent


@dataclass(frozen=True)
class Chosen:
    """A part of the library with the parameters that the config gives it.

    Attributes:
        part: What it is.
        parameters: Those that differ from the defaults.
    """

    part: plugins.PlugIn
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its name in paths and tables: parameters stand behind the name, e.g. ``huber-delta=0.3``."""
        words = [f"{key}={as_word(value)}" for key, value in sorted(self.parameters.items())]
        return shortened("-".join([self.part.name, *words]))


def shortened(name: str) -> str:
    """Cut a name that is too long for a file system, so that it still differs from others."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def as_word(value: Any) -> str:
    """Write a parameter's value as part of a file name.

    Without a comma: Snakemake hands wildcards to its jobs as ``name=value,name=value``, and would divide it there.
    """
    if isinstance(value, Mapping):
        text = "+".join(f"{key}={as_word(item)}" for key, item in value.items())
    else:
        text = "+".join(map(as_word, value)) if isinstance(value, tuple | list) else str(value)
    return re.sub(r"[^\w.+=-]", "_", text)


@dataclass(frozen=True)
class SweepPoint:
    """A point of a sweep.

    Attributes:
        values: What it sets, by the names that tell its values apart.
        model, loss, training: What follows; the loss is None for a baseline.
        trial: Of successive halving, the name that the point has without its epochs; empty elsewhere.
        rung: Its place among the trial's points, from 1.
    """

    values: Mapping[str, Any]
    model: Chosen
    loss: Chosen | None
    training: Training
    trial: str = ""
    rung: int = 1

    @property
    def name(self) -> str:
        """Its name in paths and tables, e.g. ``rate=0.3-batch_size=64``; ``as_given`` where nothing is swept."""
        return shortened("-".join(f"{key}={as_word(value)}" for key, value in self.values.items())) or "as_given"


@dataclass(frozen=True)
class Combination:
    """One training job, a (dataset, model, loss) with all its seeds, or a mean of what it trained.

    Attributes:
        bakeoff, dataset: Names in the config.
        model: A network or a baseline.
        loss: None for a baseline.
        seeds: Of all its runs; the bake-off's first for a baseline that uses none.
        points: Of its sweep, each a training job of its own; empty where the bake-off sweeps nothing.
        split: Name of the dataset's split.
        marked: Whether paths name the bake-off, since another one has the same model and loss on this dataset.
        prediction: ``"seeds"``; ``"ensemble"`` for the mean of them, ``"mc_dropout"`` for that of passes with dropout.
        folds: Of the dataset's split; each is a training job of its own, and the row is all of them together.
        fold: That of such a job, counted from 1; None of a row.
    """

    bakeoff: str
    dataset: str
    model: Chosen
    loss: Chosen | None
    seeds: tuple[int, ...]
    points: tuple[SweepPoint, ...] = ()
    split: str = ""
    marked: bool = False
    prediction: str = identity.SEEDS
    folds: int = 1
    fold: int | None = None

    @property
    def loss_name(self) -> str:
        """The loss as tables have it."""
        return self.loss.name if self.loss else BASELINE_LOSS

    @property
    def loss_in_paths(self) -> str:
        """The loss as paths have it, with what is not ordinary of the row behind it: ``mse@longer@ensemble``."""
        ordinary = self.prediction == identity.SEEDS
        return self.loss_in_runs + ("" if ordinary else f"{identity.MARK}{self.prediction}")

    @property
    def loss_in_runs(self) -> str:
        """The loss as paths of the training have it: ``mse@longer``, of a fold ``mse@fold-1``."""
        marks = [self.bakeoff] * self.marked + ([] if self.fold is None else [f"{identity.FOLD}{self.fold}"])
        return identity.MARK.join([self.loss_name, *marks])

    def trainings(self) -> tuple[Combination, ...]:
        """Return what is trained for the row: itself, or its folds."""
        return tuple(replace(self, fold=fold + 1) for fold in range(self.folds)) if self.folds > 1 else (self,)

    @property
    def loss_in_predictions(self) -> str:
        """The loss as paths of what is judged have it: dropout has predictions of its own, an ensemble has none."""
        return self.loss_in_paths if self.prediction == identity.DROPOUT else self.loss_in_runs

    @property
    def identity(self) -> dict[str, str]:
        """What the row is, on every axis."""
        return {
            "dataset": self.dataset,
            "split": self.split,
            "training": self.bakeoff,
            "model": self.model.name,
            "loss": self.loss_name,
            "prediction": self.prediction,
        }


def chosen_part(choice: str | Mapping[str, Mapping[str, Any] | None], known: Mapping[str, plugins.PlugIn]) -> Chosen:
    """Return the part that a config names, with the parameters that differ from its defaults, which null means."""
    name, given = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
    part = known[name]
    defaults = part.parameters
    values = {
        key: limits.canonical(value, defaults[key], part.limits[key])
        for key, value in (given or {}).items()
        if value is not None
    }
    return Chosen(part, {key: value for key, value in values.items() if value != defaults[key]})
