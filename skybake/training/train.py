"""Jobs of networks: trained with every seed, or, where a sweep has chosen them, tested."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from skybake import heads, provenance
from skybake.data.dataset import Dataset
from skybake.files import file_digest, read_json, write_json
from skybake.heads._together import Together
from skybake.results import folders, run_folder
from skybake.results.run_folder import MODEL, PREDICTOR, RECORD
from skybake.training import backend, runs
from skybake.training.architecture import save_architecture
from skybake.training.fit import PACKAGES, predict_parts, train
from skybake.training.job import NetworkJob
from skybake.training.predictor import build_predictor
from skybake.training.prepared import Prepared, prepare
from skybake.training.runs import Result
from skybake.training.saving import save
from skybake.training.settings import Training
from skybake.training.starting import check_start, read_start


def train_job(
    dataset: Path,
    split: Path,
    job: NetworkJob,
    seeds: Mapping[int, Path],
    work: Path,
    files: Sequence[str],
    asked_gpu: str = "",
    start: Path | None = None,
) -> None:
    """Train a network with every seed of a job, in this process.

    Args:
        dataset, split: Files.
        job: What to train.
        seeds: Seed -> folder of the run.
        work: Folder that survives a failed job.
        files: Names of the files that a run has.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.
        start: The network that the job starts from; None for random weights.

    Raises:
        BackendError: There is no GPU where there should be one.
        ValueError: The network that it starts from cannot be read, or does not suit the dataset.
        TrainingFailed: A seed failed; the others are kept.
    """
    training = job.training
    _start(training, asked_gpu)
    data = _load(dataset, split, job)
    begun = None
    if start is not None:
        data = _with_start(data, file_digest(start))
        begun = read_start(start)
        check_start(begun, job, data)
    prepared = prepare(data, job)
    versions = provenance.versions(PACKAGES[training.backend])
    runs.run(
        job,
        data,
        seeds,
        work,
        lambda seed, checkpoint: train(job, prepared, seed, checkpoint, begun),
        files,
        versions,
    )


def _load(dataset: Path, split: Path, job: NetworkJob) -> runs.Data:
    data = runs.load(dataset, split, job.label, runs.parts_of(job), job.fold)
    return runs.limited(data, job.training.max_train_objects)


def _with_start(data: runs.Data, digest: str) -> runs.Data:
    """Return what a job is trained on with the network that it starts from: another one is another training."""
    return replace(data, digests={**data.digests, "start_from": digest})


def _start(training: Training, asked_gpu: str) -> None:
    backend.start(
        training.backend,
        threads=training.threads,
        precision=training.precision,
        device=training.device,
        asked_gpu=asked_gpu,
    )


def train_point(
    dataset: Path,
    split: Path,
    job: NetworkJob,
    seeds: Mapping[int, Path],
    work: Path,
    *,
    trial: str,
    survivors: Path | None,
    before: Iterable[str],
    **more: Any,
) -> None:
    """Train a point of a sweep, unless its trial was left out on the rung before; arguments as :func:`train_job`.

    Args:
        dataset, split, job, seeds, work: As there.
        trial: Of successive halving; empty elsewhere.
        survivors: The file that says which trials go on; None on the first rung, and where there are no rungs.
        before: Files of the runs on the rung before; none there.
        **more: As there.
    """
    if survivors is not None and trial not in read_json(survivors)["goes_on"]:
        leave_out(folders.of_seeds(before), seeds)
    else:
        train_job(dataset, split, job, seeds, work, **more)


def leave_out(before: Mapping[int, Path], seeds: Mapping[int, Path]) -> None:
    """Write the runs of a trial that does not go on: those of the rung before, marked as left out.

    Args:
        before: Seed -> folder of the run on the rung before.
        seeds: Seed -> folder to write.
    """
    print("not continued: it is not in the best third of the trials", flush=True)
    for seed, folder in seeds.items():
        shutil.copytree(before[seed], folder, dirs_exist_ok=True)
        record = run_folder.read_record(before[seed])
        said = record.left_out or f"not continued after {record.epochs} epochs"
        write_json(folder / RECORD, {**read_json(folder / RECORD), "left_out": said})


def test_chosen(
    dataset: Path,
    split: Path,
    job: NetworkJob,
    trained: Mapping[int, Path],
    seeds: Mapping[int, Path],
    work: Path,
    files: Sequence[str],
    asked_gpu: str,
) -> None:
    """Let the networks of the chosen point of a sweep predict the test part, which no point has seen before.

    Args:
        dataset, split: Files.
        job: The point's job, tested.
        trained: Seed -> folder of the point's run.
        seeds: Seed -> folder of the run that stands in the comparison.
        work: Folder that survives a failed job.
        files: Names of the files that a run has.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    Raises:
        BackendError: There is no GPU where there should be one.
        TrainingFailed: A network could not be loaded, or predicts other than it did when it was trained.
    """
    training = job.training
    _start(training, asked_gpu)
    data = _load(dataset, split, job)
    started = run_folder.read_record(next(iter(trained.values()))).digests.get("start_from")
    data = _with_start(data, started) if started else data
    prepared = prepare(data, job)
    runs.run(
        job,
        data,
        seeds,
        work,
        lambda seed, _: _tested(prepared, data.dataset, trained[seed]),
        files,
        provenance.versions(PACKAGES[training.backend]),
    )


def _tested(prepared: Prepared, dataset: Dataset, folder: Path) -> Result:
    import keras

    keras.utils.clear_session()
    model = keras.saving.load_model(folder / MODEL, compile=False)
    record = run_folder.read_record(folder)
    head = Together((heads.of_dict(record.fitted_head),))  # a sweep is of one label
    predictor = build_predictor(model, prepared, head)
    predicted, objects_per_second = predict_parts(prepared, model, head)
    known = run_folder.read_predictions(folder, "valid", dataset).prediction
    if not np.allclose(known.point, predicted["valid"].point, rtol=1e-4, atol=1e-6):  # another machine's last digits
        raise ValueError(
            f"{folder / MODEL}: it does not predict what it did when it was trained. Hint: delete its folder"
        )
    return Result(
        predictions=predicted,
        record=record.as_dict(),
        timing=replace(run_folder.read_timing(folder), predict_objects_per_second=objects_per_second),
        history=run_folder.read_history(folder),
        save=lambda target: _save(folder, target, model, predictor),
    )


def _save(trained: Path, target: Path, model, predictor) -> None:
    shutil.copyfile(trained / MODEL, target / MODEL)
    save_architecture(model, target)
    save(predictor, target / PREDICTOR)
