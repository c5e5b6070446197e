"""The list of files to fetch: each once, with the chunk (download job) it belongs to.

The number of chunks is the config's and a file's chunk follows from its path alone, so that a longer catalogue leaves
every file in its chunk.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from skybake.files import atomic_write


@dataclass(frozen=True)
class Wanted:
    """A file of the archive.

    Attributes:
        path: Where it lies, below the archive's base URL and below the raw folder alike.
        url: Where it is fetched.
        sha256: Its sum, where it is known beforehand; else a whole FITS file is expected.
    """

    path: str
    url: str
    sha256: str = ""


def chunk_of(path: str, chunks: int) -> int:
    """Return the chunk of a file, from 0 to ``chunks - 1``."""
    return int(hashlib.sha256(path.encode()).hexdigest()[:12], 16) % chunks


def write_wanted(out: Path | str, paths: Iterable[str], *, base_url: str, chunks: int) -> None:
    """Write the list, sorted by path: columns chunk, path, url."""
    with atomic_write(out) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(["chunk", "path", "url"])
        for path in sorted(set(paths)):
            table.writerow([chunk_of(path, chunks), path, f"{base_url.rstrip('/')}/{path}"])


def read_wanted(path: Path | str, chunk: int) -> list[Wanted]:
    """Read the files of one chunk."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return [Wanted(row["path"], row["url"]) for row in csv.DictReader(stream) if int(row["chunk"]) == chunk]
