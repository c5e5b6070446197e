"""Predictions for arrays of images in memory, block by block: ``skybake.load("results").predict(images, scalars)``."""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skybake.applying import network, predict
from skybake.applying.network import Network
from skybake.results import ensembles, run_folder
from skybake.results.predictions import Prediction
from skybake.training import backend


def load_networks(runs: Mapping[int, Path]) -> list[Network]:
    """Load the networks of one row; the framework that trained them is started, unless Keras runs already."""
    if "keras" not in sys.modules:
        training = run_folder.read_record(next(iter(runs.values()))).training
        device = "cpu" if training["device"] == "cpu" else "any"
        with contextlib.redirect_stdout(io.StringIO()):  # what a log is told of the machine
            backend.start(training["backend"], threads=training["threads"], precision="float32", device=device)
    return [network.load(folder) for _, folder in sorted(runs.items())]


def checked(images: Any, scalars: Any, member: Network) -> dict[str, np.ndarray]:
    """Return the scalars (N,) that a network takes by name, of what a user gives.

    Args:
        images: (N, H, W, C) array, which need not be in memory.
        scalars: Mapping or table of columns by name; None for none.
        member: One of the networks.

    Raises:
        ValueError: Images have another shape than in training, or a scalar is missing, too short or no number.
    """
    shape, record = tuple(member.model.input["image"].shape[1:]), member.record
    given = tuple(np.shape(images))
    if len(given) != 4 or given[1:] != shape:
        hint = ". Hint: images[None] for a single one" if given == shape else ""
        raise ValueError(
            f"images of shape {given} found; expected (N, {', '.join(map(str, shape))}), bands"
            f" {', '.join(record.bands)}, as {record.model} was trained on{hint}"
        )
    if not given[0]:
        raise ValueError("no image found; expected one or more")
    names = [] if scalars is None else list(scalars)
    found = {}
    for name in member.scalars:
        if name not in names:
            told = ", ".join(map(str, names)) or "none"
            raise ValueError(f"scalars: no {name!r}, found {told}; expected {', '.join(member.scalars)}")
        try:
            found[name] = np.asarray(scalars[name], dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"scalars: {name!r} holds no numbers; expected numbers, NaN where missing") from None
        if found[name].shape != (given[0],):
            raise ValueError(f"scalars: {name!r} of shape {found[name].shape} found; expected {(given[0],)}, as images")
    return found


def blocks(
    images: Any, scalars: Mapping[str, np.ndarray], members: Sequence[Network], batch_size: int
) -> Iterator[tuple[Prediction, np.ndarray, np.ndarray]]:
    """Yield the mean of what networks predict, block by block, and warn of images that get no prediction.

    Args:
        images: (N, H, W, C) in the units of the dataset.
        scalars: As :func:`checked`.
        members: One a seed.
        batch_size: Objects a batch.

    Yields:
        Predictions (n,) in units of the label, their spread (n,) over seeds, and whether all pixels are numbers (n,);
        what is predicted for others means nothing.
    """
    total = 0
    for first in range(0, len(images), batch_size):
        here = slice(first, first + batch_size)
        stamps = np.asarray(images[here], dtype=np.float32)
        known = np.array([np.isfinite(stamp).all() for stamp in stamps])
        total += int((~known).sum())
        stamps = np.where(known[:, None, None, None], stamps, np.float32(0))
        batch, beside = predict.whole_batch(stamps, {name: own[here] for name, own in scalars.items()}, batch_size)
        each = [one.prediction(one.outputs(batch, beside)[0]).select(np.arange(len(stamps))) for one in members]
        together = ensembles.mean(each) if len(each) > 1 else each[0]
        yield together, predict.spread(each, together), known
    if total:
        warnings.warn(
            f"{total} of {len(images)} images have pixels that are no numbers, and get no prediction: not_finite",
            stacklevel=3,
        )
