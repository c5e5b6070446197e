"""Columns that tell of an object's image what its label may suffer from: saturation, and a bright neighbour.

Nothing is rejected by them: ``where: saturated == 0`` does that, and figures show errors by them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from skybake.data.columns import Column, Schema
from skybake.raw import Batch, RawError
from skybake.raw.options import CommonOptions

SATURATED, NEIGHBOUR = "saturated", "bright_neighbour"
MIDDLE = 0.15  # radius about the centre that is the object's, as a part of the shorter side


def with_columns(schema: Schema, options: CommonOptions) -> Schema:
    """Return the schema with the columns that are asked for.

    Raises:
        RawError: It has one of that name.
    """
    more = _columns(options)
    taken = [name for name in more if name in schema.scalars or name in schema.labels]
    if taken:
        raise RawError(f"{taken[0]!r} is a column of the raw data already; leave out the option that makes another")
    return replace(schema, scalars={**schema.scalars, **more}) if more else schema


def flagged(batch: Batch, options: CommonOptions) -> Batch:
    """Return objects with these columns: 1 where they are flagged, 0 where not."""
    found: dict[str, np.ndarray] = {}
    if options.saturation is not None:
        found[SATURATED] = (batch.image.max(axis=(1, 2, 3)) >= options.saturation).astype(np.float64)
    if options.neighbours is not None:
        found[NEIGHBOUR] = _has_neighbour(batch.image, options.neighbours).astype(np.float64)
    return replace(batch, scalars={**batch.scalars, **found}) if found else batch


def _columns(options: CommonOptions) -> Mapping[str, Column]:
    found = {}
    if options.saturation is not None:
        found[SATURATED] = Column("", f"1 where a pixel is {options.saturation:g} or brighter, else 0")
    if options.neighbours is not None:
        found[NEIGHBOUR] = Column(
            "", f"1 where a pixel outside the middle has {options.neighbours:g} times the light of the brightest in it"
        )
    return found


def _has_neighbour(image: np.ndarray, factor: float) -> np.ndarray:
    """Tell of images (n, H, W, C) whether light beside the middle outshines it, all bands together, (n,).

    The median of each band is taken off first; where the middle is no brighter than that, anything outshines it.
    """
    light = image.astype(np.float64)
    light = (light - np.median(light, axis=(1, 2), keepdims=True)).sum(axis=-1)
    height, width = light.shape[1:]
    far = np.hypot(np.arange(height)[:, None] - (height - 1) / 2, np.arange(width) - (width - 1) / 2)
    middle = far <= max(MIDDLE * min(height, width), far.min())
    beside = np.where(middle, -np.inf, light).max(axis=(1, 2))
    within = np.where(middle, light, -np.inf).max(axis=(1, 2))
    return (beside > 0) & (beside > factor * np.maximum(within, 0))
