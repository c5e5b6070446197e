"""Readers of raw survey files: a file or folder for each survey, found by its name.

A reader has:

- ``Options``: its settings;
- ``RAW``: name of each raw file or folder -> what it is; ``RAW_FORMS``: which of them make a whole, if not all;
- ``TASK``: ``"regression"`` or ``"classification"``; ``task_name(options)`` beside it where the options choose it;
- ``LABEL``: name of the label that models predict, or ``label_name(options)`` where the options choose it;
- ``INPUTS``: scalars that models take unless the config says otherwise;
- ``read(raw, options, threads)`` -> :class:`Reading`;
- ``check(raw, options)``, if it has one: raises RawError for what headers alone tell, as a column that is missing,
  and returns the names of the scalars; ``python -m skybake check`` asks it.

What all readers share is done by :func:`skybake.raw.ingest.ingest`: writing, counting, digests of the raw files,
progress, and the proof that each raw object is in the dataset or in ``rejected.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skybake.data.columns import Schema
    from skybake.data.rejections import Rejection


class RawError(ValueError):
    """Raw files that cannot be read as a whole; single bad objects go to ``rejected.csv`` instead.

    Attributes:
        rejections: The rows that are at fault, if it is a fault of so many of them.
    """

    def __init__(self, text: str = "", rejections: Sequence[Rejection] = ()):
        super().__init__(text)
        self.rejections = rejections


@dataclass(frozen=True)
class Batch:
    """Some objects, in the order in which the dataset has them; how many is up to the reader.

    Attributes:
        rows: (n,) row numbers in the raw catalogue.
        image: (n, H, W, C); objects whose pixels are not all finite as float32 are rejected.
        id: n names, unique within the dataset.
        group: n names of what must never be on both sides of a split.
        labels, scalars: Name -> (n,) numbers; NaN where missing.
        rejections: What was found against other rows while these were read.
        counts: Attribute of the dataset -> number that these objects add to it.
        digests: Raw folder -> name -> SHA-256 of the files in it that were read for these objects.
    """

    rows: np.ndarray
    image: np.ndarray
    id: Sequence[str]
    group: Sequence[str]
    labels: Mapping[str, np.ndarray]
    scalars: Mapping[str, np.ndarray]
    rejections: Sequence[Rejection] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, chosen: np.ndarray) -> Batch:
        """Return the objects for which ``chosen`` (n,) is true."""
        places = np.flatnonzero(chosen)
        return Batch(
            self.rows[places],
            self.image[places],
            [self.id[place] for place in places.tolist()],
            [self.group[place] for place in places.tolist()],
            {name: np.asarray(values)[places] for name, values in self.labels.items()},
            {name: np.asarray(values)[places] for name, values in self.scalars.items()},
        )


@dataclass(frozen=True)
class Reading:
    """What a reader makes of raw files.

    Attributes:
        schema: What the dataset will hold.
        rows: Number of raw objects: each must be in a batch or among the rejections, once.
        batches: The objects; read when they are asked for.
        rejections: What is known against rows before the first batch.
        files: Name -> file whose SHA-256 the dataset keeps; None: the files, not the folders, among the raw ones.
        digests: As of a batch, of files that were read before the first one.
        warnings: What was taken for granted, a sentence each: said on the terminal, and on the pages of the dataset.
        counted: A count of the batches -> what is said beside the warnings where it is not 0, after "12 of 40 objects".
    """

    schema: Schema
    rows: int
    batches: Iterable[Batch]
    rejections: Sequence[Rejection] = ()
    files: Mapping[str, Path] | None = None
    digests: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    counted: Mapping[str, str] = field(default_factory=dict)
