"""SDSS frames: finding them, reading the part that is needed, cutting objects out of the five bands.

A frame is ``frame-<band>-<run:06d>-<camcol>-<field:04d>.fits[.bz2]``: HDU 0 holds 1489 rows of 2048 float32 pixels in
nanomaggies, sky-subtracted, with a TAN WCS of its own (data model:
https://data.sdss.org/datamodel/files/BOSS_PHOTOOBJ/frames/RERUN/RUN/CAMCOL/frame.html).

Decompression is what costs time (about 16 MB/s of pixels a core), so each file is opened once, its header and pixels
come from one pass of the decompressor, and that pass ends with the last row that an object of the field needs.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

BANDS = ("u", "g", "r", "i", "z")
ROWS, COLUMNS = 1489, 2048
PIXEL = 0.396  # arcsec
MARGIN = 12  # pixels around a resampled stamp: the cubic spline's prefilter has decayed to 1e-7 there

_NAME = re.compile(r"frame-[ugriz]-\d{6}-[1-6]-\d{4}\.fits(\.bz2)?")
_BZ2_END = 0x177245385090  # 48 bits that open the end-of-stream marker, at any bit; a 32-bit checksum follows


class FrameError(ValueError):
    """A frame that cannot be used; all objects of its field are rejected.

    Attributes:
        reason: ``"missing frame"``, ``"empty frame"``, ``"truncated frame"``, ``"damaged frame"`` or
            ``"foreign frame"``.
        detail: Name of the file, what was expected and what was found.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True)
class Field:
    """The objects to cut from one field.

    Attributes:
        run, camcol, field: Numbers of the field.
        frames: One path per band, in the order of ``BANDS``; None where no such file was found.
        rows: (n,) row numbers of the objects in the catalogue.
        ra, dec: (n,) positions [deg, ICRS].
    """

    run: int
    camcol: int
    field: int
    frames: tuple[Path | None, ...]
    rows: np.ndarray
    ra: np.ndarray
    dec: np.ndarray


@dataclass(frozen=True)
class Cutouts:
    """What one field gave.

    Attributes:
        rows: (n,) row numbers in the catalogue of the objects that were cut.
        images: (n, size, size, 5) float32 [nanomaggy].
        padded: (n,) fraction of pixels that lie beyond the frame or are not finite in it, and are 0 here.
        rejected: Row number -> (reason, detail) of the other objects.
        digests: File name -> SHA-256 of every frame that was opened.
    """

    rows: np.ndarray
    images: np.ndarray
    padded: np.ndarray
    rejected: dict[int, tuple[str, str]]
    digests: dict[str, str]


def frame_name(band: str, run: int, camcol: int, field: int) -> str:
    """Return the archive's name of a frame, without ``.bz2``."""
    return f"frame-{band}-{run:06d}-{camcol}-{field:04d}.fits"


def find_frames(folder: Path) -> dict[str, list[Path]]:
    """Find every frame at any depth of ``folder``: name without ``.bz2`` -> paths, sorted, uncompressed first."""
    found: dict[str, list[Path]] = {}
    for parent, _, names in os.walk(folder, followlinks=True):
        for name in names:
            if _NAME.fullmatch(name):
                found.setdefault(name.removesuffix(".bz2"), []).append(Path(parent, name))
    return {name: sorted(paths, key=lambda path: (path.suffix == ".bz2", path)) for name, paths in found.items()}


def choose_frame(paths: Sequence[Path], rerun: str) -> Path | None:
    """Choose among files of one frame: one below a folder named as the rerun, else the first."""
    for path in paths:
        if rerun and rerun in path.parts:
            return path
    return paths[0] if paths else None


def cut_fields(fields: Sequence[Field], size: int, centring: str, threads: int) -> Iterator[Cutouts]:
    """Cut all fields in ``threads`` processes; results come in the order of ``fields``, each as soon as it can.

    Processes are joblib's: they do not run the calling script again, as those of ``multiprocessing`` would.
    """
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=threads, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
    return parallel(delayed(cut_field)(field, size, centring) for field in fields)


def cut_field(field: Field, size: int, centring: str) -> Cutouts:
    """Cut all objects of a field out of its five frames; see :class:`skybake.raw.sdss.Options` for ``centring``."""
    images = np.zeros((len(field.rows), size, size, len(BANDS)), dtype=np.float32)
    padded = np.zeros(len(field.rows))
    rejected: dict[int, tuple[str, str]] = {}
    digests: dict[str, str] = {}
    try:
        for channel, (band, path) in enumerate(zip(BANDS, _present(field), strict=True)):
            contents = _read(path)
            digests[path.name] = hashlib.sha256(contents).hexdigest()
            stream, header = _open(contents, path.name)
            x, y = _places(header, field, band, path.name)
            inside = (x >= -0.5) & (x < COLUMNS - 0.5) & (y >= -0.5) & (y < ROWS - 0.5)
            for k in np.flatnonzero(~inside).tolist():
                where = f"at pixel ({x[k]:.1f}, {y[k]:.1f}) of {path.name}, which has {COLUMNS} x {ROWS}"
                rejected.setdefault(int(field.rows[k]), ("outside the frame", where))
            alive = [k for k in range(len(field.rows)) if int(field.rows[k]) not in rejected]
            if not alive:
                break
            pixels = _read_rows(stream, _last_row(y[alive], size, centring), path.name)
            for k in alive:
                images[k, :, :, channel], blank = _CUT[centring](pixels, x[k], y[k], size)
                padded[k] += blank / len(BANDS)
                if blank == 1:
                    where = f"no finite pixel about ({x[k]:.1f}, {y[k]:.1f}) of {path.name}"
                    rejected[int(field.rows[k])] = ("blank cutout", where)
    except FrameError as error:
        rejected = {int(row): (error.reason, error.detail) for row in field.rows}
    kept = np.array([int(row) not in rejected for row in field.rows], dtype=bool)
    return Cutouts(field.rows[kept], images[kept], padded[kept], rejected, digests)


