"""The common pass: from what a reader yields to the dataset and its rejected rows."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np

from skybake.data import likeness
from skybake.data.columns import CHUNK_OBJECTS, DatasetError, Schema
from skybake.data.dataset import Dataset, load_dataset
from skybake.data.rejections import LABELLED, Rejection, write_rejected
from skybake.data.writer import create_dataset
from skybake.files import file_digest
from skybake.inputs import NO_INPUTS, InputError, Inputs
from skybake.missing import LARGEST, listed, present
from skybake.raw import Batch, RawError, Reading, acceptance, flagging, selecting
from skybake.raw.options import CommonOptions
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
    expected: Inputs = NO_INPUTS,
    asked_by: str = "",
    kept: Path | None = None,
    like: Path | None = None,
    applied_by: str = "",
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
        expected: What is given beside the image, whose scalars the dataset must have: asked before anything is read,
            as cutting images may take days.
        asked_by: Key of the dataset in the config.
        kept: Where the rejected rows of a failed ingest are written too: Snakemake deletes the output of a failed job.
        like: Dataset that a network was trained on which shall be applied to this one; None for none.
        applied_by: Key of the config that asks for that.

    Raises:
        RawError: The files cannot be read or do not belong together.
        DatasetError: An expected scalar is missing; images are other than those of ``like``; or no object was accepted,
            or one reason rejects more than the option ``most_rejected``, or all labels are equal, and the rejected rows
            are written all the same; or a row is neither accepted nor rejected, or both.
    """
    write = partial(_write, reader, raw, out, rejected, options, mock=mock, threads=threads, expected=expected)
    check = partial(_check_like, None if like is None else load_dataset(like), out, applied_by)
    try:
        write({}, asked_by=asked_by, kept=kept, check=check)
    except _Refused as error:  # what was written before they were seen is written anew
        refused = error.rows
        try:
            write(refused, asked_by=asked_by, kept=kept, check=check)
        except _Refused as others:  # objects are drawn of those that are left
            write({**refused, **others.rows}, asked_by=asked_by, kept=kept, check=check)


class _Refused(Exception):
    """Objects that only all others tell against: other classes of the same pixels, or they are not drawn.

    ``rows`` is row -> (reason, detail).
    """

    def __init__(self, rows: Mapping[int, tuple[str, str]]):
        super().__init__()
        self.rows = rows


