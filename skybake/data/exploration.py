"""A first look at a dataset: what tells that centring and units are right, before anything is trained.

Images are read in blocks of objects, so that memory does not grow with them; what is kept of an object is a few numbers
for each band.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from csv import DictReader
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from skybake.data import pixels as pixel_values
from skybake.data.columns import CHUNK_OBJECTS, DatasetError
from skybake.data.dataset import Dataset
from skybake.data.dataset import load_dataset as load
from skybake.metrics.regression import NORMAL_MAD, nmad
from skybake.missing import present

BLOCK = 4 * CHUNK_OBJECTS  # objects in memory at once
EXAMPLES = 24
STEPS = 20  # of the search for the light's middle: 1 % of the first offset is left where an object is twice the window
SIGNIFICANT = 10.0  # light over noise in the window, from which on its middle means something
JUDGED = 10  # located objects at least, before centring or units of a band are called wrong
CENTRED = 0.5  # pixels; a median offset beyond is half a pixel lost somewhere, or more
UNITS_AGREE = 0.75  # mag, a factor of two; light beyond the aperture or of neighbours is mostly less, a unit more
NANOMAGGY = "nanomaggy"
NANOMAGGY_ZERO = 22.5  # AB magnitude of one nanomaggy (https://www.sdss.org/dr17/help/glossary/#nanomaggie)


@dataclass(frozen=True)
class Images:
    """Pixel by pixel over all objects, each (H, W, C) [pixel units].

    Attributes:
        mean, std, maximum: Standard deviation with N in the denominator.
    """

    mean: np.ndarray
    std: np.ndarray
    maximum: np.ndarray


@dataclass(frozen=True)
class Measured:
    """What is measured on every object in every band; NaN for objects with padded pixels.

    Attributes:
        noise: (N, C) 1.4826 median absolute deviation of all pixels from their median [pixel units].
        border_noise: (N, C) the same of the pixels in the outer eighth [pixel units].
        level: (N, C) median of those [pixel units].
        light: (N, C) sum within the aperture, less the level [pixel units].
        offset: (N, C, 2) middle of the light less the middle of the image, x (column) and y (row) [pixels]; NaN where
            no significant light was found near the middle.
    """

    noise: np.ndarray
    border_noise: np.ndarray
    level: np.ndarray
    light: np.ndarray
    offset: np.ndarray


@dataclass(frozen=True)
class Examples:
    """Objects spread evenly over the ranks of the label.

    Attributes:
        rows: (n,) row numbers, by ascending label.
        labels: (n,) values; NaN where no object has one.
        images: (n, H, W, C).
    """

    rows: np.ndarray
    labels: np.ndarray
    images: np.ndarray


@dataclass(frozen=True)
class Exploration:
    """What the first look at a dataset shows.

    Attributes:
        dataset: Its name in the config.
        file: The dataset, opened.
        rejected: Reason -> number of raw rows that are not in the dataset, most frequent first.
        images, pixels, measured, examples: Of its pixels.
    """

    dataset: str
    file: Dataset
    rejected: Mapping[str, int]
    images: Images
    pixels: pixel_values.Gathered
    measured: Measured
    examples: Examples

    @property
    def mock(self) -> bool:
        """Whether the objects are simulated."""
        return self.file.mock

    @property
    def units(self) -> str:
        """Units of a pixel."""
        return self.file.columns["image"].units

    @property
    def label(self) -> str:
        """Name of the label that models predict."""
        return self.file.label

    @property
    def label_units(self) -> str:
        """Units of that label."""
        return self.file.columns[f"label/{self.label}"].units

    def typical(self, name: str) -> np.ndarray:
        """Return the median over objects of what is measured: (C,), 0 where no object has it."""
        return np.array([_median(values) or 0.0 for values in getattr(self.measured, name).T])


@dataclass(frozen=True)
class Band:
    """One band in numbers: medians over the objects without padded pixels; None where there is nothing to measure.

    Attributes:
        name: Of the band.
        noise, border_noise, level: As in :class:`Measured`.
        located: Objects whose light was located.
        dx, dy: Median offset of the light from the middle of the image [pixels].
        distance: Median distance from it [pixels].
        within: Share of them within one pixel of the middle.
        magnitude: Median of the magnitude of the image's light less the catalogue's [mag].
        magnitude_scatter: 1.4826 median absolute deviation of that [mag].
    """

    name: str
    noise: float | None
    border_noise: float | None
    level: float | None
    located: int
    dx: float | None
    dy: float | None
    distance: float | None
    within: float | None
    magnitude: float | None
    magnitude_scatter: float | None

    @property
    def judged(self) -> bool:
        """Whether there are objects enough to call centring or units wrong."""
        return self.located >= JUDGED

    @property
    def off_centre(self) -> bool:
        """Whether the median offset of the light is over half a pixel."""
        if not self.judged or self.dx is None or self.dy is None:
            return False
        return bool(np.hypot(self.dx, self.dy) > CENTRED)

    @property
    def other_units(self) -> bool:
        """Whether the image's light is typically half or twice what the catalogue says, or further from it."""
        return self.judged and self.magnitude is not None and abs(self.magnitude) > UNITS_AGREE


