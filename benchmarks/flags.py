"""How often objects that are unlike the training sample are flagged `unfamiliar`, and how often others are.

    snakemake --configfile benchmarks/flags.yaml
    python benchmarks/flags.py results/flags [--false-alarms 0.01] [--objects 400]

For every network of a results folder: of the test part, the per cent that is flagged (false alarms) at the threshold
that the validation part gives; of noise and of the other datasets' test images, the per cent that is caught.

- ``white``: Gaussian noise with mean and standard deviation of all training pixels of a band.
- ``poisson``: Poisson noise with that mean, where training pixels are counts; elsewhere Gaussian noise with median and
  sigma_G of the pixels on the images' edges.
- ``edge``: every pixel one of the pixels on the edges of training images, drawn at random.
- ``shuffled``: test images whose pixels have changed places, all bands alike.
- another dataset: its images cut about their middle, or mirrored beyond their edges; its bands in turn, the
  first again after the last. ``raw`` in its own units; ``scaled`` so that each band has the mean and the standard
  deviation of the training pixels.

Last columns: seconds of 1,000 objects in the network, and what the distance takes of that.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the network has one
import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from skybake.applying import familiarity, network
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.data.pixels import SIGMA_G
from skybake.training import backend

BATCH = 64


@dataclass(frozen=True)
class Parts:
    """A dataset's images: of the training part, of the validation part and of the test part, (n, H, W, C)."""

    dataset: Dataset
    rows: Mapping[str, np.ndarray]
    images: Mapping[str, np.ndarray]
    held_groups: np.ndarray | None  # of the validation part, where the split keeps them whole


def load(folder: Path) -> Parts:
    """Load a dataset and its one split."""
    dataset = load_dataset(folder / "dataset.h5")
    split = splits.load(next(folder.glob("split-*.h5")), dataset)
    rows = {name: familiarity.enough(getattr(split, name)) for name in ("train", "valid", "test")}
    whole = splits.keeps_groups_whole(split.strategy["strategy"])
    groups = splits.kept_together(dataset, split.strategy)[rows["valid"]] if whole else None
    return Parts(dataset, rows, {name: dataset.images(some) for name, some in rows.items()}, groups)


