"""Tiles of the sky: their files, where they are, which object is cut out of which, and their pixels."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from skybake.raw import RawError
from skybake.raw.cutting import Cutouts, Frame, FrameError, contents_of, cut, open_stream, read_bytes, read_rows
from skybake.raw.frames.options import Options
from skybake.raw.pixels import ImageError, image_hdu, unpacked

_FITS = re.compile(r".*\.(fits?|fts)(\.(fz|gz|bz2))?", re.IGNORECASE)
_UNPACK: dict[str, Callable[[Path], Any]] = {".bz2": bz2.open, ".gz": gzip.open}
_TYPES = {8: "u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}  # by BITPIX


@dataclass(frozen=True)
class Tile:
    """The files of one place of the sky, and the objects to cut out of them.

    Attributes:
        name: What ``{tile}`` stands for.
        paths: One a band; None where there is no such file.
        weights, masks: Likewise, empty where none are asked for.
        rows: (n,) row numbers of the objects in the catalogue.
        ra, dec: (n,) positions [deg].
    """

    name: str
    paths: tuple[Path | None, ...]
    weights: tuple[Path | None, ...]
    masks: tuple[Path | None, ...]
    rows: np.ndarray
    ra: np.ndarray
    dec: np.ndarray


def find_tiles(folder: Path, options: Options) -> dict[str, list[dict[str, Path]]]:
    """Find the files of a folder, at any depth: tile -> of image, weight and mask, band -> path. Sorted by tile.

    Raises:
        RawError: There is no file that follows the pattern, or two are of the same tile and band.
    """
    names = []
    for parent, _, files in os.walk(folder, followlinks=True):
        names += [Path(parent, name).relative_to(folder).as_posix() for name in files if _FITS.fullmatch(name)]
    tiles: dict[str, list[dict[str, Path]]] = {}
    patterns = [_Pattern.of(pattern, options.bands) for pattern in (options.pattern, options.weight, options.mask)]
    for number, wanted in enumerate(patterns):
        for name in sorted(names):
            found = wanted.found(name)
            if found is None or (number == 0 and any(other.found(name) for other in patterns[1:])):
                continue
            parts = found.groupdict()
            of_bands = tiles.setdefault(parts["tile"], [{}, {}, {}])[number]
            band = parts.get("band", "")
            if band in of_bands:
                other = of_bands[band].relative_to(folder)
                raise RawError(f"{folder}: {other} and {name} are of one tile, {parts['tile']}")
            of_bands[band] = folder / name
    tiles = {name: files for name, files in sorted(tiles.items()) if files[0]}
    if not tiles:
        some = ", ".join(sorted(names)[:3]) or "none"
        raise RawError(
            f"{folder}: no FITS file follows the pattern {options.pattern!r}; found {some}. Hint: the option pattern"
        )
    return tiles


@dataclass(frozen=True)
class _Pattern:
    """What files must be called; one without a folder is of their own names, at any depth.

    Attributes:
        expression: None where no file is meant.
        folders: Whether it is of the path below the folder of all.
    """

    expression: re.Pattern[str] | None
    folders: bool

    @classmethod
    def of(cls, pattern: str, bands: Sequence[str]) -> _Pattern:
        """Return it as an expression; where it tells no ending, any of FITS will do, packed or not."""
        if not pattern:
            return cls(None, False)
        text, either = re.escape(pattern), "|".join(map(re.escape, bands))
        for name, expression in (("tile", ".+?"), ("band", either)):
            text = text.replace(rf"\{{{name}\}}", f"(?P<{name}>{expression})", 1)
            text = text.replace(rf"\{{{name}\}}", f"(?P={name})")
        end = "" if _FITS.fullmatch(pattern) else r"\.(?:fits?|fts)(?:\.(?:fz|gz|bz2))?"
        return cls(re.compile(text + end), "/" in pattern)

    def found(self, name: str) -> re.Match[str] | None:
        """Return the parts of a file's name; None if it is another."""
        own = name if self.folders else name.rpartition("/")[2]
        return None if self.expression is None else self.expression.fullmatch(own)