def _present(field: Field) -> list[Path]:
    names = [frame_name(band, field.run, field.camcol, field.field) for band in BANDS]
    missing = [name for name, path in zip(names, field.frames, strict=True) if path is None]
    if missing:
        raise FrameError("missing frame", f"no {', '.join(missing)} (or .bz2) found")
    return [path for path in field.frames if path is not None]


def _read(path: Path) -> bytes:
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
    return contents


def _check_bz2(contents: bytes, name: str) -> None:
    """Check both ends: without its end the file is truncated, wherever in it the objects are."""
    if not contents.startswith(b"BZh"):
        raise FrameError("foreign frame", f"{name} is not bzip2: it begins with {contents[:12]!r}")
    tail = int.from_bytes(contents[-11:], "big")
    if not any(tail >> (32 + spare) & 0xFFFFFFFFFFFF == _BZ2_END for spare in range(8)):
        raise FrameError("truncated frame", f"{name}: the end of the bzip2 stream is missing")


def _open(contents: bytes, name: str) -> tuple[io.BufferedIOBase, Any]:
    """Return a stream that stands at the first pixel, and the header of HDU 0."""
    from astropy.io.fits import Header

    stream: io.BufferedIOBase = io.BytesIO(contents)
    if name.endswith(".bz2"):
        stream = bz2.BZ2File(stream)
    start = _read_bytes(stream, 2880, name)
    if not start:
        raise FrameError("empty frame", f"{name} decompresses to no bytes")
    if not start.startswith(b"SIMPLE  ="):
        raise FrameError("foreign frame", f"{name} is not FITS: it begins with {start[:12]!r}")
    blocks = [start]
    while not any(blocks[-1][card : card + 8] == b"END     " for card in range(0, 2880, 80)):
        blocks.append(_read_bytes(stream, 2880, name))
        if len(blocks[-1]) < 2880:
            raise FrameError("truncated frame", f"{name} ends within its header")
    return stream, Header.fromstring(b"".join(blocks))


def _read_bytes(stream: io.BufferedIOBase, size: int, name: str) -> bytes:
    try:
        return stream.read(size)
    except EOFError:
        raise FrameError("truncated frame", f"{name}: the bzip2 stream ends early") from None
    except OSError as error:
        raise FrameError("damaged frame", f"{name}: {error}") from None


def _places(header: Any, field: Field, band: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return zero-based pixel positions by the frame's own WCS, once its header is found to be the right one's."""
    from astropy.io.fits import VerifyError

    try:
        _check_header(header, field, band, name)
        return _pixels(header, field)
    except (VerifyError, ValueError, KeyError, TypeError) as error:  # wcslib's errors are ValueErrors and their like
        if isinstance(error, FrameError):
            raise
        raise FrameError("damaged frame", f"{name}: its header cannot be read ({error})".replace("\n", " ")) from None


def _check_header(header: Mapping[str, Any], field: Field, band: str, name: str) -> None:
    expected = {
        "BITPIX": -32,
        "NAXIS": 2,
        "NAXIS1": COLUMNS,
        "NAXIS2": ROWS,
        "BUNIT": "nanomaggy",
        "CTYPE1": "RA---TAN",
        "CTYPE2": "DEC--TAN",
        "RUN": field.run,
        "CAMCOL": field.camcol,
        "FILTER": band,
    }
    for key, value in expected.items():
        found = header.get(key)
        if (found.strip() if isinstance(found, str) else found) != value:
            raise FrameError("foreign frame", f"{name}: {key} is {found!r}, expected {value!r}")
    if header.get("BSCALE", 1) != 1 or header.get("BZERO", 0) != 0:
        raise FrameError("foreign frame", f"{name}: scaled pixels (BSCALE, BZERO), expected plain nanomaggies")
    _check_coordinates(header, name)


def _check_coordinates(header: Mapping[str, Any], name: str) -> None:
    """Check the cards that astropy would fill with defaults: then every object would be elsewhere."""
    for key in ("CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2", "CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        value = header.get(key)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise FrameError("foreign frame", f"{name}: {key} is {value!r}, expected a number of the frame's WCS")
    area = abs(header["CD1_1"] * header["CD2_2"] - header["CD1_2"] * header["CD2_1"])
    pixel = 3600 * math.sqrt(area)
    if not 0.95 * PIXEL < pixel < 1.05 * PIXEL:
        raise FrameError("foreign frame", f"{name}: pixels of {pixel:.4g} arcsec by its WCS, expected {PIXEL}")


def _pixels(header: Any, field: Field) -> tuple[np.ndarray, np.ndarray]:
    """Return zero-based pixel positions; NaN where an object is on the other side of the sky."""
    from astropy.wcs import WCS

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every frame has the old keyword RADECSYS
        return WCS(header, naxis=2).wcs_world2pix(field.ra, field.dec, 0)


def _last_row(y: np.ndarray, size: int, centring: str) -> int:
    margin = MARGIN if centring == "resampled" else 0
    return min(ROWS, int(np.ceil(y.max() - size / 2)) + size + margin)


def _read_rows(stream: io.BufferedIOBase, rows: int, name: str) -> np.ndarray:
    wanted = 4 * COLUMNS * rows
    contents = _read_bytes(stream, wanted, name)
    if len(contents) < wanted:
        found = len(contents) // (4 * COLUMNS)
        raise FrameError("truncated frame", f"{name}: {found} rows of pixels found, the header says {ROWS}")
    return np.frombuffer(contents, dtype=">f4").reshape(rows, COLUMNS)


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
