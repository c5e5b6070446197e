"""Files: written whole or not at all, and their digests; JSON."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


def file_digest(path: Path | str) -> str:
    """Return the SHA-256 of a file, as hexadecimal digits."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def atomic_write(path: Path | str) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; it takes the name ``path`` only if the block ends well.

    Parent folders are made. On an error what was written is removed, and an earlier ``path`` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        yield Path(name)
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)  # mkstemp's 0600 would hide results from colleagues
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def write_json(path: Path | str, values: Mapping[str, Any]) -> None:
    """Write a JSON file for people and programs: sorted and indented, with null for numbers that JSON does not have."""
    text = json.dumps(with_null(values), indent=1, sort_keys=True, allow_nan=False)
    with atomic_write(path) as beside:
        beside.write_text(text + "\n", encoding="utf-8")


def with_null(value: Any) -> Any:
    """Return what JSON can hold of a value: null in place of numbers that are not finite."""
    if isinstance(value, Mapping):
        return {key: with_null(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [with_null(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def read_json(path: Path | str) -> dict[str, Any]:
    """Read a JSON file.

    Raises:
        ValueError: It is none.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: not a JSON file: {error}. Hint: delete it, and it is made again") from error
