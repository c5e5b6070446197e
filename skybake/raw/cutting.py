"""Cutting objects out of frames by their pixel positions: what all readers of frames share.

Decompression is what costs time (about 16 MB/s of pixels a core), so each file is opened once, its header and pixels
come from one pass of the decompressor, and that pass ends with the last row that an object of the frame needs.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MARGIN = 12  # pixels around a resampled stamp: the cubic spline's prefilter has decayed to 1e-7 there
CENTRING = (
    "nearest: whole pixels, values untouched, the object within half a pixel of the middle, the bands up to a pixel"
    " apart; resampled: shifted by the rest of a pixel with a cubic spline, the object on the middle in every band,"
    " flux conserved, noise correlated"
)
"""What the option ``centring`` of a reader is."""

_BZ2_END = 0x177245385090  # 48 bits that open the end-of-stream marker, at any bit; a 32-bit checksum follows


class FrameError(ValueError):
    """A frame that cannot be used; all its objects are rejected.

    Attributes:
        reason: ``"missing frame"``, ``"empty frame"``, ``"truncated frame"``, ``"damaged frame"`` or
            ``"foreign frame"``.
        detail: Name of the file, what was expected and what was found.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Cutouts:
    """What the frames of one place gave.

    Attributes:
        rows: (n,) row numbers in the catalogue of the objects that were cut.
        images: (n, size, size, bands) float32.
        padded: (n,) fraction of pixels that lie beyond the frame or are not finite in it, and are 0 here.
        rejected: Row number -> (reason, detail) of the other objects.
        digests: File name -> SHA-256 of every frame that was opened.
    """

    rows: np.ndarray
    images: np.ndarray
    padded: np.ndarray
    rejected: dict[int, tuple[str, str]]
    digests: dict[str, str]


@dataclass(frozen=True)
class Frame:
    """An open frame of one band.

    Attributes:
        name: Of its file.
        shape: Rows and columns of its pixels.
        x, y: (n,) zero-based pixel positions of the objects; NaN where one is on the other side of the sky.
        read: Number of rows -> at least these first rows of pixels; called once.
    """

    name: str
    shape: tuple[int, int]
    x: np.ndarray
    y: np.ndarray
    read: Callable[[int], np.ndarray]


def cut(
    rows: np.ndarray, bands: int, opened: Callable[[int, dict[str, str]], Frame], size: int, centring: str
) -> Cutouts:
    """Cut objects out of the frames of one place, which are opened one after the other.

    Args:
        rows: (n,) row numbers of the objects.
        bands: Number of frames.
        opened: Opens the frame of a band, and adds its digest to those of the files that were opened.
        size: Pixels a side.
        centring: ``"nearest"`` or ``"resampled"``, see :data:`CENTRING`.
    """
    images = np.zeros((len(rows), size, size, bands), dtype=np.float32)
    padded = np.zeros(len(rows))
    rejected: dict[int, tuple[str, str]] = {}
    digests: dict[str, str] = {}
    try:
        for channel in range(bands):
            frame = opened(channel, digests)
            x, y, (height, width) = frame.x, frame.y, frame.shape
            inside = (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)
            for k in np.flatnonzero(~inside).tolist():
                where = f"at pixel ({x[k]:.1f}, {y[k]:.1f}) of {frame.name}, which has {width} x {height}"
                rejected.setdefault(int(rows[k]), ("outside the frame", where))
            alive = [k for k in range(len(rows)) if int(rows[k]) not in rejected]
            if not alive:
                break
            pixels = frame.read(last_row(y[alive], height, size, centring))
            for k in alive:
                images[k, :, :, channel], blank = _CUT[centring](pixels, x[k], y[k], size)
                padded[k] += blank / bands
                if blank == 1:
                    where = f"no finite pixel about ({x[k]:.1f}, {y[k]:.1f}) of {frame.name}"
                    rejected[int(rows[k])] = ("blank cutout", where)
    except FrameError as error:
        rejected = {int(row): (error.reason, error.detail) for row in rows}
    kept = np.array([int(row) not in rejected for row in rows], dtype=bool)
    return Cutouts(rows[kept], images[kept], padded[kept], rejected, digests)


