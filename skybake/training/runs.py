"""The files of a run, whether a network or a baseline made it; no framework is imported here.

A job trains in a working folder of its own, ``.work`` beside the seeds' folders, that no rule declares: what a seed has
finished there survives a job that fails or dies, and is taken up by the next one if nothing it depends on has changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import attempts
from skybake.data import splits
from skybake.data.dataset import Dataset, load_dataset
from skybake.files import file_digest
from skybake.inputs import InputError, Inputs
from skybake.results import predictions, run_folder
from skybake.results.predictions import Prediction
from skybake.training.checkpoints import Checkpoint
from skybake.training.job import Job


class TrainingFailed(RuntimeError):
    """One or more runs of a job failed; the others are kept.

    Attributes:
        reason: Why, in the words of :mod:`skybake.attempts`.
    """

    def __init__(self, failures: Mapping[int, tuple[str, str]]):
        super().__init__("; ".join(f"seed {seed}: {message}" for seed, (message, _) in failures.items()))
        self.reason = attempts.common_reason(reason for _, reason in failures.values())


class TrainingDiverged(RuntimeError):
    """The loss stopped being a number: the same seed does it again."""

    reason = attempts.PERMANENT


@dataclass(frozen=True)
class Data:
    """A dataset with its split, as a job uses it.

    Attributes:
        dataset, split: Opened.
        digests: SHA-256 of both files, and of the network that a training starts from, ``start_from``.
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

    def label_errors(self, name: str, part: str) -> np.ndarray:
        """Return the known one sigma errors (n,) of the labels of a part, NaN or -9999 where one is missing.

        Raises:
            ValueError: The dataset has none of this label.
        """
        column = self.dataset.columns[f"label/{name}"].known_error
        if not column:
            raise ValueError(
                f"{self.dataset.path}: label_errors of the loss: no known errors of {name} found. Hint: the reader's"
                " options: {label_error: <column>}, or leave label_errors out"
            )
        return self.dataset.scalars[column][self.rows[part]]

    def classes(self, label: str) -> tuple[str, ...]:
        """Return the names of the classes of a label; empty where it has none."""
        return self.dataset.columns[f"label/{label}"].classes

    def inputs(self, names: Sequence[str], derived: Mapping[str, str] | None = None) -> Inputs:
        """Return what is given beside the image: scalars of the dataset, and those that formulas make of them.

        Args:
            names: Of all, in their order.
            derived: Name -> formula.

        Raises:
            ValueError: The dataset has no such scalar.
        """
        found = Inputs(tuple(names), derived or {})
        try:
            found.check(self.dataset.scalars)
        except InputError as error:
            raise ValueError(f"{self.dataset.path}: {error}") from None
        return replace(found, kinds={name: self.dataset.columns[f"scalar/{name}"].kind for name in found.raw})

    def scalars(
        self, names: Sequence[str], part: str, derived: Mapping[str, str] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the :meth:`inputs` (n,) of a part by name, NaN where missing."""
        inputs = self.inputs(names, derived)
        return inputs.values({name: self.dataset.scalars[name][self.rows[part]] for name in inputs.raw})


@dataclass(frozen=True)
class Result:
    """What one training gives.

    Attributes:
        predictions: Of ``valid`` and ``test``, in units of the label; of labels beside the first by their
            :func:`skybake.results.predictions.group_of`.
        record: What goes to ``run.json`` beside the job's own facts.
        timing: What was measured.
        history: One row an epoch: ``epoch``, ``loss``, ``val_loss``; for classes ``accuracy`` and ``val_accuracy`` too.
        save: Writes further files into a folder, e.g. the network.
        goes_on: Whether more epochs may go on from its checkpoint.
    """

    predictions: Mapping[str, Prediction]
    record: Mapping[str, Any]
    timing: run_folder.Timing
    history: Sequence[Mapping[str, float]] = ()
    save: Callable[[Path], object] = lambda folder: None
    goes_on: bool = False


def parts_of(job: Job) -> tuple[str, ...]:
    """Return the parts of the dataset that a job may see."""
    return splits.PARTS if job.sees_test else tuple(part for part in splits.PARTS if part != "test")


def load(
    dataset: Path | str, split: Path | str, label: str, parts: tuple[str, ...] = splits.PARTS, fold: int | None = None
) -> Data:
    """Open a dataset and its split, or a fold of it; only ``parts`` of it will be seen.

    Raises:
        DatasetError, SplitError: A bad file, or a split of another dataset.
        ValueError: The dataset has no such label.
    """
    opened = load_dataset(dataset)
    if label not in opened.labels:
        raise ValueError(f"{dataset}: no label {label!r}, found {sorted(opened.labels)}")
    digests = {"dataset": file_digest(dataset), "split": file_digest(split)}
    return Data(opened, splits.load(split, opened, fold or 1), digests, parts)


def limited(data: Data, most: int | None) -> Data:
    """Return the same data with no more than so many training objects; fewer are some of more."""
    train = data.split.train
    if most is None or most >= len(train):
        return data
    drawn = np.random.default_rng(data.split.strategy["seed"]).permutation(len(train))[:most]
    return replace(data, split=replace(data.split, train=train[np.sort(drawn)]))


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
        train: Makes the result of one seed; what it keeps in the checkpoint is there again if it is interrupted, or
            if more epochs are asked for.
        files: Names of the files that a run has.
        versions: Of the packages that make the result.

    Raises:
        TrainingFailed: Naming the seeds that failed and why, after all others are done.
    """
    failures = {}
    for seed in seeds:
        folder, mark = work / f"seed-{seed}", fingerprint(job, data, seed, versions)
        if run_folder.is_whole(folder, mark, files):
            print(f"seed {seed}: done already", flush=True)
            continue
        checkpoint = Checkpoint(work / f"seed-{seed}.npz", fingerprint(job, data, seed, versions, epochs=False))
        try:
            result = train(seed, checkpoint)
            _write(folder, job, data, seed, mark, result)
            checkpoint.finish(goes_on=result.goes_on)
        except Exception as error:  # one seed's death is no reason to lose the others
            traceback.print_exc()
            failures[seed] = f"{type(error).__name__}: {error}", attempts.reason(error)
    if failures:
        raise TrainingFailed(failures)
    for seed, folder in seeds.items():
        for name in files:
            _link(work / f"seed-{seed}" / name, folder / name)


def fingerprint(job: Job, data: Data, seed: int, versions: Mapping[str, str], *, epochs: bool = True) -> str:
    """Return a digest of all that a run's result depends on, the machine excepted; the number of epochs if asked to."""
    told = job.model_dump(mode="json", exclude=None if epochs else {"training": {"epochs"}, "point": True})
    facts = {**told, "seed": seed, "digests": dict(data.digests), "versions": dict(versions)}
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _write(folder: Path, job: Job, data: Data, seed: int, mark: str, result: Result) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    result.save(folder)
    column = data.dataset.columns[f"label/{job.label}"]
    parts = {
        group: (data.rows[predictions.part_of(group)], prediction) for group, prediction in result.predictions.items()
    }
    facts = {
        **job.facts(),
        "seed": seed,
        "task": data.dataset.task,
        "units": column.units,
        "label_error": column.known_error if job.label_errors else "",
        "classes": data.classes(job.label),
        "bands": data.dataset.bands,
        "mock": data.dataset.mock,
        "split": dict(data.split.strategy),
        **{f"n_{part}": len(rows) for part, rows in data.rows.items()},
        **result.record,
        "digests": {**data.digests, "code": job.code},
        "fingerprint": mark,
    }
    record = run_folder.Record(**facts)
    run_folder.write(folder, record, result.timing, result.history, parts, data.dataset.digest)


def _link(source: Path, target: Path) -> None:
    """Give a finished file its declared name too; a second link costs no space."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)
    os.utime(target)  # newer than the inputs, or Snakemake would run the job again


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