def noises(parts: Parts, n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return images (n, H, W, C) of noise by kind."""
    train, test = parts.images["train"], parts.images["test"][:n]
    shape, flat = (n, *train.shape[1:]), train.reshape(-1, train.shape[-1]).astype(np.float64)
    edge = np.concatenate([train[:, [0, -1]].reshape(-1, shape[-1]), train[:, :, [0, -1]].reshape(-1, shape[-1])])
    low, middle, high = np.percentile(edge, (25, 50, 75), axis=0)
    counts = bool((train >= 0).all() and (train == np.round(train)).all())
    places = rng.permuted(np.tile(np.arange(shape[1] * shape[2]), (len(test), 1)), axis=1)
    return {
        "white": rng.normal(flat.mean(axis=0), flat.std(axis=0), shape),
        "poisson": rng.poisson(flat.mean(axis=0), shape)
        if counts
        else rng.normal(middle, SIGMA_G * (high - low), shape),
        "edge": np.stack([edge[rng.integers(len(edge), size=shape[:3]), band] for band in range(shape[-1])], axis=-1),
        "shuffled": np.take_along_axis(test.reshape(len(test), -1, shape[-1]), places[:, :, None], axis=1).reshape(
            test.shape
        ),
    }


def fitted_to(images: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """Return images in another size, cut or mirrored, with their bands in turn: (n, *shape)."""
    for axis, size in ((1, shape[0]), (2, shape[1])):
        over = images.shape[axis] - size
        if over > 0:
            images = images.take(np.arange(over // 2, over // 2 + size), axis=axis)
        elif over < 0:
            room = [(0, 0)] * 4
            room[axis] = (-over // 2, -over - -over // 2)
            images = np.pad(images, room, mode="symmetric")
    return images[..., np.arange(shape[2]) % images.shape[-1]]


def scaled(images: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return images with the mean and standard deviation of others, band by band."""
    axes = (0, 1, 2)
    unit = (images - images.mean(axes)) / np.maximum(images.std(axes), 1e-30)
    return unit * like.std(axes, dtype=np.float64) + like.mean(axes, dtype=np.float64)


def strangers(parts: Parts, others: Mapping[str, Parts], n: int) -> Iterator[tuple[str, np.ndarray]]:
    """Yield what it is and images (n, H, W, C), of noise and of other datasets."""
    yield from noises(parts, n, np.random.default_rng(0)).items()
    for name, other in others.items():
        if other is not parts:
            images = fitted_to(other.images["test"][:n].astype(np.float64), parts.dataset.image_shape)
            yield f"{name}/raw", images
            yield f"{name}/scaled", scaled(images, parts.images["train"])


def features(found: network.Network, images: np.ndarray, dataset: Dataset, rows: np.ndarray) -> np.ndarray:
    """Return the network's last features (n, F) of images, with the scalars of some rows."""
    blocks = []
    for first in range(0, len(images), BATCH):
        here = np.minimum(np.arange(first, first + BATCH), len(images) - 1)
        scalars = {name: dataset.scalars[name][rows[here % len(rows)]] for name in found.scalars}
        blocks.append(found.outputs(images[here].astype(np.float32), scalars)[1])
    return np.concatenate(blocks)[: len(images)]


def runs(results: Path) -> Iterator[tuple[str, Path]]:
    """Yield the dataset and the folder of one run of each model."""
    for path in sorted(results.glob("*/runs/*/*/seed-1/run.json")):
        yield path.parents[4].name, path.parent


def measured(parts: Parts, others: Mapping[str, Parts], run: Path, n: int, false_alarms: float) -> dict[str, float]:
    """Return the per cent flagged, by what it is, and seconds."""
    loaded = network.load(run)
    seen = {name: features(loaded, parts.images[name], parts.dataset, parts.rows[name]) for name in parts.images}
    fitted = familiarity.fit(
        seen["train"], parts.images["train"], seen["valid"], parts.images["valid"], parts.held_groups
    )
    most = fitted.threshold(false_alarms)

    def flagged(of_network: np.ndarray, images: np.ndarray) -> float:
        return 100 * float(np.mean(fitted.distance(of_network, images.astype(np.float32)) > most))

    found = {"held out": float(len(fitted.held_out)), "promised": 100 * fitted.promised(false_alarms)}
    found |= {"tested": float(len(seen["test"])), "false alarms": flagged(seen["test"], parts.images["test"])}
    for name, images in strangers(parts, others, n):
        found[name] = flagged(features(loaded, images, parts.dataset, parts.rows["test"]), images)
    test = parts.images["test"]
    times = {"network": np.inf, "distance": np.inf}
    for _ in range(3):
        begun = time.process_time()
        features(loaded, test, parts.dataset, parts.rows["test"])
        between = time.process_time()
        fitted.distance(seen["test"], test)
        times["network"] = min(times["network"], between - begun)
        times["distance"] = min(times["distance"], time.process_time() - between)
    found["ms/object"] = 1000 * times["network"] / len(test)
    found["distance takes"] = 100 * times["distance"] / times["network"]
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="folder of results with trained networks")
    parser.add_argument("--false-alarms", type=float, default=0.01)
    parser.add_argument("--objects", type=int, default=400, help="of each kind of strangers")
    given = parser.parse_args()
    backend.start("tensorflow", threads=1, precision="float32")
    trained = list(runs(given.results))
    everything = {path.parent.name: load(path.parent) for path in sorted(given.results.glob("*/dataset.h5"))}
    for name, run in trained:
        print(f"\n{name}, {run.parents[1].name}")
        for what, value in measured(everything[name], everything, run, given.objects, given.false_alarms).items():
            print(f"  {what:24s} {value:8.2f}", flush=True)


if __name__ == "__main__":
    main()
