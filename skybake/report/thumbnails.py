"""Small images of objects in one sheet, which a page holds once and all its figures and tables share."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from skybake.data.dataset import Dataset, Reader
from skybake.data.exploration import measure
from skybake.figures import _panels, colour_composites

SIDE = 48  # pixels of a thumbnail
ACROSS = 32  # of them in a row
BLOCK = 64  # images in memory at once
QUALITY = 72  # of WebP, lossy: some 600 bytes a thumbnail


@dataclass(frozen=True)
class Sheet:
    """Thumbnails side by side.

    Attributes:
        source: The sheet as a data address; empty where there is no object.
        x, y: (n,) where the thumbnail of each object begins [pixels].
        said: How the images are coloured, in words.
    """

    source: str
    x: np.ndarray
    y: np.ndarray
    said: str


def draw(file: Dataset, rows: np.ndarray) -> Sheet:
    """Draw the objects of some rows: photographs as they are, others as composites of their bands on one scale.

    Args:
        file: The dataset.
        rows: (n,) in the order of the thumbnails.
    """
    places = np.arange(len(rows))
    x, y = SIDE * (places % ACROSS), SIDE * (places // ACROSS)
    photographs = _panels.photograph(file.bands)
    said = "in their own colours" if photographs else "composites of the bands after Lupton et al. (2004), one scale"
    if not len(rows):
        return Sheet("", x, y, said)
    sheet = Image.new("RGB", (SIDE * min(len(rows), ACROSS), SIDE * -(-len(rows) // ACROSS)))
    with Reader(file) as reader:
        scale = () if photographs else _scale(reader.images(_even(rows)))
        for first in range(0, len(rows), BLOCK):
            images = np.nan_to_num(reader.images(rows[first : first + BLOCK]))
            for picture, left, top in zip(_pictures(images, file, scale), x[first:], y[first:], strict=False):
                small = Image.fromarray(picture).resize((SIDE, SIDE), _filter(picture))
                sheet.paste(small, (int(left), int(top)))
    written = io.BytesIO()
    sheet.save(written, "WEBP", quality=QUALITY, method=4)
    return Sheet("data:image/webp;base64," + base64.b64encode(written.getvalue()).decode("ascii"), x, y, said)


def _pictures(images: np.ndarray, file: Dataset, scale: tuple[np.ndarray, ...]) -> np.ndarray:
    """Return images in colour, (n, H, W, 3) uint8, the upper row first."""
    if not scale:
        return np.clip(images, 0, 255).astype(np.uint8)
    channels = colour_composites.choose_channels(file.bands)
    return colour_composites.coloured(images, channels, *scale)[:, ::-1]


def _scale(images: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return level, noise and light (C,) of a typical object."""
    measured = measure(np.nan_to_num(images))
    return tuple(np.median(values, axis=0) for values in (measured.level, measured.border_noise, measured.light))


def _even(rows: np.ndarray) -> np.ndarray:
    """Return at most a block of the rows, at equal steps."""
    return rows if len(rows) <= BLOCK else rows[np.linspace(0, len(rows) - 1, BLOCK).astype(int)]


def _filter(picture: np.ndarray) -> Image.Resampling:
    """Return how a picture is resized: larger pixels stay squares."""
    return Image.Resampling.NEAREST if min(picture.shape[:2]) < SIDE else Image.Resampling.LANCZOS
