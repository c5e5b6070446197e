"""The common pass: from what a reader yields to the dataset and its rejected rows."""

from __future__ import annotations

import difflib
import hashlib
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np

from skybake.data.columns import CHUNK_OBJECTS, DatasetError, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import create_dataset
from skybake.files import file_digest
from skybake.raw import Batch, Reading
from skybake.settings import Settings

log = logging.getLogger(__name__)


def ingest(
    reader: ModuleType,
    raw: Mapping[str, Path],
    out: Path,
    rejected: Path,
    options: Settings,
    *,
    mock: bool,
    threads: int = 1,
    expected: Iterable[str] = (),
    asked_by: str = "inputs",
) -> None:
    """Write the dataset of the raw objects, and what was left out.

    Args:
        reader: A module of :mod:`skybake.raw`.
        raw: Name -> path of the raw files, as the reader's ``RAW`` has them.
        out: The dataset to write.
        rejected: The CSV of rejected rows to write.
        options: The reader's.
        mock: Whether the files are simulated.
        threads: Number of processes that may read; the dataset is the same for any number.
        expected: Scalars that the dataset must have: asked before anything is read, as cutting images may take days.
        asked_by: Key of the config that asks for them.

    Raises:
        RawError: The files cannot be read or do not belong together.
        DatasetError: An expected scalar is missing; or no object was accepted, and ``rejected`` is written all the
            same; or a row is neither accepted nor rejected, or both.
    """
    survey = reader.__name__.rpartition(".")[2]
    reading: Reading = reader.read(raw, options, threads)
    _check_expected(reading.schema, expected, asked_by)
    schema = replace(reading.schema, survey=survey, task=reader.TASK, mock=mock, raw=_file_digests(raw, reading))
    times = np.zeros(reading.rows, dtype=int)  # that a row is in the dataset, or rejected
    rejections: list[Rejection] = []
    digests: dict[str, dict[str, str]] = {name: dict(files) for name, files in reading.digests.items()}
    counts: Counter[str] = Counter()
    with create_dataset(out, schema) as writer:
        for batch in _chunks(_seen(reading, survey, rejections, digests, counts)):
            np.add.at(times, batch.rows, 1)
            writer.append(image=batch.image, id=batch.id, group=batch.group, labels=batch.labels, scalars=batch.scalars)
        np.add.at(times, [rejection.row for rejection in rejections], 1)
        _check_all_rows(survey, times)
        write_rejected(rejected, rejections)
        writer.raw |= {f"{folder}/": _folder_digest(files) for folder, files in digests.items()}
        writer.notes |= counts
    log.info("%d objects accepted, %d rejected", len(times) - len(rejections), len(rejections))


def _seen(
    reading: Reading,
    survey: str,
    rejections: list[Rejection],
    digests: dict[str, dict[str, str]],
    counts: Counter[str],
) -> Iterator[Batch]:
    """Yield the objects that can be used, show progress, and collect what else the batches say."""
    from tqdm import tqdm

    rejections += reading.rejections
    with tqdm(total=reading.rows, desc=f"ingest {survey}", unit="object", delay=3) as progress:
        progress.update(len(rejections))
        for batch in reading.batches:
            rejections += batch.rejections
            counts.update(batch.counts)
            for folder, files in batch.digests.items():
                digests.setdefault(folder, {}).update(files)
            progress.update(len(batch) + len(batch.rejections))
            bad = _bad_pixels(batch.image)
            if bad.any():
                rejections += [
                    Rejection(int(batch.rows[k]), batch.id[int(k)], "image not finite", f"{bad[k]} pixels")
                    for k in np.flatnonzero(bad)
                ]
                batch = batch.part(bad == 0)
            yield batch


def _bad_pixels(image: np.ndarray) -> np.ndarray:
    """Return how many pixels of each image (n,) are not finite as float32."""
    if image.dtype.kind != "f":
        return np.zeros(len(image), dtype=int)
    with np.errstate(over="ignore"):
        finite = np.isfinite(image.astype(np.float32, copy=False))
    return np.count_nonzero(~finite, axis=(1, 2, 3))


def _chunks(batches: Iterable[Batch]) -> Iterator[Batch]:
    """Join batches until there is a chunk's worth of objects: appending one by one would compress chunks again."""
    waiting: list[Batch] = []
    for batch in batches:
        if len(batch):
            waiting.append(batch)
        if sum(map(len, waiting)) >= CHUNK_OBJECTS:
            yield _joined(waiting)
            waiting = []
    if waiting:
        yield _joined(waiting)


def _joined(batches: Sequence[Batch]) -> Batch:
    if len(batches) == 1:
        return batches[0]
    return Batch(
        np.concatenate([batch.rows for batch in batches]),
        np.concatenate([batch.image for batch in batches]),
        [name for batch in batches for name in batch.id],
        [name for batch in batches for name in batch.group],
        _joined_columns([batch.labels for batch in batches]),
        _joined_columns([batch.scalars for batch in batches]),
    )


def _joined_columns(columns: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([values[name] for values in columns]) for name in columns[0]}


def _check_expected(schema: Schema, expected: Iterable[str], asked_by: str) -> None:
    for name in expected:
        if name not in schema.scalars:
            near = difflib.get_close_matches(name, schema.scalars, n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise DatasetError(
                f"{asked_by}: no scalar {name!r}; the raw files give {', '.join(sorted(schema.scalars)) or 'none'}."
                f"{hint}"
            )


def _check_all_rows(survey: str, times: np.ndarray) -> None:
    wrong = np.flatnonzero(times != 1)
    if len(wrong):
        raise DatasetError(
            f"survey {survey}: row {wrong[0]} is {times[wrong[0]]} times in the dataset or among the rejected rows,"
            f" expected once, as each of {len(times)} rows. Please report this: it is a fault of the reader"
        )


def _file_digests(raw: Mapping[str, Path], reading: Reading) -> dict[str, str]:
    files = reading.files
    if files is None:
        paths = {key: Path(path) for key, path in raw.items() if not Path(path).is_dir()}
        distinct = len({path.name for path in paths.values()}) == len(paths)
        files = {path.name if distinct else f"{key}/{path.name}": path for key, path in paths.items()}
    return {name: file_digest(path) for name, path in files.items()}


def _folder_digest(files: Mapping[str, str]) -> str:
    """Return one SHA-256 for the files of a folder: of their digests and names, a line each, sorted by name."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