@dataclass(frozen=True)
class ColumnFacts:
    """One label or scalar in numbers; None where no object has it.

    Attributes:
        name, units, description: As the dataset has them.
        missing: Objects without a value.
        low, median, high: Of the others.
    """

    name: str
    units: str
    description: str
    missing: int
    low: float | None = None
    median: float | None = None
    high: float | None = None


def explore(dataset: str, path: Path | str, rejected: Path | str) -> Exploration:
    """Look at a dataset.

    Args:
        dataset: Its name in the config.
        path: The dataset file.
        rejected: Its ``rejected.csv``.

    Raises:
        DatasetError: The dataset cannot be read, or ``rejected.csv`` is not what ingest writes.
    """
    file = load(path)
    return Exploration(dataset, file, rejected_reasons(rejected), *_look(file), choose_examples(file))


def rejected_reasons(path: Path | str) -> dict[str, int]:
    """Count the lines of a ``rejected.csv`` by reason, most frequent first.

    Raises:
        DatasetError: There is no such file, or it has no column ``reason``.
    """
    path = Path(path)
    if not path.exists():
        raise DatasetError(f"{path}: no such file. Hint: ingest writes it beside the dataset")
    with path.open(newline="", encoding="utf-8") as stream:
        table = DictReader(stream)
        if "reason" not in (table.fieldnames or ()):
            raise DatasetError(f"{path}: columns {table.fieldnames} found, expected 'reason' among them")
        counts = Counter(row["reason"] for row in table)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _look(file: Dataset) -> tuple[Images, pixel_values.Gathered, Measured]:
    shape, total = file.image_shape, 0
    pixels = pixel_values.Gathered(len(file), shape)
    mean, squares, maximum = np.zeros(shape), np.zeros(shape), np.full(shape, -np.inf)
    blocks = []
    for first in range(0, len(file), BLOCK):
        rows = np.arange(first, min(first + BLOCK, len(file)))
        images = file.images(rows)
        # Blocks are joined as Chan, Golub & LeVeque (1983, The American Statistician 37, 242) do: nothing cancels.
        change = images.mean(axis=0, dtype=np.float64) - mean
        squares += images.var(axis=0, dtype=np.float64) * len(rows) + change**2 * total * len(rows) / (
            total + len(rows)
        )
        mean += change * len(rows) / (total + len(rows))
        total += len(rows)
        maximum = np.maximum(maximum, images.max(axis=0))
        pixels.add(images)
        blocks.append(measure(images))
    measured = {item.name: np.concatenate([getattr(block, item.name) for block in blocks]) for item in fields(Measured)}
    for name in file.scalars_of("padded_fraction"):
        for values in measured.values():
            values[file.scalars[name] > 0] = np.nan
    return Images(mean, np.sqrt(squares / total), maximum), pixels, Measured(**measured)


