"""Saves a network, the same bytes for the same weights."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

from skybake.files import atomic_write
from skybake.results.run_folder import MODEL, PREDICTOR
from skybake.training.architecture import save_architecture

EPOCH_ZERO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip archive can hold


def save_network(model, folder: Path, predictor=None) -> None:
    """Write what a run's folder holds of its network: itself, its layers, and its predictor if there is one."""
    save_model(model, folder / MODEL)
    save_architecture(model, folder)
    if predictor is not None:
        save(predictor, folder / PREDICTOR)


def save_model(model, path: Path) -> None:
    """Save a network for prediction, without the optimizer, the same bytes for the same weights."""
    import keras

    save(keras.Model(model.inputs, model.outputs, name=model.name), path)


def save(model, path: Path) -> None:
    """Save a model as it is.

    Keras writes the time and memory addresses into its archive; here time is left out and objects are counted.
    """
    with atomic_write(path) as beside:
        model.save(beside, overwrite=True)
        with zipfile.ZipFile(beside) as archive:
            entries = {name: archive.read(name) for name in sorted(archive.namelist())}
        facts = json.loads(entries["metadata.json"])
        facts.pop("date_saved", None)
        entries["metadata.json"] = json.dumps(facts, sort_keys=True).encode()
        addresses: dict[bytes, int] = {}
        entries["config.json"] = re.sub(
            rb'(?<="shared_object_id": )\d+',
            lambda found: str(addresses.setdefault(found[0], len(addresses))).encode(),
            entries["config.json"],
        )
        with zipfile.ZipFile(beside, "w") as archive:
            for name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(name, EPOCH_ZERO), content)