def assign(
    tiles: Mapping[str, Sequence[Mapping[str, Path]]],
    rows: np.ndarray,
    ra: np.ndarray,
    dec: np.ndarray,
    options: Options,
) -> tuple[list[Tile], dict[int, tuple[str, str]]]:
    """Choose for each object (n,) the tile that it lies on, of several that whose centre is nearest.

    The header of one band's file is read for it, without its pixels.

    Returns:
        The tiles that have objects, and row -> why it is on none.
    """
    best, chosen = np.full(len(rows), np.inf), np.full(len(rows), -1)
    stars, bands = _vectors(ra, dec), options.bands if "{band}" in options.pattern else ("",)
    faults: list[str] = []
    for number, files in enumerate(tiles.values()):
        path = files[0].get(bands[0]) or next(iter(files[0].values()))
        try:
            header = _header(path, options.hdu)
            centre, reach = _centre(header, path.name)
        except FrameError as error:
            faults.append(f"{error.reason}, {error.detail}")
            continue
        apart = np.linalg.norm(stars - centre, axis=1)
        near = np.flatnonzero((apart < best) & (apart <= reach))
        if not len(near):
            continue
        x, y = _pixels(header, ra[near], dec[near], path.name)
        width, height = _sides(header)
        near = near[(x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)]
        best[near], chosen[near] = apart[near], number
    against = "; ".join(faults[:3]) or f"none of {len(tiles)} tiles has it"
    lost = np.flatnonzero(chosen < 0).tolist()
    reasons = {int(rows[k]): ("on no frame", f"ra {ra[k]:.6g}, dec {dec[k]:.6g}: {against}") for k in lost}
    found = []
    for number, (name, files) in enumerate(tiles.items()):
        members = np.flatnonzero(chosen == number)
        if len(members):
            paths, weights, masks = (tuple(each.get(band) for band in bands) for each in files)
            weights, masks = (weights if options.weight else ()), (masks if options.mask else ())
            found.append(Tile(name, paths, weights, masks, rows[members], ra[members], dec[members]))
    return found, reasons


def cut_tiles(tiles: Sequence[Tile], options: Options, threads: int) -> Iterator[Cutouts]:
    """Cut all tiles in ``threads`` processes; results come in the order of ``tiles``."""
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=threads, return_as="generator", batch_size=1, pre_dispatch="2*n_jobs")
    return parallel(delayed(cut_tile)(tile, options) for tile in tiles)


def cut_tile(tile: Tile, options: Options) -> Cutouts:
    """Cut all objects of a tile out of its files, each of which is opened once."""
    return cut(tile.rows, len(tile.paths), partial(_opened, tile, options), options.size, options.centring)


def _opened(tile: Tile, options: Options, channel: int, digests: dict[str, str]) -> Frame:
    path = _there(tile, tile.paths[channel], channel, options)
    header, read = _image(path, options.hdu, digests)
    x, y = _pixels(header, tile.ra, tile.dec, path.name)
    width, height = _sides(header)

    def masked(rows: np.ndarray | int) -> np.ndarray:
        pixels = read(rows)
        if options.missing_pixels:
            bad = np.isin(pixels, np.array(options.missing_pixels, dtype=np.float32))
            pixels = np.where(bad, np.nan, pixels.astype(np.float32 if pixels.dtype.itemsize <= 4 else np.float64))
        for files, pattern in ((tile.weights, "weight"), (tile.masks, "mask")):
            if files:
                beside = _there(tile, files[channel], channel, options, pattern)
                pixels = _without(pixels, _image(beside, "", digests), (height, width), beside.name, pattern, options)
        return pixels

    return Frame(path.name, (height, width), x, y, masked)


def _there(tile: Tile, path: Path | None, channel: int, options: Options, key: str = "pattern") -> Path:
    if path is None:
        name = getattr(options, key).replace("{tile}", tile.name)
        name = name.replace("{band}", options.bands[channel] if options.bands else "")
        raise FrameError("missing frame", f"no {name}")
    return path


def _without(
    pixels: np.ndarray, image: tuple[Any, Any], shape: tuple[int, int], name: str, key: str, options: Options
) -> np.ndarray:
    """Return rows of pixels that are NaN where a weight or mask image says that they are missing."""
    header, read = image
    if _sides(header)[::-1] != shape:
        found = " x ".join(map(str, _sides(header)))
        raise FrameError("foreign frame", f"{name}: {found} pixels, expected {shape[1]} x {shape[0]} as the image has")
    values = read(len(pixels))[: len(pixels)]
    if key == "weight":
        bad = ~(values > 0)
    else:
        bits = sum(1 << bit for bit in options.mask_bits)
        bad = (values.astype(np.int64) & bits if bits else values) != 0
    return np.where(bad, np.nan, pixels.astype(np.float32 if pixels.dtype.itemsize <= 4 else np.float64))


def _image(path: Path, hdu: str, digests: dict[str, str]) -> tuple[Any, Any]:
    """Return the header of a file's image, and what reads its first rows of pixels.

    Of a plain image in the first HDU, reading ends with the last row that is needed.
    """
    contents = contents_of(path, digests)
    if contents[:2] == b"\x1f\x8b":
        contents = _of_packed(contents, path.name)
    if hdu in ("", "0"):
        stream, header = open_stream(contents, path.name)
        if header.get("NAXIS") == 2 and (hdu or header.get("EXTEND") is not True or _alone(contents, header, path)):
            shape = (header["NAXIS2"], header["NAXIS1"])
            kind = _TYPES[header["BITPIX"]]
            return header, lambda rows: _scaled(read_rows(stream, rows, shape, kind, path.name), header)
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that are old
        try:
            with fits.open(io.BytesIO(_of_packed(contents, path.name)), memmap=False) as file:
                found = image_hdu(file, path, hdu)
                header, pixels = found.header, np.asarray(found.data)
        except ImageError as error:
            raise FrameError(error.reason, error.detail) from None
        except RawError:
            raise
        except Exception as error:  # as damaged bytes have it
            raise FrameError("damaged frame", f"{path.name}: {error}".replace("\n", " ")) from None
    while pixels.ndim > 2 and pixels.shape[0] == 1:
        pixels = pixels[0]
    if pixels.ndim != 2:
        raise FrameError("foreign frame", f"{path.name}: an image of {pixels.shape}; expected two axes")
    return header, lambda rows: pixels