def measure(images: np.ndarray) -> Measured:
    """Measure noise, light and its middle in every band of images (n, H, W, C)."""
    cubes = np.ascontiguousarray(np.moveaxis(images, -1, 1))  # (n, C, H, W): pixels of a band side by side
    pixels = cubes.reshape(*cubes.shape[:2], -1)
    border = pixels[..., border_pixels(images.shape[1:3]).ravel()]
    level, border_noise = np.median(border, axis=-1), nmad(border)
    noise = nmad(pixels)
    cubes -= level[..., None, None]
    light = pixels @ aperture(images.shape[1:3]).ravel().astype(pixels.dtype)
    return Measured(noise, border_noise, level, light, locate(cubes, border_noise))


def border_pixels(shape: tuple[int, int]) -> np.ndarray:
    """Return where the outer eighth of an image (H, W) is, on every side: (H, W) bool."""
    outside = np.ones(shape, dtype=bool)
    rows, columns = (max(1, round(size / 8)) for size in shape)
    outside[rows : shape[0] - rows, columns : shape[1] - columns] = False
    return outside


def aperture(shape: tuple[int, int]) -> np.ndarray:
    """Return where an image (H, W) is within 0.3 of its smaller side from its middle: (H, W) bool."""
    y, x = (np.arange(size) - (size - 1) / 2 for size in shape)
    return np.hypot(y[:, None], x) <= 0.3 * min(shape)


def locate(cubes: np.ndarray, noise: np.ndarray) -> np.ndarray:
    """Find the middle of the light near the middle of images.

    The centroid under a round Gaussian window that moves to it, from the image's middle until it rests: the windowed
    position of Bertin's SExtractor (manual, "Windowed positional parameters"), but with steps of full instead of
    double length, which never swing around a source smaller than the window. Its sigma is a tenth of the image's side.

    Args:
        cubes: (n, C, H, W) images without background.
        noise: (n, C) of a pixel.

    Returns:
        (n, C, 2) offsets in x (column) and y (row) [pixels]; NaN where the window left the middle quarter of the
        image's area, or its light is less than ``SIGNIFICANT`` times the noise of such a sum: that of independent
        pixels, or, if that is more, as in smoothed images, what six pairs of windows on opposite sides
        differ by: a symmetric object is the same in both.
    """
    shape = cubes.shape[2:]
    y, x = (np.arange(size, dtype=cubes.dtype) - (size - 1) / 2 for size in shape)
    width = min(shape) / 10
    place = np.zeros((*cubes.shape[:2], 2))
    for _ in range(STEPS):
        light, moments = _window(cubes, x, y, place, width)
        step = np.divide(moments, light[..., None], out=np.zeros_like(moments), where=light[..., None] > 0)
        place = place + np.clip(step, -width, width)
    light, _ = _window(cubes, x, y, place, width)
    angles = np.arange(6) * np.pi / 6
    ring = 0.32 * min(shape) * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    pairs = [np.subtract(*(_window(cubes, x, y, place + end, width)[0] for end in (spot, -spot))) for spot in ring]
    scatter = NORMAL_MAD * np.median(np.abs(pairs), axis=0) / np.sqrt(2)
    error = np.maximum(noise * width * np.sqrt(np.pi), scatter)
    near = (np.abs(place) < np.array(shape[::-1]) / 4).all(axis=-1)
    sure = (light > 0) & (light >= SIGNIFICANT * error) & near
    return np.where(sure[..., None], place, np.nan)


