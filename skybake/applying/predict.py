"""Lets a trained network predict new objects, in batches: the survey is never in memory as a whole.

While a network computes, the next images are read. Every batch has the same size, and all batches begin at the same
rows however many jobs share them: the numbers are the same bytes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from skybake.applying import familiarity, flags, network, parts
from skybake.applying import sample as samples
from skybake.applying.network import Network
from skybake.applying.parts import Applied
from skybake.applying.sample import Sample
from skybake.data import splits
from skybake.data.dataset import Dataset, Reader, load_dataset
from skybake.inputs import Inputs
from skybake.missing import present
from skybake.results import ensembles, run_folder
from skybake.results.predictions import Prediction
from skybake.training import backend

BLOCK_MB = 32.0  # images that are read at once
SAMPLE_MB = 500.0  # images of a part that new objects are compared with, at most


def load_networks(runs: Mapping[int, Path], asked_gpu: str = "") -> dict[int, Network]:
    """Start the framework that trained the runs of one row, and load their networks: seed -> network."""
    training = run_folder.read_record(next(iter(runs.values()))).training
    backend.start(
        training["backend"],
        threads=training["threads"],
        precision="float32",  # the networks keep their own
        device=training["device"],
        asked_gpu=asked_gpu,
    )
    return {seed: network.load(folder) for seed, folder in sorted(runs.items())}


def compare_with(dataset: Path, split: Path, runs: Mapping[int, Path], out: Path, *, asked_gpu: str = "") -> None:
    """Write what new objects are compared with.

    Args:
        dataset, split: Files that the networks were trained with.
        runs: Seed -> folder of the run; the features are those of the first.
        out: ``sample.h5`` to write.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.
    """
    first = min(runs)
    found = load_networks({first: runs[first]}, asked_gpu)[first]
    batch_size = int(found.record.training["batch_size"])  # whatever asks for new objects, the sample is the same
    opened = load_dataset(dataset)
    parts_of = splits.load(split, opened)
    most = min(familiarity.REFERENCES, max(batch_size, int(SAMPLE_MB / _megabytes(opened))))
    features, images = {}, {}
    for part in ("train", "valid"):  # never the test part
        rows = familiarity.enough(getattr(parts_of, part), most)
        images[part] = opened.images(rows)
        features[part] = _features(found, opened, rows, images[part], batch_size)
    strategy = parts_of.strategy
    whole = splits.keeps_groups_whole(strategy["strategy"])
    groups = splits.kept_together(opened, strategy)[familiarity.enough(parts_of.valid, most)] if whole else None
    fitted = familiarity.fit(features["train"], images["train"], features["valid"], images["valid"], groups)
    known = {name: values[parts_of.train] for name, values in opened.scalars.items()}
    samples.write(out, Sample(samples.ranges(known, found.scalars), first, fitted.arrays()))


def _megabytes(dataset: Dataset) -> float:
    return 4e-6 * math.prod(dataset.image_shape)


def _features(found: Network, dataset: Dataset, rows: np.ndarray, images: np.ndarray, batch_size: int) -> np.ndarray:
    """Return the features (n, F) of some rows, whose images are at hand."""
    made = []
    for first in range(0, len(rows), batch_size):
        here = slice(first, first + batch_size)
        scalars = {name: values[rows[here]] for name, values in dataset.scalars.items()}
        made.append(found.outputs(*whole_batch(images[here], scalars, batch_size))[1])
    return np.concatenate(made)[: len(rows)]


def predict(
    dataset: Path,
    runs: Mapping[int, Path],
    sample: Path,
    out: Path,
    *,
    part: int,
    jobs: int,
    batch_size: int,
    false_alarms: float,
    asked_by: str,
    asked_gpu: str = "",
) -> None:
    """Predict one of several equal parts of a dataset.

    Args:
        dataset: The new objects.
        runs: Seed -> folder of the run, of one row.
        sample: What they are compared with.
        out: File to write, see :mod:`skybake.applying.parts`.
        part, jobs: Which part, counted from 0, and of how many.
        batch_size: Objects a batch.
        false_alarms: Fraction of objects like those of the training that may be flagged ``unfamiliar``.
        asked_by: Key of the config that asks for it.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    Raises:
        ApplyError: The dataset is not one that the networks can be applied to.
    """
    opened, remembered = load_dataset(dataset), samples.read(sample)
    networks = load_networks(runs, asked_gpu)
    network.check(next(iter(networks.values())), opened, asked_by)
    rows = rows_of(len(opened), part, jobs, batch_size)
    with parts.writing(out) as append:
        for applied in applied_blocks(opened, networks, remembered, rows, batch_size, false_alarms):
            append(applied)


def rows_of(n: int, part: int, jobs: int, batch_size: int) -> range:
    """Return the rows of a part: whole batches, but for the last of the dataset."""
    batches = math.ceil(n / batch_size)
    first, last = (number * batches // jobs for number in (part, part + 1))
    return range(first * batch_size, min(last * batch_size, n))


def applied_blocks(
    dataset: Dataset,
    networks: Mapping[int, Network],
    sample: Sample,
    rows: range,
    batch_size: int,
    false_alarms: float,
) -> Iterator[Applied]:
    """Yield some rows of a dataset with what is predicted for them, block by block."""
    known = familiarity.of_arrays(sample.familiarity)
    threshold = known.threshold(false_alarms)
    columns = {name: dataset.columns[f"scalar/{name}"] for name in dataset.scalars}
    record = networks[sample.seed].record
    inputs = Inputs(tuple(record.inputs), record.derived, {name: column.kind for name, column in columns.items()})
    for block, images in read_ahead(dataset, rows, batch_size):
        scalars = {name: values[block] for name, values in dataset.scalars.items()}
        outputs: dict[int, list[np.ndarray]] = {seed: [] for seed in networks}
        distances = []
        for first in range(0, len(block), batch_size):
            here = slice(first, first + batch_size)
            beside = {name: values[here] for name, values in scalars.items()}
            batch, beside = whole_batch(images[here], beside, batch_size)
            for seed, member in networks.items():
                found, features = member.outputs(batch, beside)
                outputs[seed].append(found)
                if seed == sample.seed:
                    distances.append(known.distance(features, batch))
        each = [member.prediction(np.concatenate(outputs[seed])[: len(block)]) for seed, member in networks.items()]
        together = ensembles.mean(each) if len(each) > 1 else each[0]
        distance = np.concatenate(distances)[: len(block)]
        yield Applied(
            ids=dataset.ids[block],
            groups=dataset.groups[block],
            row=block,
            label=_known(dataset.labels[dataset.label][block]),
            scalars=scalars,
            prediction=together,
            spread=spread(each, together),
            distance=distance,
            familiarity=known.percentile(distance),
            flags=flags.raised(
                together, scalars, columns, sample.ranges, distance > threshold, inputs.values(scalars).values()
            ),
            name=record.label,
            column=replace(dataset.columns[f"label/{dataset.label}"], units=record.units),
            columns=columns,
        )


def _known(label: np.ndarray) -> np.ndarray:
    return np.where(present(label), label, np.nan)


def read_ahead(dataset: Dataset, rows: range, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows (n,) and images (n, H, W, C), whole batches at once, while the next ones are read."""
    objects = batch_size * max(1, int(min(BLOCK_MB / _megabytes(dataset), parts.BLOCK) / batch_size))
    blocks = [np.arange(first, min(first + objects, rows.stop)) for first in range(rows.start, rows.stop, objects)]
    with Reader(dataset) as reader, ThreadPoolExecutor(1) as thread:
        waiting = [thread.submit(reader.images, block) for block in blocks[:1]]
        for number, block in enumerate(blocks):
            images = waiting.pop().result()
            waiting += [thread.submit(reader.images, following) for following in blocks[number + 1 : number + 2]]
            yield block, images


def whole_batch(
    images: np.ndarray, scalars: Mapping[str, np.ndarray], batch_size: int
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return images and scalars of a whole batch, in which the last object stands again as often as needed."""
    places = np.minimum(np.arange(batch_size), len(images) - 1)
    if len(images) < batch_size:
        images = images[places]
    return images, {name: values[places] for name, values in scalars.items()}


def spread(each: Sequence[Prediction], together: Prediction) -> np.ndarray:
    """Return the standard deviation (n,) over seeds of points; of classes, of the probability of the predicted one."""
    if len(each) < 2:
        return np.full(len(together), np.nan)
    if together.classes is None:
        return np.std([one.point for one in each], axis=0, ddof=1)
    predicted = together.point.astype(np.int64)[:, None]
    values = [np.take_along_axis(one.class_probabilities, predicted, axis=1)[:, 0] for one in each]
    return np.std(values, axis=0, ddof=1)
