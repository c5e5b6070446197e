"""Tells a whole file, FITS or one of a known sum, from a truncated, damaged or foreign one."""

from __future__ import annotations

import bz2
from collections.abc import Iterator
from pathlib import Path

from skybake.files import file_digest

_BLOCK = 1 << 18
_FITS_BLOCK = 2880  # bytes; every FITS file is a multiple of it (FITS standard 4.0, section 3.1)
_FITS_START = b"SIMPLE  ="


class NotWholeError(ValueError):
    """A file that is not a whole one; the message says what is wrong.

    Attributes:
        resumable: Whether it may be the beginning of a whole one.
    """

    def __init__(self, reason: str, *, resumable: bool = False):
        super().__init__(reason)
        self.resumable = resumable


def check(path: Path | str, name: str, sha256: str = "") -> None:
    """Read a file to its end and check that it is all there.

    The end matters: ingest stops reading after the last row it needs. bzip2 has a checksum for every block and one for
    the whole, so a file put together from two versions does not pass either.

    Args:
        path: The file.
        name: Its final name, which tells whether it is compressed.
        sha256: Its sum where that is known: then the file may be of any kind.

    Raises:
        NotWholeError: It is truncated, damaged, or something else than FITS; or it has another sum.
    """
    if sha256:
        if (found := file_digest(path)) != sha256:
            raise NotWholeError(f"SHA-256 {found} found; expected {sha256}", resumable=True)
        return
    start, size = b"", 0
    for piece in (_unpacked if name.endswith(".bz2") else _plain)(Path(path)):
        if len(start) < len(_FITS_START):
            start = (start + piece)[: len(_FITS_START)]
        size += len(piece)
    if start != _FITS_START:
        raise NotWholeError(f"not FITS: begins with {start!r}")
    if size % _FITS_BLOCK:
        reason = f"truncated: {size} bytes of FITS, not a multiple of 2880"
        raise NotWholeError(reason, resumable=not name.endswith(".bz2"))


def _plain(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while piece := stream.read(_BLOCK):
            yield piece


def _unpacked(path: Path) -> Iterator[bytes]:
    """Decompress a file of one or more bzip2 streams; nothing else may follow them."""
    with path.open("rb") as packed:
        stream, data = bz2.BZ2Decompressor(), packed.read(_BLOCK)
        if not b"BZh".startswith(data[:3]):
            raise NotWholeError(f"not bzip2: begins with {data[:12]!r}")
        while data or not stream.needs_input:
            try:
                yield stream.decompress(data, _BLOCK)
            except OSError:
                raise NotWholeError("damaged: a checksum of the bzip2 stream does not fit") from None
            if stream.eof:
                data = stream.unused_data or packed.read(_BLOCK)
                if not data:
                    return
                stream = bz2.BZ2Decompressor()
            else:
                data = packed.read(_BLOCK) if stream.needs_input else b""
        raise NotWholeError("truncated: the bzip2 stream ends early", resumable=True)