def _of_packed(contents: bytes, name: str) -> bytes:
    try:
        return unpacked(contents, name)
    except ImageError as error:
        raise FrameError("damaged frame", error.detail) from None


def _alone(contents: bytes, header: Any, path: Path) -> bool:
    """Tell whether no second HDU may hold pixels: bzip2 would have to be read to its end for it, and is taken to."""
    if contents.startswith(b"BZh"):
        return True
    whole = 2880 * -(-len(header.tostring()) // 2880) + abs(header["BITPIX"]) // 8 * header["NAXIS1"] * header["NAXIS2"]
    return len(contents) <= 2880 * -(-whole // 2880)


def _scaled(pixels: np.ndarray, header: Any) -> np.ndarray:
    """Return pixels by BSCALE, BZERO and BLANK."""
    blank, scale, zero = header.get("BLANK"), header.get("BSCALE", 1), header.get("BZERO", 0)
    if pixels.dtype.kind == "f" and scale == 1 and zero == 0:
        return pixels
    found = pixels.astype(np.float64 if pixels.dtype.itemsize > 2 else np.float32)
    if blank is not None and pixels.dtype.kind in "iu":
        found[pixels == blank] = np.nan
    return found * scale + zero


def _header(path: Path, hdu: str) -> Any:
    """Return the header of a file's image, without reading its pixels where that is possible."""
    if path.suffix.lower() in _UNPACK:
        with _UNPACK[path.suffix.lower()](path) as stream:
            return _packed_header(stream, path, hdu)
    from astropy.io import fits

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(path, memmap=True, lazy_load_hdus=True) as file:
                return image_hdu(file, path, hdu).header.copy()
    except ImageError as error:
        raise FrameError(error.reason, error.detail) from None
    except RawError:
        raise
    except Exception as error:
        raise FrameError("damaged frame", f"{path.name}: {error}".replace("\n", " ")) from None


def _packed_header(stream: Any, path: Path, hdu: str) -> Any:
    """Return the header of a packed file's first HDU, or of another by reading it all."""
    start = read_bytes(stream, 2880, path.name)
    blocks = [start]
    while blocks[-1] and not any(blocks[-1][card : card + 8] == b"END     " for card in range(0, 2880, 80)):
        blocks.append(read_bytes(stream, 2880, path.name))
    _, header = open_stream(b"".join(blocks), path.name.removesuffix(path.suffix))
    if hdu in ("", "0") and header.get("NAXIS") == 2:
        return header
    return _image(path, hdu, {})[0]


def _sides(header: Any) -> tuple[int, int]:
    return int(header.get("ZNAXIS1", header["NAXIS1"])), int(header.get("ZNAXIS2", header["NAXIS2"]))


def _wcs(header: Any, name: str) -> Any:
    from astropy.wcs import WCS

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of headers that are old
            wcs = WCS(header, naxis=2)
            kinds = [wcs.wcs.lngtyp.strip(), wcs.wcs.lattyp.strip()]
    except Exception as error:  # wcslib's errors are ValueErrors and their like
        raise FrameError("damaged frame", f"{name}: its WCS cannot be read ({error})".replace("\n", " ")) from None
    if kinds != ["RA", "DEC"]:
        raise FrameError("foreign frame", f"{name}: axes {list(wcs.wcs.ctype)}; expected RA and DEC")
    return wcs


def _pixels(header: Any, ra: np.ndarray, dec: np.ndarray, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return zero-based pixel positions (n,) by TAN, SIN, SIP, TPV or any other WCS; NaN where there is none."""
    wcs = _wcs(header, name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        x, y = wcs.all_world2pix(ra, dec, 0, quiet=True)
    return x, y


def _centre(header: Any, name: str) -> tuple[np.ndarray, float]:
    """Return the unit vector of a frame's centre, and how far from it the farthest corner is, with a tenth more."""
    wcs, (width, height) = _wcs(header, name), _sides(header)
    corners = np.array([[(width - 1) / 2, (height - 1) / 2], *((x, y) for x in (0, width) for y in (0, height))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ra, dec = wcs.all_pix2world(corners[:, 0], corners[:, 1], 0)
    places = _vectors(ra, dec)
    if not np.isfinite(places[0]).all():
        raise FrameError("foreign frame", f"{name}: its WCS has no position at the centre")
    reach = np.linalg.norm(places[1:] - places[0], axis=1)
    return places[0], float(1.1 * reach.max()) if np.isfinite(reach).all() else 2.0


def _vectors(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Return unit vectors (n, 3)."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1)
