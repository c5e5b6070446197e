"""Opens HDF5 files: for reading without locks, for writing with an error that says what a lock was refused for.

HDF5 locks every file that it opens. A network file system without a lock daemon refuses that, and a file that is only
read needs no lock: all files are written under another name and get theirs when they are whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

import h5py

_NOT_IN_NAMES = {"%": "%25", "/": "%2F", "\0": "%00"}


def key_of(name: str) -> str:
    """Return what an array is called in a file: a slash in its name would be a path, and ``.`` is a group itself."""
    if name in (".", ".."):
        return name.replace(".", "%2E")
    return "".join(_NOT_IN_NAMES.get(letter, letter) for letter in name)


def name_of(key: str) -> str:
    """Return the name whose :func:`key_of` this is."""
    return unquote(key)


class LockError(OSError):
    """A file that cannot be locked, and so not be written."""


def read(path: Path | str, **options: Any) -> h5py.File:
    """Open a file for reading; ``options`` are those of :class:`h5py.File`."""
    return h5py.File(path, "r", locking=False, **options)


@contextmanager
def write(path: Path | str, mode: Literal["w", "r+"] = "w") -> Iterator[h5py.File]:
    """Open a file for writing, new or to change it.

    Raises:
        LockError: No lock is to be had for it.
    """
    try:
        file = h5py.File(path, mode)
    except OSError as error:
        if "lock file" not in str(error):
            raise
        raise LockError(
            f"{path}: file locks are refused by this file system, or another program has locked the file ({error})."
            " Hint: set HDF5_USE_FILE_LOCKING=FALSE, or let results lie in another folder"
        ) from None
    with file:
        yield file
