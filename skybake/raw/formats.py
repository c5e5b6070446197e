"""What a file is, told by its first bytes, whatever it is called."""

from __future__ import annotations

import re
from pathlib import Path

from skybake.raw import RawError

FITS, PARQUET, FEATHER, ECSV = "a FITS file", "a parquet file", "a feather file", "an ECSV table"
HDF5, VOTABLE = "an HDF5 file", "a VOTable"
NPY, ZIP, PICKLE = "a .npy file", "a zip or .npz file", "a pickle"
PNG, JPEG = "a PNG image", "a JPEG image"
COMPRESSED = {b"\x1f\x8b": "a gzip file", b"BZh": "a bzip2 file", b"\xfd7zXZ\x00": "an xz file"}

_BEGIN = {
    b"\x89HDF": HDF5,
    b"SIMPLE": FITS,
    b"\x93NUMPY": NPY,
    b"PAR1": PARQUET,
    b"ARROW1": FEATHER,
    b"FEA1": FEATHER,
    b"PK\x03\x04": ZIP,
    b"PK\x05\x06": ZIP,
    b"\x28\xb5\x2f\xfd": "a zstandard file",
    b"version https://git-lfs": "a Git LFS pointer, not the file itself. Hint: git lfs pull",
    b"# %ECSV": ECSV,
    b"%PDF": "a PDF file",
    b"\x89PNG": PNG,
    b"\xff\xd8\xff": JPEG,
    b"II*\x00": "a TIFF image",
    b"MM\x00*": "a TIFF image",
    b"CDF\x01": "a netCDF file",
    b"CDF\x02": "a netCDF file",
} | COMPRESSED
_TEXT = {  # after blanks, in lower case
    rb"<!doctype html|<html|<head": "a web page. Hint: a page with an error or a login, instead of the download?",
    rb"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)?<votable": VOTABLE,
    rb"<\?xml": "an XML file",
    rb"[{\[]\s*[\"{]": "JSON text. Hint: a message with an error, instead of the download?",
}
START = 1024


def kind_of(path: Path) -> str:
    """Return what a file is, in words, by its first bytes; empty if these say nothing.

    Raises:
        RawError: It cannot be read, is a folder, or is empty.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START)
    except FileNotFoundError:
        raise RawError(f"{path}: no such file") from None
    except OSError as error:
        raise RawError(f"{path}: cannot be read ({error.strerror or error})") from None
    if not start:
        raise RawError(f"{path}: the file is empty. Hint: is the download complete?")
    return named(start)


def named(start: bytes) -> str:
    """Return what begins with some bytes, in words; empty if they say nothing."""
    for magic, name in _BEGIN.items():
        if start.startswith(magic):
            return name
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for pattern, name in _TEXT.items():
        if re.match(pattern, text, re.DOTALL):
            return name
    if not start.strip(b"\0"):
        return "a file of zeros. Hint: is the download complete?"
    if re.match(rb"\x80[\x02-\x05]", start):
        return PICKLE
    return ""
