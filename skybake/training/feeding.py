"""Gives objects to a network, from memory or, where a dataset is too large for it, from disk.

Both ways share one order. With ``objects`` all objects of a part are shuffled anew for every epoch. With ``chunks`` the
file's chunks are shuffled, taken some at a time, and the objects of those shuffled among themselves: then each chunk
is read once an epoch, and of a part no more than two such handfuls are kept in memory. The order follows from rows,
seed and epoch alone, so the same one gives the same weights, whichever way the images come.

What is read from disk goes through the image step anew in every epoch, in the reading thread: HDF5 and numpy leave the
interpreter to the network while they work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skybake.data.columns import CHUNK_OBJECTS
from skybake.data.dataset import Dataset, Reader
from skybake.training import backend, preprocessing
from skybake.training.images import BLOCK, FittedStep

HANDFUL_MB = 64.0  # images that are shuffled among themselves where chunks are
LEAST_CHUNKS = 16  # of a handful, however large the images: a file may hold one class after the other
MB = 1e6


@dataclass
class Images:
    """The images of one part of a dataset.

    Attributes:
        dataset: Where they lie.
        rows: (n,) their row numbers, in the order of the part.
        step: What is done to them before the network sees them; None before it is fitted.
        in_memory: (n, H, W, C); None if they are read when they are asked for.
        reader: Reads those that are not in memory; kept open, so that all epochs see the same file.
    """

    dataset: Dataset
    rows: np.ndarray
    step: FittedStep | None = None
    in_memory: np.ndarray | None = field(default=None, repr=False)
    reader: Reader | None = field(default=None, repr=False)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C)."""
        return self.dataset.image_shape

    @property
    def in_file_order(self) -> np.ndarray:
        """(n,) places in the part, by ascending row of the file."""
        return np.argsort(self.rows, kind="stable")

    def hold(self) -> None:
        """Read all of them into memory."""
        self.in_memory = self.dataset.images(self.rows)

    def prepare(self, step: FittedStep) -> None:
        """Set what is done to them."""
        self.step = step
        if self.in_memory is not None:
            self.in_memory = step.apply(self.in_memory)

    def read(self, places: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
        """Return a copy (k, H, W, C) of the images at some places of the part, as the network sees them.

        Args:
            places: Of the part's rows.
            out: Where to put them, if they are read from disk.
        """
        if self.in_memory is not None:
            return self.in_memory[places]
        if self.reader is None:
            raise RuntimeError(f"{self.dataset.path}: its images are neither in memory nor is their file open")
        images = self.reader.images(self.rows[places], out)
        return images if self.step is None else self.step.apply(images)

    def blocks(self, objects: int = BLOCK) -> Iterator[np.ndarray]:
        """Yield all images in the file's order, some at a time."""
        order = self.in_file_order
        for first in range(0, len(order), objects):
            yield self.read(order[first : first + objects])

    def handfuls(self, shuffle: str, seed: int | None, epoch: int) -> list[np.ndarray]:
        """Return the order of an epoch, as places in the part, in pieces that are read at once.

        Args:
            shuffle: ``"objects"`` or ``"chunks"``.
            seed: None for no shuffling: as the part is, or as the file is.
            epoch: Counted from 0.
        """
        rng = None if seed is None else np.random.default_rng([seed, epoch])
        if shuffle == "objects":
            order = np.arange(len(self))
            if rng is not None:
                rng.shuffle(order)
            return [order]
        order = self.in_file_order
        chunks = np.split(order, np.flatnonzero(np.diff(self.rows[order] // CHUNK_OBJECTS)) + 1)
        if rng is not None:
            chunks = [chunks[place] for place in rng.permutation(len(chunks))]
        found = []
        per_handful = max(LEAST_CHUNKS, int(HANDFUL_MB * MB / (4 * CHUNK_OBJECTS * math.prod(self.shape))))
        for first in range(0, len(chunks), per_handful):
            piece = np.concatenate(chunks[first : first + per_handful])
            if rng is not None:
                rng.shuffle(piece)
            found.append(piece)
        return found


class Stream:
    """Consecutive objects of an epoch: while one handful is used, the next is read, into one of two buffers."""

    def __init__(self, images: Images):
        self._images = images
        self._reader = ThreadPoolExecutor(1)
        self._reading: dict[int, Future] = {}
        self._buffers: dict[int, np.ndarray] = {}  # by the number of a handful, even or odd
        self.start([])

    def start(self, handfuls: list[np.ndarray]) -> None:
        """Begin an epoch, in the order of these pieces; what was being read is waited for and forgotten."""
        wait(self._reading.values())
        self._reading.clear()
        self._handfuls = handfuls
        self.order = np.concatenate(handfuls) if handfuls else np.empty(0, np.intp)
        self._starts = np.cumsum([0, *map(len, handfuls)])

    def take(self, first: int, last: int) -> np.ndarray:
        """Return a copy of the images of the objects ``first`` to ``last`` of the epoch's order."""
        if self._images.in_memory is not None:
            return self._images.read(self.order[first:last])
        taken = np.empty((last - first, *self._images.shape), np.float32)
        for number in range(self._number(first), self._number(last - 1) + 1):
            start = self._starts[number]
            piece = self._handful(number)[max(first - start, 0) : last - start]
            at = max(start - first, 0)
            taken[at : at + len(piece)] = piece
        return taken

    def _number(self, place: int) -> int:
        return int(np.searchsorted(self._starts, place, side="right")) - 1

    def _handful(self, number: int) -> np.ndarray:
        """Return a handful, which is in its buffer until the one after the next is asked for, and read the next."""
        for other in [other for other in self._reading if other not in (number, number + 1)]:
            wait([self._reading.pop(other)])
        self._begin(number)
        found = self._reading[number].result()
        self._begin(number + 1)
        return found

    def _begin(self, number: int) -> None:
        if number < len(self._handfuls) and number not in self._reading:
            places, buffer = self._handfuls[number], self._buffers.get(number % 2)
            if buffer is None or len(buffer) < len(places):
                largest = max(map(len, self._handfuls))
                buffer = self._buffers[number % 2] = np.empty((largest, *self._images.shape), np.float32)
            self._reading[number] = self._reader.submit(self._images.read, places, buffer[: len(places)])


@dataclass(frozen=True)
class Subset:
    """The objects of a part as the network sees them.

    Attributes:
        images: Of all of them.
        targets: (n, 1) labels; or (n, 2), each with its known error, in the same units; -9999 where missing.
        scalars: (n, S) or None.
        shuffle: ``"objects"`` or ``"chunks"``.
        weights: (n,) how much each counts in the loss; None for all alike.
    """

    images: Images
    targets: np.ndarray
    scalars: np.ndarray | None = None
    shuffle: str = "objects"
    weights: np.ndarray | None = None
    _resident: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Input name -> shape without the batch."""
        found: dict[str, tuple[int, ...]] = {"image": self.images.shape}
        return found if self.scalars is None else {**found, "scalars": self.scalars.shape[1:]}

    def order(self) -> np.ndarray:
        """Return the places of the objects in the order of :func:`batches`."""
        return np.concatenate(self.images.handfuls(self.shuffle, None, 0))

    def resident(self) -> dict[str, Any] | None:
        """Return tensors (n, ...) by name, on the device, made once; None if that cannot hold all images at once.

        The images in memory are the tensor's from then on.
        """
        held = self.images.in_memory
        if not self._resident and held is not None and backend.fits(held.nbytes):
            tensor, self.images.in_memory = backend.put_shared(held)
            self._resident.update({"image": tensor}, **self._beside())
        return self._resident or None

    def taken(self, images: np.ndarray, places: np.ndarray) -> dict[str, Any]:
        """Return tensors (k, ...) of some objects, on the device, whose images are at hand."""
        return {"image": backend.put(images), **self._beside(places)}

    def _beside(self, places: np.ndarray | slice = slice(None)) -> dict[str, Any]:
        found = {"target": self.targets[places]}
        if self.scalars is not None:
            found["scalars"] = self.scalars[places]
        if self.weights is not None:
            found["weight"] = self.weights[places]
        return {name: backend.put(values) for name, values in found.items()}


@dataclass(frozen=True)
class Piece:
    """Objects that lie on the device together, and what is made of them.

    Attributes:
        objects: Name -> tensor (m, ...).
        order: (k,) places of the objects in the order of the steps.
        forms: (k,) how each is mirrored, as :func:`skybake.training.preprocessing.mirrored` knows it.
    """

    objects: Mapping[str, Any]
    order: np.ndarray
    forms: np.ndarray


class Feed:
    """Puts the objects of each epoch on the device: all of them once, or a handful at a time while the next is read."""

    def __init__(self, part: Subset, batch_size: int):
        self.part, self.batch_size = part, batch_size
        self._stream = Stream(part.images)

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.start([])

    def epoch(
        self, epoch: int = 0, seed: int | None = None, augmentation: str = "none", step: int = 0
    ) -> Iterator[Piece]:
        """Yield what an epoch is made of, in whole batches but for the last.

        Args:
            epoch: Counted from 0.
            seed: Of order and augmentation; None for :meth:`Subset.order` and none.
            augmentation: As :func:`usable_augmentation` returns it.
            step: The first one.
        """
        n, first = len(self.part), step * self.batch_size
        number = epoch + 1  # Keras's fit drew the first epoch as number 1: the same seed keeps its bytes
        handfuls = self.part.images.handfuls(self.part.shuffle, seed, number)
        forms = np.zeros(n, np.int32)
        if seed is not None:
            forms = preprocessing.draw_forms(augmentation, n, self.batch_size, [seed, number])
        resident = self.part.resident()
        if resident:
            if first < n:
                yield Piece(resident, np.concatenate(handfuls).astype(np.int32)[first:], forms[first:])
            return
        self._stream.start(handfuls)
        order = self._stream.order
        a_piece = self.batch_size * max(
            1, int(HANDFUL_MB * MB / (4 * math.prod(self.part.images.shape) * self.batch_size))
        )
        for start in range(first, n, a_piece):
            end = min(start + a_piece, n)
            objects = self.part.taken(self._stream.take(start, end), order[start:end])
            yield Piece(objects, np.arange(end - start, dtype=np.int32), forms[start:end])


def usable_augmentation(name: str, shape: Sequence[int]) -> str:
    """Return the name of an augmentation if images (H, W, C) can have it.

    Raises:
        ValueError: Quarter turns of images that are not square.
    """
    if name == "flips_and_turns" and shape[0] != shape[1]:
        raise ValueError(f"images of {tuple(shape[:2])} pixels cannot be turned. Hint: augmentation: flips")
    return name


def batch_of(augmentation: str) -> Callable[[Mapping[str, Any], Any, Any], tuple[Any, ...]]:
    """Return what gathers a batch on the device: (objects, places, forms) -> (inputs by name, targets[, weights])."""
    from keras import ops

    def batch(objects: Mapping[str, Any], places: Any, forms: Any) -> tuple[Any, ...]:
        found = {name: ops.take(values, places, axis=0) for name, values in objects.items()}
        if augmentation != "none":
            found["image"] = preprocessing.mirrored(found["image"], forms, augmentation)
        target, weight = found.pop("target"), found.pop("weight", None)
        return (found, target) if weight is None else (found, target, weight)

    return batch


def batches(part: Subset, batch_size: int):
    """Return a Keras ``PyDataset`` of a part, in its order, for predictions.

    Args:
        part: What is given.
        batch_size: Objects a step.
    """
    import keras

    class Batches(keras.utils.PyDataset):
        def __init__(self):
            super().__init__()
            self.stream = Stream(part.images)
            self.on_epoch_end()

        def __len__(self) -> int:
            return math.ceil(len(part) / batch_size)

        def __getitem__(self, index: int):
            first, last = index * batch_size, min((index + 1) * batch_size, len(part))
            batch: dict[str, np.ndarray] = {"image": self.stream.take(first, last)}
            if part.scalars is not None:
                batch["scalars"] = part.scalars[self.stream.order[first:last]]
            return (batch,)

        def on_epoch_end(self) -> None:
            self.stream.start(part.images.handfuls(part.shuffle, None, 0))

    return Batches()


def from_disk(dataset: Dataset, memory_limit_mb: float) -> bool:
    """Tell whether a dataset's images, in memory, would take more than the limit."""
    return _megabytes(len(dataset), dataset) > memory_limit_mb


def _megabytes(objects: int, dataset: Dataset) -> float:
    return 4 * objects * math.prod(dataset.image_shape) / MB


def parts_of(rows: Mapping[str, np.ndarray], dataset: Dataset, memory_limit_mb: float) -> dict[str, Images]:
    """Return the images of each part: in memory, or on disk where all of them would take more than the limit.

    Of a dataset on disk the validation part is in memory nevertheless, and the test part too, while they are within the
    limit: a split at random has some of them in every chunk of the file, which would be read anew in every epoch.
    """
    found = {part: Images(dataset, np.asarray(places)) for part, places in rows.items()}
    if not from_disk(dataset, memory_limit_mb):
        kept = list(found)
    else:
        small = [part for part in ("valid", "test") if part in found]
        sizes = np.cumsum([_megabytes(len(found[part]), dataset) for part in small])
        kept = [part for part, size in zip(small, sizes, strict=True) if size <= memory_limit_mb]
    for part, images in found.items():
        if part in kept:
            images.hold()
        else:
            images.reader = Reader(dataset)
    return found
