"""Which file of a folder holds the image of an object."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from skybake.raw import RawError

_ENDS = (".fits", ".fit", ".fts", ".png", ".jpg", ".jpeg", ".npy")
_PACKED = ("", ".fz", ".gz", ".bz2")
_LOOKED_AT = 40  # ids by which a pattern is told
_TRIED = 50  # patterns
_MOST = 8  # patterns that a message names


def files_of(folder: Path) -> list[str]:
    """Return the names of the images in a folder, at any depth, sorted.

    Raises:
        RawError: There is none.
    """
    found = []
    for parent, _, names in os.walk(folder, followlinks=True):
        found += [Path(parent, name).relative_to(folder).as_posix() for name in names if _is_image(name)]
    if not found:
        raise RawError(f"{folder}: no image in this folder; expected files that end with {', '.join(_ENDS)}")
    return sorted(found)


def _is_image(name: str) -> bool:
    return any(name.lower().endswith(end + packed) for end in _ENDS for packed in _PACKED)


def patterns_of(names: Collection[str], ids: Sequence[str | None]) -> dict[str, int]:
    """Return patterns with ``{id}`` that files follow, and of how many ids there is such a file, most first.

    Args:
        names: Of the files.
        ids: N names of objects; None where missing.
    """
    known, there = [name for name in ids if name], set(names)
    step = max(1, len(known) // _LOOKED_AT)
    told: Counter[str] = Counter()
    for name in known[::step]:
        told.update(file.replace(name, "{id}", 1) for file in names if name in file)
    likely = [pattern for pattern, _ in told.most_common(_TRIED)]
    times = {pattern: sum(pattern.replace("{id}", name) in there for name in known) for pattern in likely}
    most = max(times.values(), default=0)
    good = {pattern: number for pattern, number in times.items() if number > most / 2}
    return dict(sorted(good.items(), key=lambda pair: (-pair[1], pair[0])))


def with_bands(patterns: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return the one pattern with ``{band}`` that several are, and the bands; None if they are not."""
    if len(patterns) < 2:
        return None
    start = _common_start(patterns)
    end = _common_start([pattern[len(start) :][::-1] for pattern in patterns])[::-1]
    bands = [pattern[len(start) : len(pattern) - len(end)] for pattern in patterns]
    return (f"{start}{{band}}{end}", bands) if "{id}" in start + end and all(bands) else None


def _common_start(texts: Sequence[str]) -> str:
    first, last = min(texts), max(texts)
    return first[: next((place for place, letter in enumerate(first) if last[place] != letter), len(first))]


def chosen_pattern(folder: Path, names: Collection[str], ids: Sequence[str | None]) -> str:
    """Return the pattern that the files of a folder follow.

    Raises:
        RawError: There is none, or there are several.
    """
    patterns = list(patterns_of(names, ids))
    if len(patterns) == 1:
        return patterns[0]
    if not patterns:
        first = next((name for name in ids if name), "")
        raise RawError(
            f"{folder}: no file is called after an object, the first of which is {first!r}; found"
            f' {", ".join(list(names)[:3])}, ... Hint: options: `pattern: "{{id}}.fits"`, or `file:` and the column'
            " with the files' names"
        )
    if found := with_bands(patterns):
        raise RawError(
            f"{folder}: {len(patterns)} files an object: {', '.join(patterns[:_MOST])}. Hint: if these are bands,"
            f' options: {{pattern: "{found[0]}", bands: [{", ".join(found[1])}]}}'
        )
    lines = " or ".join(f"`pattern: {pattern!r}`" for pattern in patterns[:_MOST])
    raise RawError(f"{folder}: {len(patterns)} files an object. Hint: say which, options: {lines}")


def called_by(pattern: str, name: str, bands: Sequence[str]) -> list[str]:
    """Return the files of an object: one, or one a band."""
    file = pattern.replace("{id}", name)
    return [file.replace("{band}", band) for band in bands] if "{band}" in pattern else [file]


def fitting(names: Collection[str], pattern: str, bands: Sequence[str], texts: np.ndarray) -> int:
    """Return of how many names in a column there are files; 0 if two are the same."""
    known = [text for text in texts if text]
    if len(set(known)) < len(known):
        return 0
    if not pattern:
        return max(patterns_of(names, known).values(), default=0)
    there = set(names)
    return sum(any(file in there for file in called_by(pattern, name, bands)) for name in known)


def check_padded(folder: Path, names: Collection[str], pattern: str, ids: Sequence[str]) -> None:
    """Raise RawError if whole numbers among the ids lack the zeros that files have before them."""
    there, start = set(names), pattern.partition("{id}")[0].rstrip("0")
    end = pattern.partition("{id}")[2]
    for name in ids:
        if pattern.replace("{id}", name) in there or not name.isdecimal():
            continue
        padded = next((file for file in names if re.fullmatch(f"{re.escape(start)}0*{name}{re.escape(end)}", file)), "")
        if padded:
            raise RawError(
                f"{folder}: no file {pattern.replace('{id}', name)} for object {name}, and there is {padded}: the ids"
                " lack the zeros of the files' names. Hint: write ids as the files do (as text, 007), or add a column"
                " with the files' names, `file: ...`"
            )