def _window(
    cubes: np.ndarray, x: np.ndarray, y: np.ndarray, place: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the light under Gaussian windows at ``place`` (n, C, 2), and its first moments: (n, C) and (n, C, 2)."""
    dx, dy = x - place[..., :1], y - place[..., 1:]
    along_x, along_y = (np.exp(-0.5 * (d / width) ** 2) for d in (dx, dy))
    rows = cubes @ np.stack([along_x, along_x * dx], axis=-1).astype(cubes.dtype)  # (n, C, H, 2): sums over x
    light = (along_y * rows[..., 0]).sum(axis=-1)
    moments = [(along_y * rows[..., 1]).sum(axis=-1), (along_y * dy * rows[..., 0]).sum(axis=-1)]
    return light, np.stack(moments, axis=-1)


def choose_examples(file: Dataset, most: int = EXAMPLES) -> Examples:
    """Choose objects at evenly spaced ranks of the label, among those that have one; of all objects, if none has."""
    label = file.labels[file.label]
    known = present(label)
    order = np.flatnonzero(known)[np.argsort(label[known], kind="stable")] if known.any() else np.arange(len(file))
    number = min(most, len(order))
    rows = order[((np.arange(number) + 0.5) * len(order) / number).astype(int)]
    return Examples(rows, np.where(known[rows], label[rows], np.nan), file.images(rows))


def magnitudes(file: Dataset) -> dict[str, np.ndarray]:
    """Return band -> (N,) catalogue magnitudes [mag], NaN where missing, for the bands that have any.

    Labels and scalars are taken whose kind is magnitude, as observed: of several in a band the first by name
    (``cModelMag`` before ``modelMag`` and ``psfMag``).
    """
    values = {f"{kind}/{name}": array for kind, part in _parts(file) for name, array in part.items()}
    found = {}
    for band in file.bands:
        columns = {name: file.columns[name] for name in values}
        of_band = [name for name, column in columns.items() if (column.kind, column.band) == ("magnitude", band)]
        if of_band:
            first = values[min(of_band, key=lambda name: name.partition("/")[2].lower())]
            found[band] = np.where(present(first), first, np.nan)
    return found


def _parts(file: Dataset) -> tuple[tuple[str, Mapping[str, np.ndarray]], ...]:
    return ("label", file.labels), ("scalar", file.scalars)


def image_magnitudes(light: np.ndarray) -> np.ndarray:
    """Return the AB magnitude of light [nanomaggy], NaN where it is not positive."""
    positive = np.where(light > 0, light, np.nan)
    return NANOMAGGY_ZERO - 2.5 * np.log10(positive)


def bands(data: Exploration) -> list[Band]:
    """Return every band in numbers."""
    measured = data.measured
    known = magnitudes(data.file) if data.units == NANOMAGGY else {}
    rows = []
    for place, name in enumerate(data.file.bands):
        offset = measured.offset[:, place]
        offset = offset[np.isfinite(offset).all(axis=1)]
        distance = np.hypot(*offset.T)
        difference = np.empty(0)
        if name in known:  # of the objects that stand out of the noise, so that none is missing for being too faint
            light = np.where(np.isfinite(measured.offset[:, place, 0]), measured.light[:, place], np.nan)
            difference = image_magnitudes(light) - known[name]
        rows.append(
            Band(
                name=name,
                noise=_median(measured.noise[:, place]),
                border_noise=_median(measured.border_noise[:, place]),
                level=_median(measured.level[:, place]),
                located=len(offset),
                dx=_median(offset[:, 0]),
                dy=_median(offset[:, 1]),
                distance=_median(distance),
                within=float(np.mean(distance <= 1)) if len(distance) else None,
                magnitude=_median(difference),
                magnitude_scatter=_scatter(difference),
            )
        )
    return rows


def column_facts(file: Dataset) -> list[ColumnFacts]:
    """Return every label and scalar in numbers, labels first."""
    rows = []
    for kind, columns in _parts(file):
        for name, values in columns.items():
            column, known = file.columns[f"{kind}/{name}"], values[present(values)]
            numbers = (float(known.min()), float(np.median(known)), float(known.max())) if len(known) else ()
            rows.append(ColumnFacts(name, column.units, column.description, len(values) - len(known), *numbers))
    return rows


def group_sizes(file: Dataset) -> np.ndarray:
    """Return the number of objects of every group, in descending order."""
    return np.sort(np.unique(file.groups, return_counts=True)[1])[::-1]


def short_names(names: tuple[str, ...]) -> tuple[tuple[str, ...], str]:
    """Return band names without the units that all of them end with, and those units (empty if there are none)."""
    parts = [name.rpartition(" ") for name in names]
    units = {unit for head, _, unit in parts if head}
    if len(units) != 1 or not all(head for head, _, _ in parts):
        return names, ""
    return tuple(head for head, _, _ in parts), units.pop()


def _median(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(np.median(values)) if len(values) else None


def _scatter(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)]
    return float(nmad(values)) if len(values) else None
