"""What was found inside a network, and the HDF5 file that holds it; no framework is imported here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skybake import hdf5
from skybake.data.columns import STRING
from skybake.files import atomic_write

FORMAT = "skybake-inside"
VERSION = 2
TEXTS = (
    "dataset",
    "model",
    "loss",
    "task",
    "label",
    "units",
    "pixel_units",
    "quantity",
    "layer",
    "occluded",
    "cam_layer",
)


@dataclass(frozen=True)
class Attributions:
    """A few test objects, what a network says of them, and what that rests on; None for what was not asked for.

    Attributes:
        dataset, model, loss, seed: What was looked into.
        task, label, units, mock: Of the dataset and its label.
        quantity: The number that is explained, in words.
        bands, pixel_units: Of the images.
        classes: Names of class 0, 1, ...; empty for a regression.
        ids: (n,) names of the objects.
        true, predicted: (n,) labels in their units, or class numbers; a true one is NaN where missing.
        probability: (n,) of the predicted class; None for a regression.
        explained: (n,) the number that is explained.
        blank: (n,) the same for the object's blank image: in each band its own median everywhere.
        images: (n, H, W, C) in units of the dataset.
        occlusion: (n, H, W) how much the number falls when a pixel's surroundings are hidden, in its units; or what
            ``occluded`` says.
        patch: Pixels a side of what was hidden.
        occluded: What ``occlusion`` tells, in words; empty where it is a fall.
        saliency: (n, H, W, C) derivative of the number by the pixels as the network sees them.
        integrated_gradients: (n, H, W, C) share of each pixel in ``explained - blank``, in units of the number.
        steps: (n,) points at which gradients were taken.
        grad_cam: (n, H, W) how much the last maps of features raise the number, in its units.
        cam_layer: Name of the layer that gives these maps; empty where there is none.
        kernels: (h, w, C, F) of the first layer; a dense layer on each pixel has h = w = 1.
        layer: Its name; empty where there is none.
    """

    dataset: str
    model: str
    loss: str
    seed: int
    task: str
    label: str
    units: str
    mock: bool
    quantity: str
    bands: tuple[str, ...]
    pixel_units: str
    classes: tuple[str, ...]
    ids: np.ndarray
    true: np.ndarray
    predicted: np.ndarray
    explained: np.ndarray
    blank: np.ndarray
    images: np.ndarray
    probability: np.ndarray | None = None
    occlusion: np.ndarray | None = None
    patch: int = 0
    occluded: str = ""
    saliency: np.ndarray | None = None
    integrated_gradients: np.ndarray | None = None
    steps: np.ndarray | None = None
    grad_cam: np.ndarray | None = None
    cam_layer: str = ""
    kernels: np.ndarray | None = None
    layer: str = ""

    @property
    def holds(self) -> frozenset[str]:
        """What figures may need.

        ``maps`` of any method, ``occlusion`` alone, ``kernels``, ``band_shares`` of several bands.
        """
        maps = [self.occlusion, self.saliency, self.integrated_gradients, self.grad_cam]
        found = {
            "maps": any(item is not None for item in maps),
            "occlusion": self.occlusion is not None,
            "kernels": self.kernels is not None,
            "band_shares": self.integrated_gradients is not None and len(self.bands) > 1,
        }
        return frozenset(name for name, there in found.items() if there)

    def array(self, name: str) -> np.ndarray:
        """Return an array by its attribute's name.

        Raises:
            ValueError: It was not asked for.
        """
        found = getattr(self, name)
        if found is None:
            raise ValueError(f"no {name} of {self.model} with {self.loss} found; expected it, as a figure needs it")
        return found


_ARRAYS = (
    *("true", "predicted", "explained", "blank", "images", "probability", "occlusion"),
    *("saliency", "integrated_gradients", "steps", "grad_cam", "kernels"),
)


def write(path: Path | str, found: Attributions) -> None:
    """Write what was found."""
    with atomic_write(path) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION})
        file.attrs.update({name: getattr(found, name) for name in (*TEXTS, "seed", "mock", "patch")})
        for name in ("bands", "classes"):
            file.attrs.create(name, list(getattr(found, name)), dtype=STRING)
        file.create_dataset("id", data=np.asarray(found.ids, dtype=object), dtype=STRING)
        for name in _ARRAYS:
            values = getattr(found, name)
            if values is not None:
                packed = {"compression": "gzip", "shuffle": True} if values.ndim > 1 else {}
                file.create_dataset(name, data=values, **packed)


def read(path: Path | str) -> Attributions:
    """Read what was found.

    Raises:
        ValueError: It is not such a file of this version.
    """
    with hdf5.read(path) as file:
        if file.attrs.get("format") != FORMAT or file.attrs.get("version") != VERSION:
            raise ValueError(f"{path}: not a file of version {VERSION} of what is inside a network. Hint: delete it")
        facts: dict[str, Any] = {name: str(file.attrs[name]) for name in TEXTS}
        facts |= {name: tuple(map(str, file.attrs[name])) for name in ("bands", "classes")}
        facts |= {"seed": int(file.attrs["seed"]), "mock": bool(file.attrs["mock"]), "patch": int(file.attrs["patch"])}
        arrays = {name: file[name][:] for name in _ARRAYS if name in file}
        return Attributions(ids=file["id"].asstr()[:], **facts, **arrays)
