"""Puts together the files that Snakemake gives a script: a run is a folder, and Snakemake knows its files.

The files may be copies on a node's own disk, so that only the end of their paths is known: ``seed-<seed>/<file>`` of a
run, ``<point>/seed-<seed>/<file>`` in a sweep, ``<model>/<loss>/seed-<seed>/<file>`` and ``<model>/<loss>/<file>`` of a
row of the comparison. The files of one run always lie in one folder.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from pathlib import Path
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)

SEED = "seed-"  # before the seed, in the name of a run's folder


def of_seeds(files: Iterable[str]) -> dict[int, Path]:
    """Return seed -> folder of the run, of the files of one job.

    Raises:
        ValueError: Two folders have the same seed.
    """
    (found,) = _grouped(files, lambda folder: None).values()
    return found


def of_points(files: Iterable[str]) -> dict[str, dict[int, Path]]:
    """Return point -> seed -> folder of the run, of the files of one sweep."""
    return _grouped(files, lambda folder: folder.parent.name)


def of_rows(files: Iterable[str]) -> dict[tuple[str, str], dict[int, Path]]:
    """Return (model, loss) -> seed -> folder of the run, of the files of one dataset's runs."""
    return _grouped(files, lambda folder: row(folder))


def row(path: str | Path) -> tuple[str, str]:
    """Return the (model, loss) that a file or folder belongs to, e.g. ``evaluation/<model>/<loss>/metrics.json``."""
    model, loss = Path(path).parts[-3:-1]
    return model, loss


def _grouped(files: Iterable[str], key: Callable[[Path], Key]) -> dict[Key, dict[int, Path]]:
    found: dict[Key, dict[int, Path]] = {}
    for folder in dict.fromkeys(Path(file).parent for file in files):
        seeds = found.setdefault(key(folder), {})
        seed = int(folder.name.removeprefix(SEED))
        if seed in seeds:
            raise ValueError(f"{folder}: seed {seed} stands in {seeds[seed]} too; expected one folder for each seed")
        seeds[seed] = folder
    return found
