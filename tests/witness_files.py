"""Where files of results lie, and what they hold, for the witness: what a new layout must teach it."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

BASELINE = "baseline"


class WitnessError(RuntimeError):
    """A bake-off failed, or its files are not in a layout that is known here."""


# ---- Where files lie -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """One trained or fitted (dataset, model, loss, seed).

    Attributes:
        row: ``dataset/model/loss``, and the point of a sweep behind it.
        dataset: Name.
        seed: Of the run.
        folder: With ``predictions.h5`` and the rest.
    """

    row: str
    dataset: str
    seed: str
    folder: Path


def dataset_files(results: Path) -> dict[str, Path]:
    """Return dataset -> its file."""
    return {path.parent.name: path for path in sorted(results.glob("*/dataset.h5"))}


def split_files(folder: Path) -> list[Path]:
    """Return the splits in the folder of a dataset."""
    return sorted(folder.glob("split-*.h5"))


def runs(results: Path) -> Iterator[Run]:
    """Yield all runs, those of the points of sweeps too."""
    for path in sorted(results.glob("*/runs/*/*/seed-*")):
        dataset, _, model, loss, seed = path.relative_to(results).parts
        yield Run(f"{dataset}/{model}/{loss}", dataset, seed, path)
    for path in sorted(results.glob("*/sweeps/*/*/*/seed-*")):
        dataset, _, model, loss, point, seed = path.relative_to(results).parts
        yield Run(f"{dataset}/{model}/{loss}/{point}", dataset, seed, path)


def of_rows(results: Path, name: str) -> dict[str, Path]:
    """Return ``dataset/model/loss`` -> a file of its row: ``metrics.json``, ``sweep.json`` or ``inside.h5``."""
    room = {"metrics.json": "evaluation", "sweep.json": "sweeps", "inside.h5": "inside"}[name]
    found = {}
    for path in sorted(results.glob(f"*/{room}/*/*/{name}")):
        dataset, _, model, loss, _ = path.relative_to(results).parts
        found[f"{dataset}/{model}/{loss}"] = path
    return found


# ---- What files hold -----------------------------------------------------------------------------------------------

ROWS = ("row", "rows", "dataset_row")  # what numbers of rows of the dataset may be called
SHARED = ("dof", "levels", "edges")  # one for all objects


def texts(values: h5py.Dataset) -> np.ndarray:
    """Return an array of strings."""
    return values.asstr()[:].astype(object)


def read_dataset(path: Path) -> dict[str, Any]:
    """Return the arrays of a dataset, its units, bands and classes, and the digests of its raw files."""
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        arrays = ["image", *(f"{room}/{name}" for room in ("label", "scalar") for name in file.get(room, {}))]
        for name in arrays:
            found[name] = file[name][:]
            found[f"{name}/units"] = str(file[name].attrs["units"])
        found |= {name: texts(file[name]) for name in ("id", "group")}
        found["bands"] = list(map(str, file["image"].attrs["bands"]))
        owners = [file, *file["label"].values()]  # of the first version the file, later its label
        found["classes"] = [str(name) for owner in owners for name in owner.attrs.get("classes", ())]
        found |= {name: str(file.attrs[name]) for name in ("survey", "task", "mock")}
        found |= {f"raw/{name}": digest for name, digest in json.loads(file.attrs["raw"]).items()}
    return found


def ids_of(path: Path) -> np.ndarray:
    """Return the ids of a dataset in its order."""
    with h5py.File(path) as file:
        return texts(file["id"])


def read_split(path: Path, ids: np.ndarray) -> dict[str, np.ndarray]:
    """Return the ids of the parts of a split, in the order of training."""
    with h5py.File(path) as file:
        return {part: ids[file[part][:]] for part in ("train", "valid", "test")}


def read_predictions(path: Path, ids: np.ndarray) -> dict[str, tuple[np.ndarray, dict[str, np.ndarray]]]:
    """Return part -> the ids of its objects, and name -> predicted values.

    Labels, scalars and groups that stand beside the predictions are the dataset's, and are digested there.

    Args:
        path: ``predictions.h5``.
        ids: Of the dataset, for files that have numbers of its rows.

    Raises:
        WitnessError: It has neither, or an object twice.
    """
    found = {}
    with h5py.File(path) as file:
        for part, group in file.items():
            rows = next((name for name in ROWS if name in group), None)
            if "id" not in group and rows is None:
                raise WitnessError(f"{path}: {part} holds {sorted(group)}; expected 'id' or one of {', '.join(ROWS)}")
            named = texts(group["id"]) if "id" in group else ids[group[rows][:]]
            if len(set(named)) < len(named):
                raise WitnessError(f"{path}: {part} has an object twice")
            found[part] = named, {name: values[()] for name, values in group["prediction"].items()}
    if not found:
        raise WitnessError(f"{path}: no part found")
    return found


def read_weights(path: Path) -> list[np.ndarray]:
    """Return all arrays of a network's weights, whatever its layers are called."""
    found = []
    with zipfile.ZipFile(path) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(lambda name, item: found.append(item[()]) if isinstance(item, h5py.Dataset) else None)
    if not found:
        raise WitnessError(f"{path}: no weights found")
    return found


def read_inside(path: Path) -> dict[str, Any]:
    """Return what a look inside a network found: arrays, ids, and what stands beside them."""
    with h5py.File(path) as file:
        found = {name: texts(values) if name == "id" else values[()] for name, values in file.items()}
        beside = {name: value for name, value in file.attrs.items() if name not in ("format", "version")}
        return found | {name: value.tolist() if hasattr(value, "tolist") else value for name, value in beside.items()}


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
