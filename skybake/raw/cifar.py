"""Survey ``cifar``: the 60,000 small colour photographs of CIFAR-10 in their original python pickles.

Raw file: the folder ``cifar-10-batches-py`` with ``data_batch_1``, ``data_batch_2``, ..., ``test_batch`` and
``batches.meta``, written by Python 2. They are read by :mod:`skybake.raw.plain`: nothing in them is run. A batch is a
dict of ``data``, uint8 (N, 3072), each row the red, green and blue 32 x 32 pixels, and ``labels``, N class numbers;
``batches.meta`` has their names.

The dataset's rows are the training batches in their order, then the test batch; the scalar ``official_test`` marks the
latter, for ``split: {strategy: official}``. Other such sets are read with the options: pickles of any name, with images
of any square size and number of channels, under any keys: CIFAR-100 has ``{train: [train], test: [test], meta: meta,
labels: fine_labels, names: fine_label_names}``.

About 3 % of the test images have a near-duplicate among the training images (Barz & Denzler 2020, J. Imaging 6, 41);
they are left in, as everyone's numbers have them, and so are the same pixels of one class: the audit of the split tells
of them. The same pixels of two classes are rejected, as by all readers: nobody can tell which is right.

Krizhevsky 2009, Learning Multiple Layers of Features from Tiny Images.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import Field, model_validator

from skybake.data.columns import OFFICIAL_TEST, Column, Schema, class_column
from skybake.data.rejections import Rejection
from skybake.raw import Batch, RawError, Reading, plain
from skybake.raw.options import CommonOptions

TASK = "classification"
LABEL = "class"
INPUTS = ()
RAW = {"batches": "folder with data_batch_1, ..., test_batch and batches.meta"}

_BANDS = {1: ("grey",), 3: ("red", "green", "blue")}
_TRAINING = re.compile(r"data_batch_(\d+)")
_LABEL = re.compile(rb"training batch \d+ of (\d+)")


class Options(CommonOptions):
    """How a set of pickles differs from CIFAR-10; by default it is that."""

    train: tuple[str, ...] = Field((), description="Names of the training batches; empty: `data_batch_1`, ...")
    test: tuple[str, ...] = Field(("test_batch",), description="Names of the batches of the official test part.")
    meta: str = Field(
        "batches.meta", description="Name of the pickle with the classes' names; empty: `classes` has them."
    )
    classes: tuple[str, ...] = Field((), description="Names of class 0, 1, ..., instead of those in `meta`.")
    data: str = Field("data", description="Key of the pixels, uint8 (N, channels x side x side).")
    labels: str = Field("labels", description="Key of the class numbers.")
    names: str = Field("label_names", description="Key of the classes' names in `meta`.")
    channels: int | None = Field(
        None, ge=1, le=64, description="Channels of an image; null: 3 or 1, whichever makes it a square."
    )

    @model_validator(mode="after")
    def _named(self) -> Options:
        twice = [name for name in self.train if self.train.count(name) > 1 or name in self.test]
        if twice:
            raise ValueError(f"the batch {twice[0]!r} stands twice; every batch is one part of the data")
        if not self.meta and not self.classes:
            raise ValueError("neither meta nor classes found; expected the classes' names in one of them")
        return self


@dataclass(frozen=True)
class Form:
    """What images are: ``side`` x ``side`` pixels of some ``channels``."""

    side: int
    channels: int

    @property
    def numbers(self) -> int:
        """How many numbers an image is."""
        return self.channels * self.side**2


@dataclass(frozen=True)
class Pickled:
    """A batch as its pickle has it.

    Attributes:
        name: Of its file.
        pixels: (N, channels x side x side) uint8.
        labels: N values.
        announced: How many training batches there are, as the batch says; None if it does not.
    """

    name: str
    pixels: np.ndarray
    labels: list
    announced: int | None


def read(raw: Mapping[str, Path], options: Options, threads: int) -> Reading:
    """Read the images: (N, side, side, channels) [0 to 255], label ``class``, scalar ``official_test``.

    Images whose label is no class are rejected.

    Raises:
        UnsafePickle: A pickle holds more than plain data.
        RawError: A file is missing, damaged, or not what it should be.
    """
    folder = Path(raw["batches"])
    names = _batch_names(folder, options)
    classes = options.classes or _class_names(folder / options.meta, options.names)
    form = _form(folder / names[0], options)
    schema = Schema(
        bands=_BANDS.get(form.channels, tuple(f"band {k}" for k in range(1, form.channels + 1))),
        image=Column("", "brightness from 0 to 255"),
        labels={LABEL: class_column(classes)},
        scalars={
            OFFICIAL_TEST: Column("", "1 for images of the official test set, 0 for training images", OFFICIAL_TEST)
        },
    )
    return Reading(
        schema,
        # All files are checked before any is written.
        rows=sum(len(batch.labels) for batch in _pickles(folder, names, form, options)),
        batches=_batches(folder, names, classes, form, options),
        files={name: folder / name for name in (*names, *([] if options.classes else [options.meta]))},
    )


def _batches(
    folder: Path, names: Sequence[str], classes: Sequence[str], form: Form, options: Options
) -> Iterator[Batch]:
    start = 0
    for batch in _pickles(folder, names, form, options):
        known = np.array([_is_class(label, len(classes)) for label in batch.labels], dtype=bool)
        good = known | (not options.needs_label)
        kept, ids = np.flatnonzero(good), [f"{batch.name}-{row:05d}" for row in range(len(good))]
        expected = f"a class from 0 to {len(classes) - 1}"
        yield Batch(
            rows=start + kept,
            image=np.moveaxis(batch.pixels[kept].reshape(-1, form.channels, form.side, form.side), 1, -1),
            id=[ids[row] for row in kept],
            group=[ids[row] for row in kept],
            labels={LABEL: np.array([float(batch.labels[row]) if known[row] else np.nan for row in kept])},
            scalars={OFFICIAL_TEST: np.full(len(kept), float(batch.name in options.test))},
            rejections=[
                Rejection(start + int(row), ids[row], "unknown class", f"{batch.labels[row]!r}; expected {expected}")
                for row in np.flatnonzero(~good)
            ],
        )
        start += len(good)


def _batch_names(folder: Path, options: Options) -> list[str]:
    """Return the names of the training batches in their order, and of the test batches."""
    if not folder.is_dir():
        raise RawError(f"{folder}: no such folder. Hint: it is called cifar-10-batches-py, and holds data_batch_1")
    trained = list(options.train) or _original_names(folder)
    for name in (*trained, *options.test, *([] if options.classes else [options.meta])):
        if not (folder / name).is_file():
            raise RawError(f"{folder}: no file {name}. Hint: is the download complete?")
    return [*trained, *options.test]


def _original_names(folder: Path) -> list[str]:
    numbers = sorted(int(found[1]) for path in folder.iterdir() if (found := _TRAINING.fullmatch(path.name)))
    if numbers != list(range(1, len(numbers) + 1)) or not numbers:
        present = ", ".join(f"data_batch_{number}" for number in numbers) or "none"
        raise RawError(
            f"{folder}: {present} found; expected data_batch_1, data_batch_2, ... without a gap. Hint: the options"
            " train and test name batches of other names"
        )
    return [f"data_batch_{number}" for number in numbers]


def _dict(path: Path) -> dict[str, object]:
    """Read a pickled dict; keys of Python 2 become text."""
    content = plain.load(path)
    if not isinstance(content, dict):
        raise RawError(f"{path}: a pickled {type(content).__name__} found; expected a dict")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


def _form(path: Path, options: Options) -> Form:
    """Return what images are, by the first batch."""
    pixels = _pixels(path, _dict(path), options)
    for channels in (3, 1) if options.channels is None else (options.channels,):
        side = math.isqrt(pixels.shape[1] // channels)
        if channels * side**2 == pixels.shape[1]:
            return Form(side, channels)
    expected = "1 or 3 channels" if options.channels is None else f"{options.channels} channels"
    raise RawError(
        f"{path}: {options.data!r} has {pixels.shape[1]} numbers an image; expected those of a square of {expected}."
        " Hint: the option channels"
    )


def _class_names(path: Path, key: str) -> tuple[str, ...]:
    given = _dict(path).get(key)
    if not isinstance(given, list) or not all(isinstance(name, str | bytes) and name for name in given):
        raise RawError(f"{path}: {key!r} found to be {_kind(given)}; expected a list of class names")
    names = tuple(name.decode("utf-8", "replace") if isinstance(name, bytes) else name for name in given)
    if len(set(names)) < max(len(names), 2):
        raise RawError(f"{path}: class names {list(names)} found; expected at least two distinct ones")
    return names


def _pickles(folder: Path, names: Sequence[str], form: Form, options: Options) -> Iterator[Pickled]:
    trained = len(names) - len(options.test)
    for name in names:
        batch = _read_pickled(folder / name, form, options)
        if batch.announced not in (None, trained):
            raise RawError(
                f"{folder}: {trained} training batches found; {name} says that there are {batch.announced}."
                " Hint: is the download complete?"
            )
        yield batch


def _value(path: Path, content: Mapping[str, object], key: str, option: str) -> object:
    if key not in content:
        said = f"{path}: no {key!r}; found {', '.join(sorted(content))}. Hint: by default CIFAR-10, not CIFAR-100: the"
        raise RawError(f"{said} option {option} names another key")
    return content[key]


def _pixels(path: Path, content: Mapping[str, object], options: Options, numbers: int = 0) -> np.ndarray:
    """Return the pixels of a batch, of so many numbers an image if that is known."""
    pixels = _value(path, content, options.data, "data")
    if (
        isinstance(pixels, np.ndarray)
        and pixels.dtype == np.uint8
        and pixels.ndim == 2
        and numbers in (0, pixels.shape[1])
    ):
        return pixels
    expected = f"an array of uint8 (N, {numbers or 'channels x side x side'})"
    raise RawError(f"{path}: {options.data!r} found to be {_kind(pixels)}; expected {expected}")


def _read_pickled(path: Path, form: Form, options: Options) -> Pickled:
    content = _dict(path)
    pixels = _pixels(path, content, options, form.numbers)
    if options.labels not in content and not options.needs_label:
        return Pickled(path.name, pixels, [None] * len(pixels), _announced(content))
    labels = _value(path, content, options.labels, "labels")
    if isinstance(labels, np.ndarray) and labels.ndim and labels.size == len(labels):
        labels = labels.ravel().tolist()
    if not isinstance(labels, list) or len(labels) != len(pixels):
        raise RawError(
            f"{path}: {options.labels!r} found to be {_kind(labels)}; expected a list of {len(pixels)} numbers"
        )
    return Pickled(path.name, pixels, labels, _announced(content))


def _announced(content: Mapping[str, object]) -> int | None:
    """Return how many training batches there are, as a batch says; None if it does not."""
    title = content.get("batch_label")
    said = _LABEL.fullmatch(title if isinstance(title, bytes) else str(title).encode())
    return int(said[1]) if said else None


def _is_class(label: object, number: int) -> bool:
    return isinstance(label, int | np.integer) and not isinstance(label, bool) and 0 <= int(label) < number


def _kind(value: object) -> str:
    """Say what a value is, in few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} {value.shape}"
    return f"a list of {len(value)}" if isinstance(value, list) else type(value).__name__
