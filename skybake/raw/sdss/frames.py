"""SDSS frames: finding them, reading the part that is needed, cutting objects out of the five bands.

A frame is ``frame-<band>-<run:06d>-<camcol>-<field:04d>.fits[.bz2]``: HDU 0 holds 1489 rows of 2048 float32 pixels in
nanomaggies, sky-subtracted, with a TAN WCS of its own (data model:
https://data.sdss.org/datamodel/files/BOSS_PHOTOOBJ/frames/RERUN/RUN/CAMCOL/frame.html).
"""

from __future__ import annotations

import math
import os
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skybake.raw.cutting import Cutouts, Frame, FrameError, contents_of, cut, open_stream, read_rows

BANDS = ("u", "g", "r", "i", "z")
ROWS, COLUMNS = 1489, 2048
PIXEL = 0.396  # arcsec

_NAME = re.compile(r"frame-[ugriz]-\d{6}-[1-6]-\d{4}\.fits(\.bz2)?")


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
    """Cut all objects of a field out of its five frames."""
    return cut(field.rows, len(BANDS), partial(_opened, field), size, centring)


def _opened(field: Field, channel: int, digests: dict[str, str]) -> Frame:
    path, band = _present(field)[channel], BANDS[channel]
    stream, header = open_stream(contents_of(path, digests), path.name)
    x, y = _places(header, field, band, path.name)
    shape = (ROWS, COLUMNS)
    return Frame(path.name, shape, x, y, lambda rows: read_rows(stream, rows, shape, ">f4", path.name))


def _present(field: Field) -> list[Path]:
    names = [frame_name(band, field.run, field.camcol, field.field) for band in BANDS]
    missing = [name for name, path in zip(names, field.frames, strict=True) if path is None]
    if missing:
        raise FrameError("missing frame", f"no {', '.join(missing)} (or .bz2) found")
    return [path for path in field.frames if path is not None]


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
