"""The limit of a simulated dataset: how well its objects can be predicted at all, as its simulator knows it.

``truth.npz`` beside the raw files holds what the simulator drew, ``limit.json`` and ``limit.csv`` beside the dataset
what follows from it for some objects of the test part.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np

from skybake.data import splits
from skybake.data.dataset import Dataset
from skybake.files import atomic_write, read_json, write_json
from skybake.missing import present
from skybake.settings import Settings

SEED = 0  # of the objects that are taken
SIGMA, PROBABILITY = "sigma", "probability"
KINDS = {
    SIGMA: "root mean square of the error that remains, in the units of the error",
    PROBABILITY: "probability of class 1 that the ideal observer of the object gives",
}
Truth = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Limit:
    """One line that no prediction from the same data passes, on the mean of many objects.

    Attributes:
        name: In a few words, e.g. ``"point sources unknown"``.
        kind: What the values are, one of :data:`KINDS`.
        method: How they were found, a sentence without a full stop.
        values: (n,) of n objects.
        bound: Whether it holds for all that see the images; False of a line of scalars alone, which they may pass.
    """

    name: str
    kind: str
    method: str
    values: np.ndarray
    bound: bool = True


@dataclass(frozen=True)
class Limits:
    """The lines of a dataset; efficiencies are told of the first, if it holds for all that see the images.

    Attributes:
        label: The label that they are of.
        ids: (n,) names of the test objects that they are of.
        of: Number of objects in the test part that have the label.
        lines: At least one; all of the same kind.
    """

    label: str
    ids: np.ndarray
    of: int
    lines: tuple[Limit, ...]


def write_truth(path: Path | str, truth: Truth) -> None:
    """Write what was drawn of N objects, (N, ...) arrays with their ``id`` among them; the same bytes every time."""
    arrays = {**truth, "id": np.asarray(truth["id"]).astype(str)}  # pickled otherwise, where they are objects
    with atomic_write(path) as beside, beside.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_truth(path: Path | str, ids: Sequence[str]) -> dict[str, np.ndarray]:
    """Read what was drawn of the objects of these names, in their order.

    Raises:
        ValueError: An object is not among them.
    """
    with np.load(path, allow_pickle=False) as file:
        rows = {str(name): row for row, name in enumerate(file["id"])}
        lacking = [name for name in ids if name not in rows]
        if lacking:
            raise ValueError(f"{path}: no object {lacking[0]!r} found; expected all objects of the dataset")
        wanted = np.array([rows[name] for name in ids], dtype=np.int64)
        return {name: file[name][wanted] for name in file.files}


def find(
    simulator: ModuleType, options: Settings, *, truth: Path, dataset: Dataset, split: Path, json: Path, table: Path
) -> None:
    """Write the limit for objects of the test part that have a label: all, or as many drawn as the simulator says.

    Args:
        simulator: With ``LIMIT`` and ``limit``.
        options: That the dataset was simulated with.
        truth: What was drawn of its objects.
        dataset, split: Its files.
        json, table: To write.

    Raises:
        ValueError: The simulator does not give a number for each object.
    """
    told = simulator.LIMIT
    rows = splits.tested(split, dataset)
    rows = rows[present(dataset.labels[told["label"]][rows])]
    test, most = len(rows), told["objects"]
    if test > most:
        rows = np.sort(np.random.default_rng(SEED).choice(rows, most, replace=False))
    ids = dataset.ids[rows]
    lines = tuple(simulator.limit(options, read_truth(truth, ids)))
    for problem in problems(lines, len(ids)):
        raise ValueError(problem)
    write(json, table, Limits(told["label"], ids, test, lines))


def problems(lines: Sequence[Limit], n: int) -> Iterator[str]:
    """Find what is wrong with the lines that a simulator gives for n objects."""
    if len({line.kind for line in lines}) != 1 or len({line.name for line in lines}) != len(lines):
        yield f"limit gave {len(lines)} lines; expected at least one, all of one kind and each with a name of its own"
    for line in lines:
        if line.kind not in KINDS:
            yield f"limit, {line.name}: kind {line.kind!r} found; expected one of {', '.join(KINDS)}"
        if np.shape(line.values) != (n,) or not np.isfinite(line.values).all() or np.min(line.values, initial=0) < 0:
            yield f"limit, {line.name}: expected a finite number of at least 0 for each of {n} objects"


def write(json: Path | str, table: Path | str, limits: Limits) -> None:
    """Write the lines: what they are, and their values for each object."""
    names = [line.name for line in limits.lines]
    with atomic_write(table) as beside, beside.open("w", newline="", encoding="utf-8") as stream:
        rows = csv.writer(stream, lineterminator="\n")
        rows.writerow(["id", *names])
        for place, name in enumerate(limits.ids):
            rows.writerow([name, *(f"{line.values[place]:.9g}" for line in limits.lines)])
    told = [{"name": line.name, "kind": line.kind, "method": line.method, "bound": line.bound} for line in limits.lines]
    facts = {"label": limits.label, "objects": len(limits.ids), "test_objects": limits.of}
    write_json(json, {**facts, "lines": told})


def read(json: Path | str) -> Limits:
    """Read what :func:`write` wrote; the table lies beside, with the suffix ``.csv``."""
    told = read_json(Path(json))
    with Path(json).with_suffix(".csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    lines = (Limit(**line, values=np.array([float(row[line["name"]]) for row in rows])) for line in told["lines"])
    return Limits(told["label"], np.array([row["id"] for row in rows]), told["test_objects"], tuple(lines))
