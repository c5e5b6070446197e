"""What became of every wanted file, as a table; and notes beside the files of what was found whole."""

from __future__ import annotations

import csv
import os
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from skybake.fetch.whole import NotWholeError, check
from skybake.files import atomic_write, file_digest

WHOLE, MISSING = "whole", "missing"
NOTES = "checked.csv"


@dataclass(frozen=True)
class LedgerEntry:
    """A line of the ledger.

    Attributes:
        url: Where the file is fetched.
        size: Bytes; empty if it is missing.
        sha256: Of the file as it lies here; empty if it is missing.
        status: ``"whole"`` or ``"missing"``.
        reason: Why it is missing.
    """

    url: str
    size: int | Literal[""]
    sha256: str
    status: str
    reason: str = ""


def write_ledger(out: Path | str, entries: Iterable[LedgerEntry]) -> None:
    """Write a ledger, sorted by URL. It says what is here, not when it came: the same files give the same bytes."""
    with atomic_write(out) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow([field.name for field in fields(LedgerEntry)])
        table.writerows(astuple(entry) for entry in sorted(entries, key=lambda entry: entry.url))


def read_ledger(path: Path | str) -> list[LedgerEntry]:
    """Read a ledger."""
    with Path(path).open(newline="", encoding="utf-8") as stream:
        return [
            LedgerEntry(row["url"], int(row["size"] or 0) or "", row["sha256"], row["status"], row["reason"])
            for row in csv.DictReader(stream)
        ]


def join_ledgers(paths: Iterable[Path | str], out: Path | str) -> str:
    """Write the ledgers of all chunks as one, and return a summary for a person."""
    entries = [entry for path in paths for entry in read_ledger(path)]
    write_ledger(out, entries)
    return summary(entries)


def summary(entries: Iterable[LedgerEntry]) -> str:
    """Say how many files are here and why the others are not."""
    entries = list(entries)
    here = [entry for entry in entries if entry.status == WHOLE]
    lines = [f"{len(here)} of {len(entries)} files are here: {sum(int(entry.size) for entry in here) / 1e9:.3f} GB"]
    reasons = Counter(entry.reason for entry in entries if entry.status == MISSING)
    lines += [f"{count} missing: {reason}" for reason, count in sorted(reasons.items())]
    if reasons:
        lines.append("Hint: snakemake --forcerun fetch asks for the missing ones again, and for no other")
    return "\n".join(lines)


class Notes:
    """Size and SHA-256 of files that were found whole, in a ``checked.csv`` beside them.

    They outlive a killed job and the results folder, and spare decompressing a file again to know that it is whole.
    Lines are only ever appended; one that was torn is passed over, and its file checked again.
    """

    def __init__(self):
        self._known: dict[Path, dict[str, tuple[int, str]]] = {}
        self._lock = threading.Lock()

    def find(self, target: Path, sha256: str = "") -> tuple[int, str] | None:
        """Return size and SHA-256 of a file if it is here and whole: as noted, or else after a check."""
        if not target.is_file():
            return None
        found = (target.stat().st_size, file_digest(target))
        if self._folder(target.parent).get(target.name) == found:
            return found
        try:
            check(target, target.name, sha256)
        except NotWholeError as error:
            print(f"{target}: {error}; asking the archive for it", flush=True)
            return None
        return self.add(target, found)

    def add(self, target: Path, found: tuple[int, str] | None = None) -> tuple[int, str]:
        """Note a file that was checked."""
        size, digest = found or (target.stat().st_size, file_digest(target))
        line = f"{target.name},{size},{digest}\n".encode()
        descriptor = os.open(target.parent / NOTES, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, line)  # one call: lines of two jobs do not mix
        finally:
            os.close(descriptor)
        self._folder(target.parent)[target.name] = (size, digest)
        return size, digest

    def _folder(self, folder: Path) -> dict[str, tuple[int, str]]:
        with self._lock:
            if folder not in self._known:
                self._known[folder] = _read_notes(folder / NOTES)
            return self._known[folder]


def _read_notes(path: Path) -> dict[str, tuple[int, str]]:
    if not path.exists():
        return {}
    lines = (line.split(",") for line in path.read_text(encoding="utf-8", errors="replace").splitlines())
    return {
        words[0]: (int(words[1]), words[2])
        for words in lines
        if len(words) == 3 and words[1].isdecimal() and len(words[2]) == 64
    }
