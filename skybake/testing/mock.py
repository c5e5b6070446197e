"""A simulator in use: the files of a small survey, the same bytes every time, which its reader reads."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np

from skybake.data import limit as limits
from skybake.files import file_digest
from skybake.plugins import PlugIn, in_room


def use(part: PlugIn) -> Iterator[str]:
    """Simulate a small survey twice, and compare it with what its reader takes."""
    simulator, reader = part.load(), in_room("raw", "read").get(part.name)
    if reader is None:
        yield f"no reader skybake/raw/{part.name}.py found; expected the reader of the files that it writes"
        return
    if reader.faults:
        yield f"its reader cannot be read: {reader.file}: {reader.faults[0]}"
        return
    for name in part.constants["RAW_FILES"]:
        if name not in reader.load().RAW:
            yield f"RAW_FILES has {name!r}, which the reader does not take; expected {', '.join(reader.load().RAW)}"
            return
    digests, limited = [], "LIMIT" in part.constants
    for asked in (False, limited):
        with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as beside:
            truth = Path(beside) / "truth.npz"
            raw = small(simulator, Path(folder), {"truth": truth} if asked else {})
            if asked:
                yield from _limit(simulator, truth)
            missing = [name for name, path in raw.items() if not path.exists()]
            if missing:
                yield f"simulate wrote no {', '.join(missing)}; expected all of RAW_FILES"
                return
            digests.append(_digests(Path(folder)))
    if digests[0] != digests[1]:
        other = sorted(name for name in {**digests[0], **digests[1]} if digests[0].get(name) != digests[1].get(name))
        yield f"{', '.join(other)}: other bytes the second time; expected all random numbers from options.seed"
        if limited:
            yield "Hint: the second time the truth was asked for; it must not change what is drawn"


def small(simulator: ModuleType, folder: Path, more: Mapping[str, Path] | None = None) -> dict[str, Path]:
    """Simulate the small survey of a simulator into a folder; return its raw files by name."""
    raw = {name: folder / file for name, file in simulator.RAW_FILES.items()}
    simulator.simulate({**raw, **(more or {})}, simulator.Options(**simulator.SMALL))
    return raw


def _limit(simulator: ModuleType, truth: Path) -> Iterator[str]:
    """Check what was drawn, and the limit that is found of it."""
    if not truth.exists():
        yield "simulate wrote no truth where raw has a path for it; expected skybake.data.limit.write_truth"
        return
    with np.load(truth, allow_pickle=False) as file:
        lengths = {name: len(file[name]) for name in file.files}
        ids = list(file["id"]) if "id" in lengths else []
    if not ids or set(lengths.values()) != {len(ids)}:
        yield f"truth has {lengths}; expected an 'id' of every object and as many rows of all else"
        return
    lines = simulator.limit(simulator.Options(**simulator.SMALL), limits.read_truth(truth, ids))
    yield from limits.problems(lines, len(ids))


def _digests(folder: Path) -> Mapping[str, str]:
    return {str(path.relative_to(folder)): file_digest(path) for path in folder.rglob("*") if path.is_file()}
