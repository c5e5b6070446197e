"""A split strategy in use: each row in one part, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from skybake.data import splits
from skybake.data.columns import OFFICIAL_TEST, PART, Column
from skybake.data.dataset import Dataset
from skybake.data.splits._strategy import SplitError, Strategy
from skybake.plugins import PlugIn
from skybake.testing import _options

OBJECTS, GROUPS, SEEDS = 240, 60, (1, 2, 3)


def use(part: PlugIn) -> Iterator[str]:
    """Split objects in memory with several seeds."""
    wrong = list(_options.problems(part, Strategy))
    if wrong:
        yield from wrong
        return
    dataset, found = objects(), []
    for seed in (*SEEDS, SEEDS[0]):
        try:
            found.append(splits.make(dataset, {"strategy": part.name, "seed": seed}))
        except SplitError as error:
            yield f"seed {seed}: {error}"
            return
    first, again = found[0], found[-1]
    if not all(np.array_equal(getattr(first, name), getattr(again, name)) for name in splits.PARTS):
        yield "other parts the second time with the same seed; expected all random numbers from options.seed"
    if all(np.array_equal(first.valid, other.valid) for other in found[1:]):
        yield f"the same parts for the seeds {', '.join(map(str, SEEDS))}; expected options.seed to be used"


def objects() -> Dataset:
    """Return a dataset without images: groups, places on the sky, an official test part, a label and a redshift."""
    rng = np.random.default_rng(8)
    columns = {
        "ra": Column("deg", "right ascension", "right_ascension"),
        "dec": Column("deg", "declination", "declination"),
        "official": Column("", "whether it is in the survey's test part", OFFICIAL_TEST),
        "published": Column("", "its part of a published split", PART),
        "redshift": Column("", "how far", "redshift"),
    }
    scalars = {
        "ra": rng.uniform(0, 60, OBJECTS),
        "dec": rng.uniform(-30, 30, OBJECTS),
        "official": (rng.random(OBJECTS) < 0.2).astype(float),
        "published": np.where(np.arange(OBJECTS) % 5, 0.0, 2.0),  # without a validation part
        "redshift": rng.uniform(0, 1, OBJECTS),
    }
    label = Column("dex", "logarithm of the mass", "mass")
    return Dataset(
        path=Path("memory"),
        survey="",
        task="regression",
        mock=True,
        label="mass",
        bands=("white",),
        image_shape=(8, 8, 1),
        ids=np.array([f"object-{row}" for row in range(OBJECTS)]),
        groups=np.array([f"group-{row % GROUPS}" for row in range(OBJECTS)]),
        labels={"mass": rng.normal(14, 0.4, OBJECTS)},
        scalars=scalars,
        columns={"label/mass": label, **{f"scalar/{name}": column for name, column in columns.items()}},
        digest="",
        raw={},
        notes={},
    )
