"""Time the training loop on a GPU, and compare what it computes with what the CPU computes.

    python benchmarks/gpu.py [--backend jax] [--models nonsequential] [--epochs 40] [--json FILE]
    python benchmarks/gpu.py --quick --device cpu    # does it run here? tiny sizes, and no GPU

Needs numpy, h5py, pydantic, Keras and one framework, none of skybake's other packages. The arrays are simulated in
memory from a seed. What is timed is the library's own training (``skybake.training``): objects that lie on the GPU, an
epoch in few calls, callbacks, and the state kept now and then, with the config's defaults, one thread among them; and
beside it the same with Keras's plain ``fit``, to which numpy hands batch after batch (``plain_fit.py``). Every
measurement is a process of its own.

- ``nonsequential``, batches of 32: 6,435 cubes of 50 x 50 x 10 and the redshift, as many as the published cluster study
  trained on (Krippendorf et al. 2023, arXiv:2305.00016). 40 epochs took 30.7 s on its GPU.
- ``inception_small``, batches of 32 and of 512: 10,000 cutouts of 32 x 32 x 5.

A tenth as many again are for validation, and as many for the test; validation counts, as in a bake-off. Compilation is
what the first epoch takes longer than the median of the others. Steps a second are an epoch's training steps over the
median epoch.

Agreement: a CPU loads the trained network and predicts the same test objects, and trains a few steps from the same
seed. Differences are the largest of all outputs, over their standard deviation on the CPU.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).resolve().parent)]

import plain_fit  # noqa: E402

from skybake import provenance  # noqa: E402
from skybake.data import columns, splits  # noqa: E402
from skybake.data.dataset import Dataset  # noqa: E402
from skybake.files import write_json  # noqa: E402
from skybake.training import (  # noqa: E402
    backend,
    feeding,
    fit,
    runs,
)
from skybake.training.checkpoints import Checkpoint, State  # noqa: E402
from skybake.training.job import NetworkJob  # noqa: E402
from skybake.training.prepared import prepare  # noqa: E402
from skybake.training.settings import Training  # noqa: E402

SEED = 1
PUBLISHED_EPOCHS, PUBLISHED_SECONDS = 40, {"nonsequential": 30.7}
QUICK_OBJECTS, QUICK_EPOCHS = 64, 3
WAYS = ("now", "fit")
SAMPLING_MS = 200  # between two looks at the GPU


@dataclass(frozen=True)
class Case:
    """A training to measure.

    Attributes:
        model, loss: As the config names them.
        shape: (H, W, C) of the images.
        inputs: Scalars given beside the image.
        objects: Number of training objects.
        batch_size: Objects a step.
    """

    model: str
    loss: str
    shape: tuple[int, int, int]
    inputs: tuple[str, ...]
    objects: int
    batch_size: int

    @property
    def name(self) -> str:
        """What the table calls it."""
        return f"{self.model}, {self.batch_size}"


CASES = (
    Case("nonsequential", "mse", (50, 50, 10), ("redshift",), 6435, 32),
    Case("inception_small", "bin_crossentropy", (32, 32, 5), (), 10_000, 32),
    Case("inception_small", "bin_crossentropy", (32, 32, 5), (), 10_000, 512),
)


class Simulated(Dataset):
    """A dataset without a file: its images are made when a part is read, from the seed and the part's first row."""

    def images(self, rows: np.ndarray) -> np.ndarray:
        """Return blobs whose brightness and colour tell the label, in noise: (n, H, W, C) float32."""
        height, width, bands = self.image_shape
        rng = np.random.default_rng([SEED, int(rows[0])])
        y, x = np.mgrid[:height, :width]
        profile = np.exp(-((y - height / 2) ** 2 + (x - width / 2) ** 2) / (2 * (height / 8) ** 2)).astype(np.float32)
        flux = 1 + self.labels["label"][rows, None] * np.arange(1, bands + 1) / bands
        images = rng.standard_normal((len(rows), *self.image_shape), dtype=np.float32)
        images *= np.float32(0.1)
        images += profile[None, :, :, None] * flux[:, None, None, :].astype(np.float32)
        return images


