"""The files of a run, whether a network or a baseline made it; no framework is imported here.

A job trains in a working folder of its own, ``.work`` beside the seeds' folders, that no rule declares: what a seed has
finished there survives a job that fails or dies, and is taken up by the next one if nothing it depends on has changed.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import resource
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake import attempts
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.files import atomic_write, file_digest
from skybake.results import predictions
from skybake.results.predictions import Predicted, Prediction
from skybake.training.checkpoints import Checkpoint

TIMING = "timing.json"  # never in a digest: no two runs take the same time


class TrainingFailed(RuntimeError):
    """One or more runs of a job failed; the others are kept.

    Attributes:
        reason: Why, in the words of :mod:`skybake.attempts`.
    """

    def __init__(self, failures: Mapping[int, tuple[str, str]]):
        super().__init__("; ".join(f"seed {seed}: {message}" for seed, (message, _) in failures.items()))
        self.reason = attempts.common_reason(reason for _, reason in failures.values())


@dataclass(frozen=True)
class Job:
    """A (dataset, model, loss) to run with some seeds.

    Attributes:
        dataset, model, loss: Names, as in the results tree.
        part: Name of the model or baseline in the library.
        parameters: Of the model or baseline.
        loss_part, loss_parameters: Likewise for the loss; empty for a baseline.
        label: Name of the label.
        inputs: Names of the scalars given beside the image.
        training: The config's training block; empty for a baseline.
        code: Digest of the library files that make the result.
        point: Name of the point of a sweep; empty where nothing is swept.
        tested: False for a point that has not been chosen: of the test part it neither reads nor writes anything.
    """

    dataset: str
    model: str
    loss: str
    part: str
    parameters: Mapping[str, Any]
    loss_part: str
    loss_parameters: Mapping[str, Any]
    label: str
    inputs: Sequence[str]
    training: Mapping[str, Any]
    code: str
    point: str = ""
    tested: bool = True

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts of the dataset that the job may see."""
        return splits.PARTS if self.tested else tuple(part for part in splits.PARTS if part != "test")


@dataclass(frozen=True)
class Data:
    """A dataset with its split, as a job uses it.

    Attributes:
        dataset, split: Opened.
        digests: SHA-256 of both files.
        parts: Those that the job may see.
    """

    dataset: Dataset
    split: splits.Split
    digests: Mapping[str, str]
    parts: tuple[str, ...] = splits.PARTS

    @property
    def rows(self) -> dict[str, np.ndarray]:
        """Row numbers by part."""
        return {part: getattr(self.split, part) for part in self.parts}

    def label(self, name: str, part: str) -> np.ndarray:
        """Return the labels (n,) of a part."""
        return self.dataset.labels[name][self.rows[part]]

    def classes(self, label: str) -> tuple[str, ...]:
        """Return the names of the classes of a label; empty where it has none."""
        return self.dataset.columns[f"label/{label}"].classes

    def scalars(self, names: Sequence[str], part: str) -> dict[str, np.ndarray]:
        """Return scalars (n,) of a part by name.

        Raises:
            ValueError: The dataset has no such scalar.
        """
        for name in names:
            if name not in self.dataset.scalars:
                raise ValueError(
                    f"{self.dataset.path}: no scalar {name!r}, found {sorted(self.dataset.scalars)}."
                    " Hint: see the dataset's inputs in the config"
                )
        return {name: self.dataset.scalars[name][self.rows[part]] for name in names}


@dataclass(frozen=True)
class Result:
    """What one training gives.

    Attributes:
        predictions: Of ``valid`` and ``test``, in units of the label.
        record: What goes to ``run.json`` beside the job's own facts.
        timing: What goes to ``timing.json``.
        history: One row an epoch: ``epoch``, ``loss``, ``val_loss``; for classes ``accuracy`` and ``val_accuracy`` too.
        save: Writes further files into a folder, e.g. the network.
    """

    predictions: Mapping[str, Prediction]
    record: Mapping[str, Any]
    timing: Mapping[str, Any]
    history: Sequence[Mapping[str, float]] = ()
    save: Callable[[Path], object] = lambda folder: None


def load(dataset: Path | str, split: Path | str, label: str, parts: tuple[str, ...] = splits.PARTS) -> Data:
    """Open a dataset and its split; only ``parts`` of it will be seen.

    Raises:
        DatasetError, SplitError: A bad file, or a split of another dataset.
        ValueError: The dataset has no such label.
    """
    opened = load_dataset(dataset)
    if label not in opened.labels:
        raise ValueError(f"{dataset}: no label {label!r}, found {sorted(opened.labels)}")
    digests = {"dataset": file_digest(dataset), "split": file_digest(split)}
    return Data(opened, splits.load(split, opened), digests, parts)


