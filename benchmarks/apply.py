"""Apply a network to simulated stamps: memory of the process, and objects a second against Keras's own predict.

    python benchmarks/apply.py [--objects 10000 100000] [--model lesson_cnn] [--rounds 2] [--folder /tmp/x]

A network is trained for an epoch on 2,000 stamps of the simulator for ``decam``. It is applied to as many new ones as
asked for: images are read from HDF5, go through the network of ``predictor.keras``, are compared with the training
sample, and go to a file, from which the catalogue is written. Beside it stand ``model.predict`` of ``model.keras`` on
images that are in memory as the network sees them, and of ``predictor.keras`` on raw images in memory. Every
measurement is a process of its own; they take turns, so that a busy machine is fair to all. Times are without imports
and with compiling, of the fastest round; CPU time is that of all threads, the one that reads among them; the memory is
all that the process ever held.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from skybake import plugins  # noqa: E402
from skybake.applying import catalogue, predict  # noqa: E402
from skybake.data import splits  # noqa: E402
from skybake.data.dataset import load_dataset  # noqa: E402
from skybake.results import run_folder  # noqa: E402
from skybake.training import backend, runs  # noqa: E402
from skybake.training.images import FittedStep  # noqa: E402
from skybake.training.job import NetworkJob  # noqa: E402
from skybake.training.settings import Training  # noqa: E402
from skybake.training.train import train_job  # noqa: E402

FILES = ["history.csv", "predictions.h5", "timing.json", "run.json", "model.keras", "predictor.keras"]
TRAINED = 2000
BATCH = 256
WAYS = ("model.keras", "predictor.keras", "apply")


def write(path: Path, objects: int, seed: int) -> None:
    """Simulate stamps and ingest them."""
    from skybake.raw.ingest import ingest

    simulator = plugins.in_room("mock", "simulate")["decam"].load()
    reader = plugins.in_room("raw", "read")["decam"].load()
    with tempfile.TemporaryDirectory() as folder:
        raw = {name: Path(folder, file) for name, file in simulator.RAW_FILES.items()}
        options = simulator.Options(n_sources=objects // 2, n_noise=objects - objects // 2, seed=seed)
        simulator.simulate(raw, options, threads=2)
        ingest(reader, raw, path, path.with_suffix(".csv"), reader.Options(), mock=True, threads=2)


def train(folder: Path, given: argparse.Namespace) -> None:
    """Train the network, and remember what new objects are compared with."""
    dataset, split = folder / "trained.h5", folder / "split.h5"
    strategy = {"strategy": "group", "test": 0.2, "valid": 0.2, "seed": 40}
    splits.write(split, splits.make(load_dataset(dataset), strategy))
    training = Training(epochs=1, images=given.images, device="cpu", threads=1)
    names = {"dataset": "benchmark", "model": given.model, "loss": "categorical_crossentropy"}
    job = NetworkJob(
        **names, library_model=given.model, library_loss=names["loss"], label="class", training=training, code=""
    )
    train_job(dataset, split, job, {1: folder / "seed-1"}, folder / ".work", FILES)
    predict.compare_with(dataset, split, {1: folder / "seed-1"}, folder / "sample.h5")


def measure(folder: Path, way: str, objects: int) -> dict[str, float]:
    """Predict one way and return what was measured."""
    run = folder / "seed-1"
    dataset = load_dataset(folder / f"{objects}.h5")
    backend.start("tensorflow", threads=1, precision="float32", device="cpu")
    import keras

    if way == "apply":
        started, cpu = time.perf_counter(), time.process_time()
        told = {"part": 0, "jobs": 1, "batch_size": BATCH, "false_alarms": 0.01, "asked_by": "apply.benchmark"}
        predict.predict(dataset.path, {1: run}, folder / "sample.h5", folder / f"part-{objects}.h5", **told)
    else:
        images = dataset.images(np.arange(len(dataset)))
        record = run_folder.read_record(run)
        if way == "model.keras":
            images = FittedStep.of_dict(record.preprocessing["image"]).apply(images)
        model = keras.saving.load_model(run / way, compile=False)
        started, cpu = time.perf_counter(), time.process_time()
        model.predict({"image": images}, batch_size=BATCH, verbose=0)
    return _measured(len(dataset), started, cpu)


def write_catalogue(folder: Path, objects: int) -> dict[str, float]:
    """Write the catalogue of what was predicted and return what was measured."""
    started, cpu = time.perf_counter(), time.process_time()
    regions = catalogue.calibration({1: folder / "seed-1"}, load_dataset(folder / "trained.h5"))
    files = {kind: folder / f"catalogue-{objects}.{kind}" for kind in ("fits", "parquet", "csv")}
    catalogue.write([folder / f"part-{objects}.h5"], regions, **files)
    return _measured(objects, started, cpu)


def _measured(objects: int, started: float, cpu: float) -> dict[str, float]:
    return {
        "objects_per_second": objects / (time.perf_counter() - started),
        "objects_per_cpu_second": objects / (time.process_time() - cpu),
        "peak_memory_mb": runs.peak_memory_mb(),
    }


def main() -> None:
    """Simulate, train, predict in turn, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--objects", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--model", default="lesson_cnn")
    parser.add_argument("--images", default="robust", help="what is done to images, as in the config")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="keep the datasets here")
    parser.add_argument("--way", choices=[*WAYS, "train", "catalogue"], help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.way == "train":
        train(given.folder, given)
        return
    if given.way:
        objects = given.objects[0]
        found = write_catalogue if given.way == "catalogue" else measure
        arguments = (given.folder, objects) if given.way == "catalogue" else (given.folder, given.way, objects)
        print(json.dumps(found(*arguments)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for name, objects, seed in [("trained", TRAINED, 1), *((str(n), n, 2) for n in given.objects)]:
            if not (folder / f"{name}.h5").exists():
                write(folder / f"{name}.h5", objects, seed)
        _run("train", folder, 0, given)
        measured = {objects: {way: [] for way in (*WAYS, "catalogue")} for objects in given.objects}
        for _ in range(given.rounds):
            for objects, ways in measured.items():
                for way, found in ways.items():
                    found.append(json.loads(_run(way, folder, objects, given).splitlines()[-1]))
    print(f"\n{given.model}, images: {given.images}, {given.rounds} rounds")
    for objects, ways in measured.items():
        rates, of_cpu = (
            {way: max(item[name] for item in found) for way, found in ways.items()}
            for name in ("objects_per_second", "objects_per_cpu_second")
        )
        memory = {way: max(item["peak_memory_mb"] for item in found) for way, found in ways.items()}
        for way in ways:
            print(
                f"{objects} objects, {way:15s}: {rates[way]:.0f} objects/s, {of_cpu[way]:.0f} a second of CPU time,"
                f" peak memory {memory[way]:.0f} MB"
            )
        print(
            f"apply: {rates['apply'] / rates['model.keras']:.2f} of the speed of model.keras,"
            f" {rates['apply'] / rates['predictor.keras']:.2f} of that of predictor.keras;"
            f" by CPU time {of_cpu['apply'] / of_cpu['model.keras']:.2f} and"
            f" {of_cpu['apply'] / of_cpu['predictor.keras']:.2f}"
        )
    first, last = (measured[objects] for objects in (given.objects[0], given.objects[-1]))
    for way in ("apply", "catalogue"):
        few, many = (max(item["peak_memory_mb"] for item in ways[way]) for ways in (first, last))
        print(f"peak memory of {way}, {given.objects[-1]} / {given.objects[0]} objects: {many / few:.3f}")


def _run(way: str, folder: Path, objects: int, given: argparse.Namespace) -> str:
    arguments = ["--way", way, "--folder", folder, "--model", given.model, "--images", given.images]
    arguments += ["--objects", objects]
    ran = subprocess.run(
        [sys.executable, __file__, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True
    )
    print(objects, way, ran.stdout.splitlines()[-1] if ran.stdout else "", flush=True)
    return ran.stdout


if __name__ == "__main__":
    main()
