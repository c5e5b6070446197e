"""Flags of new objects: what each is called, what it says, and when it is raised."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from skybake.data.columns import Column, columns_of
from skybake.missing import present
from skybake.results.predictions import Prediction

UNFAMILIAR = "unfamiliar"
MEANINGS: Mapping[str, str] = {
    UNFAMILIAR: "unlike the training objects, in its image or in the network's features",
    "scalar_outside": "a scalar that the network takes is outside the range of the training objects",
    "scalar_missing": "a scalar that the network takes is not known, or a formula of it has no number",
    "padded": "a part of the image is padding",
    "masked": "pixels of the image were masked",
    "not_finite": "what is predicted is no number",
}
_MASKED = "n_masked"


def raised(
    prediction: Prediction,
    scalars: Mapping[str, np.ndarray],
    columns: Mapping[str, Column],
    ranges: Mapping[str, tuple[float, float]],
    unfamiliar: np.ndarray,
    inputs: Iterable[np.ndarray] = (),
) -> dict[str, np.ndarray]:
    """Return whether each flag is raised, in the order of :data:`MEANINGS`: name -> (n,).

    Args:
        prediction: Of n objects.
        scalars: Name -> (n,) all scalars of the dataset. ``n_masked`` tells the masked pixels, those of the kind
            ``padded_fraction`` the padding; a dataset without them has no object that is flagged so.
        columns: Name -> what a scalar is.
        ranges: Name of each scalar that the network takes -> the least and the greatest known value of the training
            part; NaN where none is known, and then every value is outside.
        unfamiliar: (n,) whether the distance is above the threshold, see :mod:`skybake.applying.familiarity`.
        inputs: (n,) what the network is given of the scalars: a formula may have no number where they are known.
    """
    none = np.zeros(len(prediction), dtype=bool)
    outside, missing, padded = none.copy(), none.copy(), none.copy()
    for name, (low, high) in ranges.items():
        known = present(scalars[name])
        missing |= ~known
        outside |= known & ~((scalars[name] >= low) & (scalars[name] <= high))
    for values in inputs:
        missing |= ~present(values)
    for name in columns_of(columns, "padded_fraction"):
        padded |= scalars[name] > 0
    numbers = prediction.point[:, None] if prediction.classes is None else prediction.classes
    found = {
        UNFAMILIAR: np.asarray(unfamiliar, dtype=bool),
        "scalar_outside": outside,
        "scalar_missing": missing,
        "padded": padded,
        "masked": scalars[_MASKED] > 0 if _MASKED in scalars else none,
        "not_finite": ~np.isfinite(numbers).all(axis=1),
    }
    return {name: found[name] for name in MEANINGS}
