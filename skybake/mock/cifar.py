"""Simulated photographs in ten classes, in the pickles of CIFAR-10 that :mod:`skybake.raw.cifar` reads.

A class is a pattern: stripes of one of five directions, wide or narrow. Phase, colours, contrast and the place of the
patch on its background are random, and noise is added; some patterns are too faint to be told. No photograph looks like
that: with them everything can be tried without a download, and numbers mean nothing elsewhere.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import Field

from skybake.files import atomic_write
from skybake.settings import Settings

RAW_FILES = {"batches": "cifar-10-batches-py/"}
SMALL = {"n_train": 20, "n_test": 10}
BATCHES = 5
SIDE = 32  # pixels
DIRECTIONS = 5
PERIODS = (9.0, 4.5)  # pixels
CLASSES = tuple(f"{width} {36 * turn} degrees" for width in ("wide", "narrow") for turn in range(DIRECTIONS))


class Options(Settings):
    """How many images there are."""

    n_train: int = Field(5000, ge=BATCHES, description="Images of the five training batches together.")
    n_test: int = Field(1000, ge=1, description="Images of the official test batch.")
    noise: float = Field(25.0, ge=0, description="Sigma of a pixel, of 255.")
    seed: int = Field(0, ge=0, description="Seed of everything random.")


def simulate(raw: Mapping[str, Path], options: Options, *, threads: int = 1) -> None:
    """Write the folder of pickles; the same options give the same bytes.

    Args:
        raw: Path of :data:`RAW_FILES`.
        options: What to simulate.
        threads: Not used.
    """
    folder, rng = Path(raw["batches"]), np.random.default_rng(options.seed)
    folder.mkdir(parents=True, exist_ok=True)
    sizes = [len(part) for part in np.array_split(np.arange(options.n_train), BATCHES)]
    names = [f"data_batch_{number}" for number in range(1, BATCHES + 1)]
    for number, (name, size) in enumerate(zip([*names, "test_batch"], [*sizes, options.n_test], strict=True), 1):
        labels = rng.permutation(np.arange(size) % len(CLASSES))
        said = "testing batch 1 of 1" if name == "test_batch" else f"training batch {number} of {BATCHES}"
        _write(folder / name, {"data": _images(labels, options, rng), "labels": labels.tolist(), "batch_label": said})
    _write(folder / "batches.meta", {"label_names": list(CLASSES), "num_cases_per_batch": sizes[0], "num_vis": 3072})


def _write(path: Path, content: dict[str, object]) -> None:
    with atomic_write(path) as beside, beside.open("wb") as stream:
        pickle.dump(content, stream, protocol=4)


def _images(labels: np.ndarray, options: Options, rng: np.random.Generator) -> np.ndarray:
    """Return uint8 (N, 3072): red, green and blue pixels of each image, row by row."""
    n, one = len(labels), (len(labels), 1, 1)
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    angle = (np.pi * (labels % DIRECTIONS) / DIRECTIONS + rng.normal(0, 0.08, n)).reshape(one)
    period = np.array(PERIODS)[labels // DIRECTIONS].reshape(one)
    wave = np.cos(2 * np.pi * (x * np.cos(angle) + y * np.sin(angle)) / period + rng.uniform(0, 2 * np.pi, one))
    reach = np.hypot(x - rng.uniform(-5, 5, one), y - rng.uniform(-5, 5, one)) / rng.uniform(6, 12, one)
    patch = wave * np.exp(-0.5 * reach**2) * rng.uniform(5, 90, one)
    colour, ground = rng.uniform(-1, 1, (n, 3, 1, 1)), rng.uniform(40, 215, (n, 3, 1, 1))
    pixels = ground + colour * patch[:, None] + rng.normal(0, options.noise, (n, 3, SIDE, SIDE))
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8).reshape(n, -1)