def _write(
    reader: ModuleType,
    raw: Mapping[str, Path],
    out: Path,
    rejected: Path,
    options: Settings,
    refused: Mapping[int, tuple[str, str]],
    *,
    mock: bool,
    threads: int,
    expected: Inputs,
    asked_by: str,
    kept: Path | None,
    check: Callable[[Sequence[int], Sequence[str]], None],
) -> None:
    """Write the dataset but for the refused rows."""
    survey = reader.__name__.rpartition(".")[2]
    reading = _read(reader, raw, options, threads, rejected, kept)
    common = options if isinstance(options, CommonOptions) else CommonOptions()
    told = flagging.with_columns(reading.schema, common)
    try:
        expected.check(told.scalars, asked_by)
    except InputError as error:
        raise DatasetError(str(error)) from None
    if common.where:
        selecting.condition(common.where).check(told)
    task = reader.task_name(options) if hasattr(reader, "task_name") else reader.TASK
    schema = replace(told, survey=survey, task=task, mock=mock, raw=_file_digests(raw, reading))
    times = np.zeros(reading.rows, dtype=int)  # that a row is in the dataset, or rejected
    accepted: list[tuple[int, str]] = []
    rejections: list[Rejection] = []
    digests: dict[str, dict[str, str]] = {name: dict(files) for name, files in reading.digests.items()}
    counts: Counter[str] = Counter()
    lost: Counter[str] = Counter()
    predicted = schema.labels[schema.predicted]
    labels = acceptance.LabelsSeen(schema.predicted, predicted)
    pixels = acceptance.PixelsSeen(schema.predicted, predicted)
    with create_dataset(out, schema) as writer:
        alone = schema.predicted if common.without_label == "only" else ""
        seen = _seen(reading, survey, refused, alone, rejections, digests, counts, lost)
        needed = schema.predicted if common.needs_label else ""
        seen = _without_marks(seen, common.missing_values, rejections, needed=needed, numbers=task == "regression")
        flagged = (flagging.flagged(batch, common) for batch in seen)
        for batch in _chunks(_selected(flagged, common.where, schema, rejections)):
            np.add.at(times, batch.rows, 1)
            check(batch.image.shape[1:], schema.bands)
            accepted += zip(batch.rows.tolist(), batch.id, strict=True)
            if common.needs_label:
                labels.add(batch.labels[schema.predicted])
                pixels.add(batch)
            writer.append(image=batch.image, id=batch.id, group=batch.group, labels=batch.labels, scalars=batch.scalars)
        if disagreeing := pixels.disagreeing():
            raise _Refused(disagreeing)
        if common.max_objects is not None and len(accepted) > common.max_objects:
            raise _Refused(selecting.not_drawn(accepted, common.max_objects, common.max_objects_seed))
        np.add.at(times, [rejection.row for rejection in rejections], 1)
        _check_all_rows(survey, times)
        fault = acceptance.against(len(times), rejections, common.most_rejected)
        if fault := fault or (labels.against() if common.needs_label else ""):
            headline, *reasons = fault.splitlines(keepends=True)
            place = _keep(rejections, rejected, kept)
            raise DatasetError(f"{out}: {headline.rstrip()}; all rejected rows: {place}\n{''.join(reasons)}".rstrip())
        write_rejected(rejected, rejections)
        doubts = [*reading.warnings, *(labels.doubts() if common.needs_label else ())]
        doubts += [f"{name}: {n} values beyond {LARGEST:g}, missing" for name, n in lost.items()]
        doubts += [
            f"{n} of {len(accepted)} objects: {reading.counted[name]}"
            for name, n in counts.items()
            if n and name in reading.counted
        ]
        for doubt in doubts:
            log.warning("%s", doubt)
        writer.raw |= {f"{folder}/": _folder_digest(files) for folder, files in digests.items()}
        writer.notes |= {**counts, **({"warnings": json.dumps(doubts)} if doubts else {})}
    if kept is not None:
        kept.unlink(missing_ok=True)
    log.info("%s", acceptance.accounts(len(times) - len(rejections), rejections), extra={"always": True})


def _check_like(like: Dataset | None, out: Path, applied_by: str, shape: Sequence[int], bands: Sequence[str]) -> None:
    """Raise DatasetError where images are other than those that a network was trained on."""
    if like is not None and (fault := likeness.unlike(shape, bands, like.image_shape, like.bands, applied_by)):
        raise DatasetError(f"{out}: {fault}")


def _read(
    reader: ModuleType, raw: Mapping[str, Path], options: Settings, threads: int, rejected: Path, kept: Path | None
) -> Reading:
    """Read the raw files; rows that are at fault in an error are written, and the error says where."""
    try:
        return reader.read(raw, options, threads)
    except RawError as error:
        if not error.rejections:
            raise
        place = _keep(error.rejections, rejected, kept)
        raise type(error)(f"{error}; all rejected rows: {place}", error.rejections) from None


def _keep(rejections: Sequence[Rejection], rejected: Path, kept: Path | None) -> Path:
    """Write the rejected rows of a failed ingest, and return where they stay."""
    for path in (rejected, *([] if kept is None else [kept])):
        write_rejected(path, rejections)
    return kept or rejected


def _seen(
    reading: Reading,
    survey: str,
    refused: Mapping[int, tuple[str, str]],
    alone: str,
    rejections: list[Rejection],
    digests: dict[str, dict[str, str]],
    counts: Counter[str],
    lost: Counter[str],
) -> Iterator[Batch]:
    """Yield the objects that can be used, show progress, and collect what else the batches say.

    Args:
        alone: Label that only objects without it are kept; empty: all.
    """
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
            against = _labelled(batch, alone) | _unusable(batch, refused)
            if against:
                rejections += against.values()
                batch = batch.part(np.array([place not in against for place in range(len(batch))]))
            yield _without_largest(batch, lost)