def simulated(case: Case) -> runs.Data:
    """Return a case's objects, divided into the three parts."""
    judged = max(1, case.objects // 10)
    n = case.objects + 2 * judged
    rng = np.random.default_rng(SEED)
    names = np.array([f"object-{number}" for number in range(n)])
    column = columns.Column("", "benchmark")
    objects = Simulated(
        path=Path("simulated"),
        survey="benchmark",
        task="regression",
        mock=True,
        bands=tuple(f"band-{number}" for number in range(case.shape[-1])),
        image_shape=case.shape,
        ids=names,
        groups=names,
        labels={"label": rng.uniform(0.0, 1.0, n)},
        scalars={"redshift": rng.uniform(0.1, 0.9, n)},
        label="label",
        columns={"image": column, "label/label": column, "scalar/redshift": column},
        digest="",
        raw={},
        notes={},
    )
    train, valid, test = np.split(np.arange(n), [case.objects, case.objects + judged])
    return runs.Data(objects, splits.Split(train, valid, test, digest="", strategy={}), digests={})


def job_of(case: Case, given: argparse.Namespace, epochs: int) -> NetworkJob:
    """Return a case's training job."""
    block = {"backend": given.backend, "epochs": epochs, "batch_size": case.batch_size, "threads": given.threads}
    return NetworkJob(
        dataset="benchmark",
        model=case.model,
        loss=case.loss,
        library_model=case.model,
        library_loss=case.loss,
        label="label",
        inputs=case.inputs,
        training=Training(**block),
        code="benchmark",
    )


@dataclass
class Kept:
    """A checkpoint as a bake-off keeps it, which remembers when the training was over."""

    checkpoint: Checkpoint
    over: float = 0.0

    @property
    def path(self) -> Path | None:
        """Where the state is kept."""
        return self.checkpoint.path

    def load(self) -> State | None:
        """Return the state that was kept."""
        return self.checkpoint.load()

    def save(self, state: State) -> None:
        """Keep a state."""
        self.checkpoint.save(state)
        self.over = time.perf_counter()


class Utilisation:
    """Asks nvidia-smi, again and again while the block runs, how busy the GPU is; where there is none, nothing."""

    def __init__(self):
        self.samples: list[tuple[float, float]] = []  # time, per cent

    def __enter__(self) -> Utilisation:
        command = [*nvidia_smi("utilization.gpu"), f"--loop-ms={SAMPLING_MS}"]
        try:
            self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        except OSError:
            self._process = None
            return self
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        return self

    def _read(self) -> None:
        for line in self._process.stdout:
            if line.strip().isdigit():
                self.samples.append((time.perf_counter(), float(line)))

    def __exit__(self, *error: object) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._thread.join()

    def mean(self, first: float, last: float) -> float | None:
        """Return the mean between two times, in per cent; None if there was no look at it."""
        found = [value for when, value in self.samples if first <= when <= last]
        return float(np.mean(found)) if found else None


def nvidia_smi(fields: str) -> list[str]:
    """Return the command that asks the driver about this process's first GPU."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0] or "0"
    return ["nvidia-smi", f"--id={first}", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]


def graphics_card() -> dict[str, str]:
    """Return name, driver and compute capability as the driver tells them; empty where there is none."""
    names = ("name", "driver_version", "compute_cap")
    try:
        done = subprocess.run(nvidia_smi(",".join(names)), capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return dict(zip(names, (value.strip() for value in done.stdout.split("\n")[0].split(",")), strict=True))


def without_progress_bar() -> None:
    """Let a training do without tqdm where that is not installed; nothing else is replaced."""
    if importlib.util.find_spec("tqdm") is None:
        silent = SimpleNamespace(set_postfix=lambda **_: None, update=lambda: None, close=lambda: None)
        sys.modules["tqdm"] = SimpleNamespace(tqdm=lambda **_: silent)


def outputs_of(network: Path, part: feeding.Subset) -> np.ndarray:
    """Return what a saved network computes for a part: (n, width)."""
    import keras

    keras.utils.clear_session()
    model = keras.saving.load_model(network, compile=False)
    return np.asarray(model.predict(feeding.batches(part, 256), verbose=0))


def train_a_little(case: Case, given: argparse.Namespace, folder: Path) -> tuple[float, np.ndarray]:
    """Train a few steps from the seed; return the loss over them, and the outputs for a tenth as many objects."""
    case = replace(case, objects=given.steps * case.batch_size)
    job = job_of(case, given, epochs=1)
    prepared = prepare(simulated(case), job)
    result = fit.train(job, prepared, SEED)
    result.save(folder)
    return float(result.history[0]["loss"]), outputs_of(folder / "model.keras", prepared.parts["test"])


def measure(case: Case, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Train on the device that is asked for; leave in the folder what the CPU is compared by."""
    started = time.perf_counter()
    job = job_of(case, given, given.epochs)
    prepared = prepare(simulated(case), job)
    prepare_seconds = time.perf_counter() - started
    if given.way == "fit":
        fit.train_epochs = plain_fit.train_epochs
    kept = Kept(Checkpoint(folder / "seed-1.npz"))
    with Utilisation() as usage:
        result = fit.train(job, prepared, SEED, kept)
    timing = result.timing.as_dict()
    first, *others = timing["epoch_seconds"]
    epoch = float(np.median(others))
    (folder / "trained").mkdir()
    result.save(folder / "trained")
    trained = outputs_of(folder / "trained" / "model.keras", prepared.parts["test"])
    (folder / "steps").mkdir()
    loss, steps = train_a_little(case, given, folder / "steps")
    np.savez(folder / "outputs.npz", trained=trained, steps=steps, loss=loss)
    return {
        "model": case.model,
        "way": given.way,
        "loss": case.loss,
        "batch_size": case.batch_size,
        "objects": case.objects,
        "image_shape": list(case.shape),
        "epochs": given.epochs,
        "device": backend.hardware()["name"],
        "graphics_card": graphics_card() if given.device == "gpu" else {},
        "versions": provenance.versions(fit.PACKAGES[given.backend]),
        "prepare_seconds": prepare_seconds,
        "train_seconds": timing["train_seconds"],
        "first_epoch_seconds": first,
        "compile_seconds": first - epoch,
        "epoch_seconds_median": epoch,
        "epoch_seconds": timing["epoch_seconds"],
        "between_epochs_seconds": timing["train_seconds"] - sum(timing["epoch_seconds"]),
        "steps_per_second": math.ceil(case.objects / case.batch_size) / epoch,
        "predict_objects_per_second": timing["predict_objects_per_second"],
        "utilisation_percent": usage.mean(kept.over - sum(others), kept.over) if given.device == "gpu" else None,
        "peak_memory_mb": timing["peak_memory_mb"],
        "first_loss": result.history[0]["loss"],
        "last_loss": result.history[-1]["loss"],
    }


def compare(case: Case, given: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Compute on the CPU what the device has computed; return the differences."""
    with np.load(folder / "outputs.npz") as file:
        found = {name: file[name] for name in file.files}
    part = prepare(simulated(case), job_of(case, given, given.epochs)).parts["test"]
    trained = outputs_of(folder / "trained" / "model.keras", part)
    (folder / "again").mkdir()
    loss, steps = train_a_little(case, given, folder / "again")
    return {
        "prediction_difference": difference(found["trained"], trained),
        "steps": given.steps,
        "steps_difference": difference(found["steps"], steps),
        "steps_loss_relative_difference": abs(float(found["loss"]) - loss) / abs(loss),
    }


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over the standard deviation of what is expected; infinite if it is no number."""
    largest = float(np.abs(found - expected).max() / expected.std())
    return largest if math.isfinite(largest) else math.inf


def child(case: Case, given: argparse.Namespace) -> None:
    """Do one measurement in this process, and print it as the last line."""
    without_progress_bar()
    device = "cpu" if given.child == "compare" else given.device
    try:
        backend.start(given.backend, threads=given.threads, precision="float32", device=device)
    except backend.BackendError as error:
        sys.exit(f"{error}\nHint: --device cpu times the processor instead")
    print(json.dumps({"measure": measure, "compare": compare}[given.child](case, given, given.folder)))


def in_a_process(what: str, case: Case, way: str, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure or compare in a process of its own: a framework keeps its device and its threads.

    Raises:
        SystemExit: It failed; it has said why.
    """
    threads = given.threads if what == "measure" or given.device == "cpu" else os.cpu_count()
    words = ["--child", what, "--case", str(CASES.index(case)), "--folder", str(folder), "--threads", str(threads)]
    words += ["--ways", way, "--backend", given.backend, "--device", given.device, "--steps", str(given.steps)]
    words += ["--epochs", str(given.epochs), "--objects", str(given.objects or case.objects)]
    done = subprocess.run([sys.executable, __file__, *words], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{case.name}: no measurement, see above")
    return json.loads(done.stdout.splitlines()[-1])


def table(found: Sequence[dict[str, Any]]) -> str:
    """Return the measurements as a table for people."""
    head = (
        "model, batch",
        "way",
        "compile s",
        "epoch s",
        "steps/s",
        "40 epochs s",
        "GPU busy",
        "predictions",
        "after steps",
    )
    rows = [head]
    for case in found:
        total = case["train_seconds"] - case["compile_seconds"]
        about = "" if case["epochs"] == PUBLISHED_EPOCHS else "~"
        busy = case["utilisation_percent"]
        rows.append(
            (
                f"{case['model']}, {case['batch_size']}",
                case["way"],
                f"{case['compile_seconds']:.1f}",
                f"{case['epoch_seconds_median']:.3f}",
                f"{case['steps_per_second']:.0f}",
                f"{about}{total * PUBLISHED_EPOCHS / case['epochs']:.1f}",
                "-" if busy is None else f"{busy:.0f} %",
                f"{case['agreement']['prediction_difference']:.1e}",
                f"{case['agreement']['steps_difference']:.1e}",
            )
        )
    widths = [max(len(row[place]) for row in rows) for place in range(len(head))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backend", choices=("jax", "tensorflow"), default="jax")
    parser.add_argument("--device", choices=("gpu", "cpu"), default="gpu", help="with gpu it fails where none is seen")
    parser.add_argument("--models", nargs="+", choices=sorted({case.model for case in CASES}), help="default: all")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS, help="default: both")
    parser.add_argument("--epochs", type=int, help=f"of each training, at least 2 (default: {PUBLISHED_EPOCHS})")
    parser.add_argument("--objects", type=int, help="training objects, in place of each case's own")
    parser.add_argument("--steps", type=int, help="of the training that is done on the CPU too (default: 4)")
    parser.add_argument("--threads", type=int, default=1, help="of the framework on the processor")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_OBJECTS} objects, {QUICK_EPOCHS} epochs, 1 step")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    for name, kind in (("--child", str), ("--case", int), ("--folder", Path)):
        parser.add_argument(name, type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.epochs = given.epochs or (QUICK_EPOCHS if given.quick else PUBLISHED_EPOCHS)
    given.way = given.ways[0]
    given.steps = given.steps or (1 if given.quick else 4)
    given.objects = given.objects or (QUICK_OBJECTS if given.quick else None)
    if given.epochs < 2:
        parser.error("--epochs: at least 2, since the first one compiles")
    return given


def main() -> None:
    """Measure all cases, compare each with the CPU, print."""
    given = arguments()
    if given.child:
        child(replace(CASES[given.case], objects=given.objects), given)
        return
    found = []
    for case in CASES:
        if given.models and case.model not in given.models:
            continue
        for way in given.ways:
            with tempfile.TemporaryDirectory() as name:
                measured = in_a_process("measure", case, way, given, Path(name))
                measured["agreement"] = in_a_process("compare", case, way, given, Path(name))
            found.append(measured)
            print(f"{case.name}, {way}: {measured['train_seconds']:.1f} s", flush=True)
    card = found[0]["graphics_card"]
    print(f"\n{given.backend} on {found[0]['device']}; {found[0]['versions']}")
    if card:
        print(f"{card['name']}, driver {card['driver_version']}, compute capability {card['compute_cap']}")
    print(table(found))
    print("way: now, skybake's own loop; fit, Keras's, a batch at a time")
    print("40 epochs: without compilation; ~ where fewer or more were timed")
    print("predictions, steps: largest difference to the CPU, over the standard deviation of the outputs")
    for model, seconds in PUBLISHED_SECONDS.items():
        print(f"published, on another GPU: {model}, 32: {seconds} s for {PUBLISHED_EPOCHS} epochs")
    if given.json:
        write_json(given.json, {"backend": given.backend, "device": given.device, "cases": found})


if __name__ == "__main__":
    main()
