"""Images of files that hold one each: FITS by the HDU, PNG, JPEG and .npy; and images made of one size."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from skybake.raw import RawError, formats


class ImageError(ValueError):
    """An image that cannot be used; its object is rejected.

    Attributes:
        reason: One of few words that can be counted.
        detail: Name of the file, what was expected and what was found.
    """

    def __init__(self, reason: str, detail: str):
        super().__init__(reason, detail)
        self.reason, self.detail = reason, detail


def contents_of(path: Path) -> tuple[bytes, str]:
    """Return what is in a file, and its SHA-256.

    Raises:
        ImageError: There is no such file, or it is empty.
    """
    try:
        contents = path.read_bytes()
    except FileNotFoundError:
        raise ImageError("no image", f"no file {path.name}") from None
    except OSError as error:
        raise ImageError("unreadable image", f"{path.name}: {error.strerror or error}") from None
    if not contents:
        raise ImageError("unreadable image", f"{path.name}: the file is empty")
    return contents, hashlib.sha256(contents).hexdigest()


def unpacked(contents: bytes, name: str) -> bytes:
    """Return the contents of a gzip or bzip2 file, or of any other as they are.

    Raises:
        ImageError: It is damaged.
    """
    unpack = {b"\x1f\x8b": gzip.decompress, b"BZ": bz2.decompress}.get(contents[:2])
    try:
        return unpack(contents) if unpack else contents
    except Exception as error:
        raise ImageError("unreadable image", f"{name}: damaged ({error})") from None


def decoded(contents: bytes, path: Path, hdu: str = "", layout: str = "auto") -> np.ndarray:
    """Return the image (H, W, C) float32 of a file's contents; masked pixels are NaN.

    Args:
        contents: Of the file.
        path: Named in errors.
        hdu: Name or number of the HDU of a FITS file.
        layout: Where the bands of a FITS cube or an array stand; auto: first in FITS, as in its colour images.

    Raises:
        ImageError: It cannot be read, or has no such HDU.
        RawError: It has several HDUs with pixels, and none is asked for; or the bands may stand in two places.
    """
    contents = unpacked(contents, path.name)
    kind = formats.named(contents[: formats.START])
    try:
        if kind == formats.FITS:
            image = _of_fits(contents, path, hdu)
            if layout == "auto" and image.ndim == 3 and image.shape[0] == image.shape[1] != image.shape[2]:
                raise RawError(
                    f"{path}: the bands of an image {image.shape} stand first, as in FITS, or last, as its equal sides"
                    " say. Hint: say which, options: `layout: channels_last` or `layout: channels_first`"
                )
            return _planes(image, "channels_first" if layout == "auto" else layout)
        if kind in (formats.PNG, formats.JPEG):
            return _planes(_of_picture(contents), "channels_last")
        if kind == formats.NPY:
            array = np.load(io.BytesIO(contents), allow_pickle=False)
            return _planes(array, chosen_layout(path, array.shape, layout) if array.ndim == 3 else layout)
    except (ImageError, RawError):
        raise
    except Exception as error:  # astropy, Pillow and numpy raise what their decoders do
        raise ImageError("unreadable image", f"{path.name}: {error}".replace("\n", " ")) from None
    raise ImageError("unreadable image", f"{path.name}: {kind or 'no image'} found; expected FITS, PNG, JPEG or .npy")


def image_hdu(file: Any, path: Path, hdu: str) -> Any:
    """Return the HDU with the image of an open FITS file.

    Raises:
        ImageError: There is none, or none of that name or number.
        RawError: There are several, and none is asked for.
    """
    images = {number: item for number, item in enumerate(file) if item.is_image and len(item.shape) > 1}
    listed = [f"{number} {item.name or 'without a name'} {tuple(item.shape)}" for number, item in images.items()]
    said = ", ".join(listed) or "none with pixels"
    if hdu:
        found = [item for number, item in images.items() if hdu.lower() in (str(number), item.name.lower())]
        if len(found) != 1:
            raise ImageError("no such HDU", f"{path.name}: option hdu: {hdu!r}; expected one of {said}")
        return found[0]
    if not images:
        raise ImageError("no image in the file", f"{path.name}: no HDU with pixels; expected one of two axes")
    if len(images) > 1:
        lines = " or ".join(f'`hdu: "{number}"`' for number in images)
        raise RawError(f"{path}: {len(images)} HDUs with pixels: {said}. Hint: say which, options: {lines}")
    return next(iter(images.values()))


def _of_fits(contents: bytes, path: Path, hdu: str) -> np.ndarray:
    from astropy.io import fits

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of headers that are old
        with fits.open(io.BytesIO(contents), memmap=False) as file:
            found = image_hdu(file, path, hdu)
            if len(contents) % 2880 and not isinstance(found, fits.CompImageHDU):
                raise ImageError("unreadable image", f"{path.name}: cut off, {len(contents)} bytes are no whole blocks")
            return np.asarray(found.data)


def _of_picture(contents: bytes) -> np.ndarray:
    from PIL import Image

    from skybake.raw.png import sixteen_bit_colour

    if contents.startswith(b"\x89PNG") and (colour := sixteen_bit_colour(contents)) is not None:
        return colour
    with Image.open(io.BytesIO(contents)) as image:
        known = {"LA": "L", "1": "L"} | dict.fromkeys(("P", "RGBA", "CMYK", "YCbCr", "PA", "RGBX"), "RGB")
        return np.asarray(image.convert(known[image.mode]) if image.mode in known else image)


def _planes(image: np.ndarray, layout: str) -> np.ndarray:
    """Return an image as (H, W, C) float32; numbers too large for that become infinite."""
    if image.dtype.kind not in "buif":
        raise ValueError(f"pixels of {image.dtype}; expected real numbers")
    while image.ndim > 3 and image.shape[0] == 1:  # of frequency and polarisation
        image = image[0]
    if image.ndim == 2:
        image = image[..., None]
    elif image.ndim == 3:
        image = np.moveaxis(image, 0, -1) if layout == "channels_first" else image
    else:
        raise ValueError(f"shape {image.shape}; expected (H, W), or with bands")
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(image, dtype=np.float32)


def chosen_layout(path: Path, shape: tuple[int, ...], layout: str) -> str:
    """Return where the bands of an image (A, B, C) stand: not among its two equal sides, if only two are equal.

    Raises:
        RawError: They may be in either place.
    """
    if layout != "auto":
        return layout
    last, first = shape[0] == shape[1], shape[1] == shape[2]
    if last == first:
        raise RawError(
            f"{path}: the bands of images {tuple(shape)} may stand first or last. Hint: say which, options:"
            " `layout: channels_last` or `layout: channels_first`"
        )
    return "channels_last" if last else "channels_first"


def to_size(image: np.ndarray, height: int, width: int) -> tuple[np.ndarray, float]:
    """Cut or pad an image (H, W, C) about its centre; padding is the median of each band.

    Returns:
        (height, width, C), and the fraction of it that is padding.
    """
    found = np.empty((height, width, image.shape[-1]), dtype=image.dtype)
    found[:] = np.median(image, axis=(0, 1))
    own, other = [], []
    for have, want in zip(image.shape, (height, width), strict=False):
        first = (have - want) // 2  # of the image, where it is cut; below 0 where it is padded
        own.append(slice(max(first, 0), min(first + want, have)))
        other.append(slice(max(-first, 0), max(-first, 0) + own[-1].stop - own[-1].start))
    found[other[0], other[1]] = image[own[0], own[1]]
    inside = (own[0].stop - own[0].start) * (own[1].stop - own[1].start)
    return found, 1 - inside / (height * width)