def _without_marks(
    batches: Iterable[Batch], marks: Sequence[float], rejections: list[Rejection], *, needed: str, numbers: bool
) -> Iterator[Batch]:
    """Yield objects in whose columns the numbers that stand for a missing value are missing.

    Args:
        batches: Of objects.
        marks: Those numbers; none: all stay.
        rejections: To which objects are added that have no label then.
        needed: Label that an object needs; empty: none, or one of several.
        numbers: Whether labels are numbers, not classes.
    """
    for batch in batches:
        if marks:
            labels, scalars = (
                {name: np.where(listed(values, marks), np.nan, values) for name, values in columns.items()}
                for columns in (batch.labels, batch.scalars)
            )
            found = replace(batch, labels=labels if numbers else batch.labels, scalars=scalars)
            if needed and numbers and len(labels) == 1:  # of several labels an object needs but one
                without = ~present(labels[needed])
                rejections += [
                    Rejection(int(batch.rows[place]), batch.id[place], "label missing", f"{needed} is {value:g}")
                    for place, value in enumerate(batch.labels[needed])
                    if without[place]
                ]
                found = found.part(~without)
            batch = found
        yield batch


def _selected(batches: Iterable[Batch], where: str, schema: Schema, rejections: list[Rejection]) -> Iterator[Batch]:
    """Yield the objects that fulfil a condition; empty: all."""
    wanted = selecting.condition(where) if where else None
    for batch in batches:
        if wanted is not None and (against := wanted.against(batch, schema)):
            rejections += against.values()
            batch = batch.part(np.array([place not in against for place in range(len(batch))]))
        yield batch


def _unusable(batch: Batch, refused: Mapping[int, tuple[str, str]]) -> dict[int, Rejection]:
    """Return place -> what is said against an object whose pixels or label no network can use, or that is refused."""
    rows = map(int, batch.rows)
    against: dict[int, tuple[str, str]] = {place: refused[row] for place, row in enumerate(rows) if row in refused}
    for place in np.flatnonzero(bad := _bad_pixels(batch.image)).tolist():
        against.setdefault(place, ("image not finite", f"{bad[place]} pixels"))
    if batch.image.size and batch.image.dtype.kind in "iuf":
        with np.errstate(invalid="ignore"):
            largest = np.maximum(batch.image.max(axis=(1, 2, 3)), -batch.image.min(axis=(1, 2, 3)).astype(np.float64))
        for place in np.flatnonzero(largest > LARGEST).tolist():
            cause = "are units or the order of bytes others?"
            against.setdefault(place, (f"pixels beyond {LARGEST:g}", f"{largest[place]:g}; {cause}"))
    for name, values in batch.labels.items():
        values = np.asarray(values, dtype=np.float64)
        for place in np.flatnonzero(present(values) & (np.abs(values) > LARGEST)).tolist():
            against.setdefault(place, (f"label beyond {LARGEST:g}", f"{name} is {values[place]:g}"))
    return {place: Rejection(int(batch.rows[place]), batch.id[place], *against[place]) for place in sorted(against)}


def _labelled(batch: Batch, label: str) -> dict[int, Rejection]:
    """Return place -> what is said against an object that has a label of this name; of no name, nothing."""
    if not label:
        return {}
    values = np.asarray(batch.labels[label], dtype=np.float64)
    return {
        place: Rejection(int(batch.rows[place]), batch.id[place], LABELLED, f"{label} is {values[place]:g}")
        for place in np.flatnonzero(present(values)).tolist()
    }


def _without_largest(batch: Batch, lost: Counter[str]) -> Batch:
    """Take scalars that no network can use as missing, and count them by name."""
    scalars = dict(batch.scalars)
    for name, values in batch.scalars.items():
        values = np.asarray(values, dtype=np.float64)
        beyond = present(values) & (np.abs(values) > LARGEST)
        if beyond.any():
            scalars[name] = np.where(beyond, np.nan, values)
            lost[name] += int(beyond.sum())
    return replace(batch, scalars=scalars) if scalars.keys() & lost.keys() else batch


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
