"""Train on simulated cutouts from memory and from disk: memory of the process, objects a second, CPU time, ratios.

    python benchmarks/train_from_disk.py [--objects 100000] [--model deeper_sequential] [--rounds 2] [--folder /tmp/x]

The cutouts (32 x 32 x 5, float32, gzip) are written straight to HDF5. Both ways train the same network with the same
order of objects and predict the same bytes. Every training is a process of its own; the ways take turns, so that a busy
machine is fair to both. A rate is that of the fastest epoch of all rounds, validation not counted. CPU time is that of
a whole training, of all threads, with validation and prediction; the memory is all that the process ever held.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from skybake.data import columns, splits  # noqa: E402
from skybake.data.dataset import load_dataset  # noqa: E402
from skybake.data.writer import create_dataset  # noqa: E402
from skybake.training import (  # noqa: E402
    backend,
    fit,
    runs,
)
from skybake.training.job import NetworkJob  # noqa: E402
from skybake.training.prepared import prepare  # noqa: E402
from skybake.training.settings import Training  # noqa: E402

BLOCK = 4096
WAYS = ("memory", "disk")


def write(path: Path, objects: int) -> None:
    """Write blobs whose flux and colour tell the label, in noise."""
    schema = columns.Schema(
        survey="sdss",
        task="regression",
        bands=tuple("ugriz"),
        image=columns.Column("nanomaggies", "benchmark"),
        labels={"redshift": columns.Column("", "benchmark", "redshift", outlier=0.05)},
        scalars={},
        raw={},
        mock=True,
    )
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:32, :32] - 15.5
    profile = np.exp(-(x**2 + y**2) / 18).astype(np.float32)
    with create_dataset(path, schema) as writer:
        for first in range(0, objects, BLOCK):
            n = min(BLOCK, objects - first)
            label = rng.uniform(0, 0.4, n)
            flux = rng.lognormal(0, 0.5, (n, 1)) * (1 + label[:, None] * np.arange(5))
            image = rng.standard_normal((n, 32, 32, 5), dtype=np.float32) * np.float32(0.03)
            image += profile[None, :, :, None] * flux[:, None, None, :].astype(np.float32)
            ids = [str(first + place) for place in range(n)]
            writer.append(image=image, id=ids, group=ids, labels={"redshift": label}, scalars={})


def train(folder: Path, way: str, given: argparse.Namespace) -> dict[str, float | str]:
    """Train one way and return what was measured."""
    block = Training(
        epochs=given.epochs,
        batch_size=64,
        shuffle="chunks",
        images=given.images,
        memory_limit_mb=1e9 if way == "memory" else given.limit,
    )
    names = {"dataset": "benchmark", "model": given.model, "loss": "mse"}
    job = NetworkJob(**names, library_model=given.model, library_loss="mse", label="redshift", training=block)
    backend.start("tensorflow", threads=1, precision="float32", device="cpu")
    data = runs.load(folder / "dataset.h5", folder / "split.h5", "redshift")
    started = time.perf_counter()
    prepared = prepare(data, job)
    prepared_after, cpu = time.perf_counter() - started, time.process_time()
    result = fit.train(job, prepared, 1)
    points = np.concatenate([result.predictions[part].point for part in ("valid", "test")])
    return {
        "prepare_seconds": prepared_after,
        "objects_per_second": result.timing.train_objects_per_second,
        "cpu_seconds": time.process_time() - cpu,
        "peak_memory_mb": runs.peak_memory_mb(),
        "predictions": hashlib.sha256(points.tobytes()).hexdigest(),
    }


def main() -> None:
    """Write, split, train both ways in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, default=100_000)
    parser.add_argument("--model", default="deeper_sequential")
    parser.add_argument("--images", default="log", help="what is done to images, as in the config")
    parser.add_argument("--epochs", type=int, default=1, help="of each training")
    parser.add_argument("--rounds", type=int, default=2, help="trainings of each way")
    parser.add_argument("--limit", type=float, default=500, help="memory_limit_mb of the way from disk")
    parser.add_argument("--folder", type=Path, help="keep the dataset here")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way:
        print(json.dumps(train(given.folder, given.way, given)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        if not (folder / "dataset.h5").exists():
            write(folder / "dataset.h5", given.objects)
            split = {"strategy": "holdout", "test": 0.1, "valid": 0.1, "seed": 40}
            splits.write(folder / "split.h5", splits.make(load_dataset(folder / "dataset.h5"), split))
        measured = {way: [] for way in WAYS}
        for _ in range(given.rounds):
            for way in WAYS:
                measured[way].append(_measure(way, folder, given))
    megabytes = 4 * 32 * 32 * 5 * given.objects / 1e6
    print(f"\n{given.model}, {given.objects} objects ({megabytes:.0f} MB of images), images: {given.images}")
    rates = {way: max(item["objects_per_second"] for item in measured[way]) for way in WAYS}
    times = {way: min(item["cpu_seconds"] for item in measured[way]) for way in WAYS}
    memory = {way: max(item["peak_memory_mb"] for item in measured[way]) for way in WAYS}
    for way in WAYS:
        print(
            f"{way:6s}: peak memory {memory[way]:.0f} MB, {rates[way]:.0f} training objects/s,"
            f" {times[way]:.1f} s of CPU time"
        )
    same = len({item["predictions"] for way in WAYS for item in measured[way]}) == 1
    print(
        f"disk / memory: {rates['disk'] / rates['memory']:.2f} of the speed,"
        f" {times['disk'] / times['memory']:.2f} of the CPU time; same predictions: {same}"
    )


def _measure(way: str, folder: Path, given: argparse.Namespace) -> dict[str, float | str]:
    arguments = ["--way", way, "--folder", folder, "--model", given.model, "--images", given.images]
    arguments += ["--epochs", given.epochs, "--limit", given.limit]
    ran = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(ran.stdout.splitlines()[-1])
    print(
        way, {name: value if isinstance(value, str) else round(value, 1) for name, value in found.items()}, flush=True
    )
    return found


if __name__ == "__main__":
    main()
