"""Batches and schema of objects that a catalogue describes, with images whose masked pixels are counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from skybake.data.columns import Column, Schema
from skybake.data.rejections import Rejection
from skybake.raw import Batch
from skybake.raw.catalogue import Objects
from skybake.raw.options import CatalogueOptions, PixelOptions


def in_blocks(rows: np.ndarray, number: int) -> Iterator[np.ndarray]:
    """Yield rows (n,) in blocks of some number."""
    for first in range(0, len(rows), number):
        yield rows[first : first + number]


def labels_of(objects: Objects, options: CatalogueOptions, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return name -> values of the labels of rows (n,)."""
    return {options.name: objects.label[rows], **{name: values[rows] for name, (values, _) in objects.further.items()}}


def label_columns(objects: Objects, options: CatalogueOptions) -> dict[str, Column]:
    """Return name -> what it is, of the labels; the first one is the option's."""
    return {options.name: objects.label_column, **{name: column for name, (_, column) in objects.further.items()}}


def batch_of(
    rows: np.ndarray,
    images: np.ndarray,
    shares: np.ndarray,
    scalars: Mapping[str, np.ndarray],
    counts: Mapping[str, int],
    digests: Mapping[str, Mapping[str, str]],
    objects: Objects,
    options: PixelOptions,
) -> Batch:
    """Return a batch of rows (n,) with images (n, H, W, C), of which ``shares`` (n,) of a band are masked.

    Those with more than the options allow are rejected.
    """
    masked = scalars["n_masked"]
    refused = (masked > 0) & ((options.masked == "reject") | (shares > options.most_masked))
    against = [
        Rejection(
            int(rows[k]), objects.ids[rows[k]], "masked pixels", f"{masked[k]:g} in all, {shares[k]:.3g} of a band"
        )
        for k in np.flatnonzero(refused).tolist()
    ]
    kept, good = rows[~refused], ~refused
    return Batch(
        rows=kept,
        image=images[good],
        id=[objects.ids[row] for row in kept.tolist()],
        group=[objects.groups[row] for row in kept.tolist()],
        labels=labels_of(objects, options, kept),
        scalars={name: values[kept] for name, values in objects.scalars.items()}
        | {name: values[good] for name, values in scalars.items()},
        rejections=against,
        counts=counts,
        digests=digests,
    )


def rejections_of(objects: Objects) -> list[Rejection]:
    """Return what is said against rows of the catalogue."""
    return [Rejection(row, objects.ids[row], *objects.reasons[row]) for row in sorted(objects.reasons)]


def schema_of(objects: Objects, options: PixelOptions, bands: Sequence[str], said: str) -> Schema:
    """Return what a dataset holds whose images have masked and padded pixels."""
    return Schema(
        bands=tuple(bands),
        image=Column(options.pixel_units, f"{said}, masked pixels the median of their image and band"),
        labels=label_columns(objects, options),
        label=options.name if objects.further else "",
        scalars={
            **objects.columns,
            "n_masked": Column("", "masked pixels, over all bands", "count"),
            "padded_fraction": Column("", "fraction of the pixels that are padding", "padded_fraction"),
        },
    )
