"""Arrays of numbers as files: .npy, mapped into memory, and .npz."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from skybake.raw import RawError, formats


def load(path: Path) -> np.ndarray | dict[str, np.ndarray]:
    """Read a .npy file, mapped into memory, or the arrays of a .npz."""
    kind = formats.kind_of(path)
    if kind not in ("", formats.NPY, formats.ZIP):
        raise RawError(f"{path}: expected a .npy or .npz file, found {kind}")
    try:
        if kind == formats.NPY:
            _check_whole(path)
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            arrays = {name: found[name] for name in found.files}
            return {name: values for name, values in arrays.items() if isinstance(values, np.ndarray)}
    except ValueError as error:
        if isinstance(error, RawError):
            raise
        hint = "Hint: arrays of objects are not read; save plain numbers with numpy.save"
        raise RawError(f"{path}: not a readable .npy or .npz file ({error}). {hint}") from None
    except Exception as error:  # numpy runs the tokenizer and more over a header
        raise RawError(f"{path}: not a readable .npy or .npz file ({error}). Hint: is the download complete?") from None


def _check_whole(path: Path) -> None:
    """Raise RawError if a .npy file is shorter than its header says."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(file)
        expected, found = file.tell() + math.prod(shape) * dtype.itemsize, path.stat().st_size
    if found < expected and not dtype.hasobject:
        raise RawError(
            f"{path}: not a readable .npy file but one cut off: {dtype} {shape} are {expected} bytes, found {found}"
            " bytes. Hint: is the download complete?"
        )
