"""Survey ``cifar``: the 60,000 small colour photographs of CIFAR-10 in their original python pickles.

Raw file: the folder ``cifar-10-batches-py`` with ``data_batch_1``, ``data_batch_2``, ..., ``test_batch`` and
``batches.meta``, written by Python 2. They are read by :mod:`skybake.raw.plain`: nothing in them is run. A batch is a
dict of ``data``, uint8 (N, 3072), each row the red, green and blue 32 x 32 pixels, and ``labels``, N class numbers;
``batches.meta`` has their names.

The dataset's rows are the training batches in their order, then the test batch; the scalar ``official_test`` marks the
latter, for ``split: {strategy: official}``. About 3 % of the test images have a near-duplicate among the training
images (Barz & Denzler 2020, J. Imaging 6, 41); they are left in, as everyone's numbers have them.

Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skybake.data.columns import OFFICIAL_TEST, Column, Schema
from skybake.data.rejections import Rejection, write_rejected
from skybake.data.writer import create_dataset as create
from skybake.files import file_digest
from skybake.raw import RawError, plain
from skybake.settings import Settings

log = logging.getLogger(__name__)

TASK = "classification"
LABEL = "class"
INPUTS = ()
RAW = {"batches": "folder with data_batch_1, ..., test_batch and batches.meta"}

SIDE, BANDS = 32, ("red", "green", "blue")
PIXELS = len(BANDS) * SIDE**2
_TRAINING, _TEST, _META = re.compile(r"data_batch_(\d+)"), "test_batch", "batches.meta"
_LABEL = re.compile(rb"training batch \d+ of (\d+)")


class Options(Settings):
    """There is nothing to choose."""


@dataclass(frozen=True)
class Batch:
    """A batch as its pickle has it.

    Attributes:
        name: Of its file.
        pixels: (N, 3072) uint8.
        labels: N values.
        announced: How many training batches there are, as the batch says; None if it does not.
    """

    name: str
    pixels: np.ndarray
    labels: list
    announced: int | None


def ingest(
    raw: Mapping[str, Path], out: Path, rejected: Path, options: Options, *, mock: bool, threads: int = 1
) -> None:
    """Write the dataset of the images, and what was left out.

    Args:
        raw: ``batches``, see :data:`RAW`.
        out: The dataset to write: image (N, 32, 32, 3) [0 to 255], label ``class``, scalar ``official_test``.
        rejected: The CSV of rejected images to write: those whose label is no class.
        options: See :class:`Options`.
        mock: Whether the files are simulated.
        threads: Not used.

    Raises:
        UnsafePickle: A pickle holds more than plain data.
        RawError: A file is missing, damaged, or not what it should be.
        DatasetError: No image was accepted.
    """
    folder = Path(raw["batches"])
    names = _batch_names(folder)
    classes = _class_names(folder / _META)
    schema = Schema(
        survey="cifar",
        task=TASK,
        bands=BANDS,
        image=Column("", "brightness from 0 to 255"),
        labels={LABEL: Column("", ", ".join(f"{number} {name}" for number, name in enumerate(classes)))},
        scalars={OFFICIAL_TEST: Column("", "1 for images of the official test set, 0 for training images")},
        raw={name: file_digest(folder / name) for name in (*names, _META)},
        mock=mock,
        classes=classes,
    )
    rejections: list[Rejection] = []
    with create(out, schema) as writer:
        start = 0
        for batch in _batches(folder, names):
            wrong = [row for row, label in enumerate(batch.labels) if not _is_class(label, len(classes))]
            kept = np.setdiff1d(np.arange(len(batch.labels)), wrong)
            ids = [f"{batch.name}-{row:05d}" for row in range(len(batch.labels))]
            expected = f"a class from 0 to {len(classes) - 1}"
            rejections += [
                Rejection(start + row, ids[row], "unknown class", f"{batch.labels[row]!r}; expected {expected}")
                for row in wrong
            ]
            if len(kept):
                writer.append(
                    image=np.moveaxis(batch.pixels[kept].reshape(-1, len(BANDS), SIDE, SIDE), 1, -1),
                    id=[ids[row] for row in kept],
                    group=[ids[row] for row in kept],
                    labels={LABEL: np.array([float(batch.labels[row]) for row in kept])},
                    scalars={OFFICIAL_TEST: np.full(len(kept), float(batch.name == _TEST))},
                )
            start += len(batch.labels)
        write_rejected(rejected, rejections)
    log.info("%d images in %d batches, %d rejected", start, len(names), len(rejections))


def _batch_names(folder: Path) -> list[str]:
    """Return the names of the training batches in their order, and of the test batch."""
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it is called cifar-10-batches-py, and holds data_batch_1")
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _TRAINING.fullmatch(path.name)))
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        present = ", ".join(f"data_batch_{number}" for number in numbers) or "none"
        raise RawError(f"{folder}: {present} found; expected data_batch_1, data_batch_2, ... without a gap")
    for name in (_TEST, _META):
        if not (folder / name).is_file():
            raise RawError(f"{folder}: no file {name}. Hint: is the download complete?")
    return [*(f"data_batch_{number}" for number in numbers), _TEST]


def _dict(path: Path) -> dict[str, object]:
    """Read a pickled dict; keys of Python 2 become text."""
    content = plain.load(path)
    if not isinstance(content, dict):
        raise RawError(f"{path}: a pickled {type(content).__name__} found; expected a dict")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def _class_names(path: Path) -> tuple[str, ...]:
    given = _dict(path).get("label_names")
    if not isinstance(given, list) or not all(isinstance(name, str | bytes) and name for name in given):
        raise RawError(f"{path}: 'label_names' found to be {_kind(given)}; expected a list of class names")
    names = tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in given)
    if len(set(names)) < max(len(names), 2):
        raise RawError(f"{path}: class names {list(names)} found; expected at least two distinct ones")
    return names


def _batches(folder: Path, names: list[str]) -> Iterator[Batch]:
    for name in names:
        batch = _read_batch(folder / name)
        if batch.announced not in (None, len(names) - 1):
            raise RawError(
                f"{folder}: {len(names) - 1} training batches found; {name} says that there are {batch.announced}."
                " Hint: is the download complete?"
            )
        yield batch


def _read_batch(path: Path) -> Batch:
    content = _dict(path)
    for key in ("data", "labels"):
        if key not in content:
            raise RawError(f"{path}: no {key!r}; found {', '.join(sorted(content))}. Hint: CIFAR-10, not CIFAR-100")
    pixels, labels = content["data"], content["labels"]
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
        raise RawError(f"{path}: 'data' found to be {_kind(pixels)}; expected an array of uint8 (N, {PIXELS})")
    if isinstance(labels, np.ndarray) and labels.ndim == 1:
        labels = labels.tolist()
    if not isinstance(labels, list) or len(labels) != len(pixels):
        raise RawError(f"{path}: 'labels' found to be {_kind(labels)}; expected a list of {len(pixels)} numbers")
    title = content.get("batch_label")
    said = _LABEL.fullmatch(title if isinstance(title, bytes) else str(title).encode())
    return Batch(path.name, pixels, labels, int(said[1]) if said else None)


def _is_class(label: object, number: int) -> bool:
    return isinstance(label, int | np.integer) and not isinstance(label, bool) and 0 <= int(label) < number


def _kind(value: object) -> str:
    """Say what a value is, in few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