def contents_of(path: Path, digests: dict[str, str]) -> bytes:
    """Return what is in a file, which is whole at its end as far as can be seen, and add its SHA-256."""
    try:
        contents = path.read_bytes()
    except FileNotFoundError:  # a link to nowhere
        raise FrameError("missing frame", f"{path.name} is a link to a file that is not there") from None
    if not contents:
        raise FrameError("empty frame", f"{path.name} has no bytes")
    if path.suffix == ".bz2":
        _check_bz2(contents, path.name)
    elif contents.startswith(b"SIMPLE") and len(contents) % 2880:
        raise FrameError("truncated frame", f"{path.name}: {len(contents)} bytes, not a multiple of FITS' 2880")
    digests[path.name] = hashlib.sha256(contents).hexdigest()
    return contents


def _check_bz2(contents: bytes, name: str) -> None:
    """Check both ends: without its end the file is truncated, wherever in it the objects are."""
    if not contents.startswith(b"BZh"):
        raise FrameError("foreign frame", f"{name} is not bzip2: it begins with {contents[:12]!r}")
    tail = int.from_bytes(contents[-11:], "big")
    if not any(tail >> (32 + spare) & 0xFFFFFFFFFFFF == _BZ2_END for spare in range(8)):
        raise FrameError("truncated frame", f"{name}: the end of the bzip2 stream is missing")


def open_stream(contents: bytes, name: str) -> tuple[io.BufferedIOBase, Any]:
    """Return a stream that stands at the first pixel, and the header of HDU 0."""
    from astropy.io.fits import Header

    stream: io.BufferedIOBase = io.BytesIO(contents)
    if name.endswith(".bz2"):
        stream = bz2.BZ2File(stream)
    start = read_bytes(stream, 2880, name)
    if not start:
        raise FrameError("empty frame", f"{name} decompresses to no bytes")
    if not start.startswith(b"SIMPLE  ="):
        raise FrameError("foreign frame", f"{name} is not FITS: it begins with {start[:12]!r}")
    blocks = [start]
    while not any(blocks[-1][card : card + 8] == b"END     " for card in range(0, 2880, 80)):
        blocks.append(read_bytes(stream, 2880, name))
        if len(blocks[-1]) < 2880:
            raise FrameError("truncated frame", f"{name} ends within its header")
    return stream, Header.fromstring(b"".join(blocks))


def read_bytes(stream: io.BufferedIOBase, size: int, name: str) -> bytes:
    """Return the next bytes of a stream, fewer where it ends."""
    try:
        return stream.read(size)
    except EOFError:
        raise FrameError("truncated frame", f"{name}: the bzip2 stream ends early") from None
    except (OSError, zlib.error) as error:
        raise FrameError("damaged frame", f"{name}: {error}") from None


def last_row(y: np.ndarray, height: int, size: int, centring: str) -> int:
    """Return how many rows of a frame are needed for objects (n,) at rows ``y``."""
    margin = MARGIN if centring == "resampled" else 0
    return min(height, int(np.ceil(y.max() - size / 2)) + size + margin)


def read_rows(stream: io.BufferedIOBase, rows: int, shape: tuple[int, int], dtype: str, name: str) -> np.ndarray:
    """Return the next rows of pixels of a stream, of the ``shape`` that the header says."""
    kind = np.dtype(dtype)
    one = kind.itemsize * shape[1]
    contents = read_bytes(stream, one * rows, name)
    if len(contents) < one * rows:
        raise FrameError(
            "truncated frame", f"{name}: {len(contents) // one} rows of pixels found, the header says {shape[0]}"
        )
    return np.frombuffer(contents, dtype=kind).reshape(rows, shape[1])


def _nearest(pixels: np.ndarray, x: float, y: float, size: int) -> tuple[np.ndarray, float]:
    """Cut whole pixels: the object lies within half a pixel of the middle of the cutout, (size - 1) / 2."""
    from astropy.nddata.utils import extract_array

    cutout = extract_array(pixels, (size, size), (y, x), mode="partial", fill_value=np.nan)
    blank = ~np.isfinite(cutout)
    return np.where(blank, np.float32(0), cutout), float(blank.mean())


def _resampled(pixels: np.ndarray, x: float, y: float, size: int) -> tuple[np.ndarray, float]:
    """Shift by the rest of a pixel with a cubic spline: the object lies on the middle of the cutout."""
    from scipy.ndimage import shift

    _, blank = _nearest(pixels, x, y, size)
    stamp, _ = _nearest(pixels, x, y, size + 2 * MARGIN)
    middle = (size - 1) / 2 + MARGIN
    rest = [middle - (place - np.ceil(place - size / 2 - MARGIN)) for place in (y, x)]
    return shift(stamp.astype(np.float64), rest, order=3, mode="nearest")[MARGIN:-MARGIN, MARGIN:-MARGIN], blank


_CUT = {"nearest": _nearest, "resampled": _resampled}
