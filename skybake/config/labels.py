"""Labels beside the first, of datasets that have several: a place of its own for each in the results tree.

Of the dataset ``galaxies`` with ``labels: [size, flux]``, what is said of ``flux`` lies in ``galaxies@flux``: baselines
are fitted there, and what the networks of ``galaxies`` say of it is judged, drawn and compared there, as everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from skybake.config.blocks import Bakeoff, Config, DatasetBlock
from skybake.results import identity


@dataclass(frozen=True)
class Further:
    """A label beside the first.

    Attributes:
        dataset: Whose label it is.
        column: Of the catalogue.
    """

    dataset: str
    column: str


def labels_of(block: DatasetBlock) -> tuple[str, ...]:
    """Return the columns that a dataset's networks predict together, where these are several; else nothing."""
    given = block.options.get("labels")
    return tuple(map(str, given)) if isinstance(given, list | tuple) and len(given) > 1 else ()


def place_of(dataset: str, column: str) -> str:
    """Return where a label beside the first stands in the results tree."""
    return f"{dataset}{identity.MARK}{re.sub(r'[^a-zA-Z0-9_.+=-]', '_', column)}"


def further_of(config: Config) -> dict[str, Further]:
    """Return place -> label beside the first, of all datasets."""
    return {
        place_of(name, column): Further(name, column)
        for name, block in config.datasets.items()
        for column in labels_of(block)[1:]
    }


def with_places(config: Config) -> Config:
    """Return a config in which each label beside the first is a dataset: read, divided and compared as its own is."""
    further = further_of(config)
    if not further:
        return config
    datasets: dict[str, DatasetBlock] = {}
    for name, block in config.datasets.items():
        datasets[name] = block
        for place, label in further.items():
            if label.dataset == name:
                options = {key: value for key, value in block.options.items() if key != "labels"}
                alone = {"options": {**options, "label": label.column}, "outlier": None, "fetch": None}
                datasets[place] = block.model_copy(update=alone)
    bakeoffs = {}
    for key, bakeoff in config.bakeoffs.items():
        own = [name for name in bakeoff.datasets if name not in further]
        names = [each for name in own for each in (name, *(at for at, it in further.items() if it.dataset == name))]
        bakeoffs[key] = bakeoff.model_copy(update={"datasets": names})
    return config.model_copy(update={"datasets": datasets, "bakeoffs": bakeoffs})


def problems(config: Config) -> Iterator[str]:
    """Find what does not go together with several labels."""
    several = {name: labels_of(block) for name, block in config.datasets.items() if labels_of(block)}
    for name, columns in several.items():
        if len({place_of(name, column) for column in columns}) < len(columns):
            yield f"datasets.{name}.options.labels: {list(columns)} found; expected others: their paths are one"
        if config.datasets[name].split.divisions > 1:
            yield f"datasets.{name}.split: folds or repeats found; expected one division, since {_said(name, columns)}"
    for key, given in config.apply.items():
        wanted = given.dataset or next(iter(config.datasets))
        if wanted in several:
            yield (
                f"apply.{key}: a network of {wanted!r} found; expected one of a single label, since"
                f" {_said(wanted, several[wanted])}. Hint: {wanted!r} again with `label` alone, as a dataset of its own"
            )
    for key, bakeoff in config.bakeoffs.items():
        for name in bakeoff.datasets:
            if name in several:
                for option in _unfit(bakeoff):
                    yield f"bakeoffs.{key}.{option} found; expected none, since {_said(name, several[name])}"


def _said(name: str, columns: tuple[str, ...]) -> str:
    return f"datasets.{name}.options.labels has {len(columns)} labels"


def _unfit(bakeoff: Bakeoff) -> Iterator[str]:
    for option in ("sweep", "mc_dropout", "inside"):
        if getattr(bakeoff, option) is not None:
            yield option
    if bakeoff.training.start_from is not None:
        yield "training.start_from"
    for place, choice in enumerate(bakeoff.losses):
        given: list[Mapping[str, Any] | None] = [] if isinstance(choice, str) else list(choice.values())
        if any((one or {}).get("label_errors") for one in given):
            yield f"losses[{place}]: label_errors"