def run(
    job: Job,
    data: Data,
    seeds: Mapping[int, Path],
    work: Path,
    train: Callable[[int, Checkpoint], Result],
    files: Sequence[str],
    versions: Mapping[str, str],
) -> None:
    """Run a job for all its seeds, skipping those that are done, and put their files where the rule expects them.

    Args:
        job: What is run.
        data: On what.
        seeds: Seed -> folder of the run.
        work: Folder that survives a failed job.
        train: Makes the result of one seed; what it keeps in the checkpoint is there again if it is interrupted.
        files: Names of the files that a run has.
        versions: Of the packages that make the result.

    Raises:
        TrainingFailed: Naming the seeds that failed and why, after all others are done.
    """
    failures = {}
    for seed in seeds:
        folder, mark = work / f"seed-{seed}", fingerprint(job, data, seed, versions)
        if _done(folder, mark, files):
            print(f"seed {seed}: done already", flush=True)
            continue
        checkpoint = Checkpoint(work / f"seed-{seed}.npz", mark)
        try:
            _write(folder, job, data, seed, mark, train(seed, checkpoint))
            checkpoint.drop()
        except Exception as error:  # one seed's death is no reason to lose the others
            traceback.print_exc()
            failures[seed] = f"{type(error).__name__}: {error}", attempts.reason(error)
    if failures:
        raise TrainingFailed(failures)
    for seed, folder in seeds.items():
        for name in files:
            _link(work / f"seed-{seed}" / name, folder / name)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], list[dict[str, float]]]:
    """Return what ``run.json``, ``timing.json`` and ``history.csv`` of a run say."""
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    timing = json.loads((folder / TIMING).read_text(encoding="utf-8"))
    with (folder / "history.csv").open(newline="", encoding="utf-8") as stream:
        history = [
            {name: int(text) if name == "epoch" else float(text) for name, text in row.items()}
            for row in csv.DictReader(stream)
        ]
    return record, timing, history


def fingerprint(job: Job, data: Data, seed: int, versions: Mapping[str, str]) -> str:
    """Return a digest of all that a run's result depends on, the machine excepted."""
    facts = {**asdict(job), "seed": seed, "digests": dict(data.digests), "versions": dict(versions)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _done(folder: Path, mark: str, files: Sequence[str]) -> bool:
    """Tell whether a run is whole, undamaged, and that of the mark."""
    try:
        record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        if record["fingerprint"] != mark:
            return False
        json.loads((folder / TIMING).read_text(encoding="utf-8"))
        results = [name for name in files if name not in (TIMING, "run.json")]
        return all(record["files"].get(name) == file_digest(folder / name) for name in results)
    except (OSError, ValueError, KeyError):  # missing, cut short, or not what a run writes
        return False


def _write(folder: Path, job: Job, data: Data, seed: int, mark: str, result: Result) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result.save(folder)
    with atomic_write(folder / "history.csv") as path, path.open("w", newline="", encoding="utf-8") as stream:
        names = list(result.history[0]) if result.history else ["epoch", "loss", "val_loss"]
        table = csv.DictWriter(stream, names, lineterminator="\n")
        table.writeheader()
        table.writerows(result.history)
    column = data.dataset.columns[f"label/{job.label}"]
    together = splits.kept_together(data.dataset, data.split.strategy)
    predictions.write(
        folder / "predictions.h5",
        {
            part: Predicted(
                ids=data.dataset.ids[data.rows[part]],
                label=data.label(job.label, part),
                prediction=prediction,
                scalars={name: values[data.rows[part]] for name, values in data.dataset.scalars.items()},
                name=job.label,
                column=column,
                columns={name: data.dataset.columns[f"scalar/{name}"] for name in data.dataset.scalars},
                groups=together[data.rows[part]],
            )
            for part, prediction in result.predictions.items()
        },
    )
    write_json(folder / TIMING, result.timing)
    record = {
        "dataset": job.dataset,
        "model": job.model,
        "model_parameters": dict(job.parameters),
        "loss": job.loss,
        "loss_parameters": dict(job.loss_parameters),
        "seed": seed,
        "task": data.dataset.task,
        "label": job.label,
        "units": column.units,
        **({"classes": list(data.classes(job.label))} if data.classes(job.label) else {}),
        "mock": data.dataset.mock,
        "inputs": list(job.inputs),
        "training": dict(job.training),
        "split": dict(data.split.strategy),
        **({"point": job.point} if job.point else {}),
        **{f"n_{part}": len(rows) for part, rows in data.rows.items()},
        **result.record,
        "digests": {**data.digests, "code": job.code},
        "fingerprint": mark,
        "files": {path.name: file_digest(path) for path in sorted(folder.iterdir()) if path.name != TIMING},
    }
    write_json(folder / "run.json", record)  # last: its presence says that the run is whole


def _link(source: Path, target: Path) -> None:
    """Give a finished file its declared name too; a second link costs no space."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
    os.utime(target)  # newer than the inputs, or Snakemake would run the job again


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs: sorted, indented, whole or not at all."""
    with atomic_write(path) as beside:
        beside.write_text(json.dumps(values, indent=2, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")


def peak_memory_mb() -> float:
    """Return the largest memory that this process has held so far, in MB."""
    try:  # getrusage would also count what the parent held before the fork
        held = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    except OSError:
        held = None
    if held is not None:
        return int(held[1]) * 1024 / 1e6
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
