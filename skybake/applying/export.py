"""The whole distributions that are predicted for new objects, in two files: one of our own, and one for qp.

``distributions.h5`` holds what was predicted, in the form that the head has. Layout, of N objects in the order of the
catalogue (attributes: ``format``, ``version``, ``label``, ``units``, and ``form``, one of :data:`FORMS`)::

    /id                           UTF-8 string (N,)
    /row                          int64 (N,)        row of the catalogue, from 0
    /point                        float32 (N,)      of classes the number of the most probable one
    /std                          float32 (N,)      standard deviation
    /weights, /means, /stds       float32 (N, K)    of the components of a mixture
    /probabilities, /edges        float32 (N, B), float64 (B + 1,)    of bins, in which the density is even
    /quantiles, /levels           float32 (N, Q), float64 (Q,)
    /dof                          float64           of Student's t, whose standard deviations are ``std`` and ``stds``
    /classes                      float32 (N, K)    probabilities; their names are the attribute ``names``

``distributions_qp.hdf5`` is an ensemble that ``qp.read`` opens (https://github.com/LSSTDESC/qp), which RAIL builds on.
Its layout is qp's own: tables ``meta``, ``data`` and ``ancil``. Objects whose distribution is no number are left out,
since one of them would spoil every quantile that qp computes: ``id`` and ``row`` in ``ancil`` name the others.
Where numbers or classes alone are predicted there is no distribution, and the attribute ``empty`` says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from skybake import hdf5
from skybake.applying import parts
from skybake.applying.parts import Applied
from skybake.data.columns import STRING
from skybake.files import atomic_write
from skybake.results import distributions
from skybake.results.piecewise import between_quantiles
from skybake.results.predictions import SHARED, TINY, Prediction

FORMAT = "skybake-distributions"
VERSION = 1
FORMS = ("point", "gaussian", "student_t", "mixture", "student_mixture", "bins", "quantiles", "classes")
_PACKED = {"compression": "gzip", "compression_opts": 1, "shuffle": True}


def form(prediction: Prediction) -> str:
    """Return what is predicted, one of :data:`FORMS`."""
    if prediction.classes is not None:
        return "classes"
    if prediction.weights is not None:
        return "mixture" if prediction.dof is None else "student_mixture"
    if prediction.probabilities is not None:
        return "bins"
    if distributions.of(prediction) is None:
        return "point"
    if prediction.quantiles is not None:
        return "quantiles"
    return "gaussian" if prediction.dof is None else "student_t"


def write(paths: Iterable[Path | str], out: Path | str) -> None:
    """Write ``distributions.h5`` from the files of predictions of all jobs, block by block."""
    with atomic_write(out) as beside, hdf5.write(beside) as file:
        file.attrs.update({"format": FORMAT, "version": VERSION})
        start = 0
        for applied in parts.read(paths):
            if not start:
                file.attrs.update({"label": applied.name, "units": applied.column.units})
                file.attrs["form"] = form(applied.prediction)
            _append(file, "id", applied.ids, STRING)
            _append(file, "row", np.arange(start, start + len(applied)), np.int64)
            for name, values in applied.prediction.given().items():
                if name not in SHARED:
                    _append(file, name, values, np.float32)
                elif not start:
                    file[name] = np.asarray(values, dtype=np.float64)
            if applied.classes and not start:
                file["classes"].attrs["names"] = list(applied.classes)
            start += len(applied)


def _append(file: h5py.File | h5py.Group, name: str, values: np.ndarray, kind: Any) -> None:
    if name not in file:
        shape = values.shape[1:]
        chunk = max(1, (1 << 16) // max(1, int(np.prod(shape))))
        packed = _PACKED if shape else {}
        file.create_dataset(
            name, shape=(0, *shape), maxshape=(None, *shape), chunks=(chunk, *shape), dtype=kind, **packed
        )
    array = file[name]
    array.resize(len(array) + len(values), axis=0)
    array[len(array) - len(values) :] = values


@dataclass(frozen=True)
class Ensemble:
    """Some distributions as qp holds them.

    Attributes:
        name: Of qp's parameterisation.
        meta: What all distributions share.
        data: Name -> (n, ...).
    """

    name: str
    meta: Mapping[str, np.ndarray]
    data: Mapping[str, np.ndarray]


def ensemble(prediction: Prediction) -> Ensemble | None:
    """Return what qp holds of predictions, all of them numbers; None if they have no distribution.

    Gaussians are ``norm`` and mixtures of them ``mixmod``, bins ``hist``: exact. Quantiles are ``quant``, with the two
    values at which nothing is left on either side. Of Student's t qp gets 81 quantiles, as far out as those of a
    Gaussian at 4 standard deviations.
    """
    found = form(prediction)
    if found == "gaussian" and prediction.std is not None:
        scale = np.maximum(prediction.std, TINY)
        return Ensemble("norm", {}, {"loc": prediction.point[:, None], "scale": scale[:, None]})
    if found == "mixture" and prediction.stds is not None:
        given = prediction.given()
        data = {"means": given["means"], "stds": np.maximum(given["stds"], TINY), "weights": given["weights"]}
        return Ensemble("mixmod", {}, data)
    if prediction.probabilities is not None and prediction.edges is not None:
        mass = prediction.probabilities / prediction.probabilities.sum(axis=1, keepdims=True)
        return Ensemble("hist", {"bins": prediction.edges}, {"pdfs": mass / np.diff(prediction.edges)})
    if found == "quantiles" and prediction.quantiles is not None and prediction.levels is not None:
        levels = np.array([0.0, *prediction.levels, 1.0])
        return _quantiles(levels, between_quantiles(prediction.quantiles, prediction.levels).edges)
    if found in ("student_t", "student_mixture"):
        values = distributions.required(prediction).quantile(distributions.STANDARD.tolist())
        levels = np.array([0.0, *distributions.STANDARD, 1.0])
        return _quantiles(levels, between_quantiles(values, distributions.STANDARD).edges)
    return None


def _quantiles(levels: np.ndarray, values: np.ndarray) -> Ensemble:
    meta = {"quants": levels, "pdf_constructor_name": np.array(b"piecewise_linear"), "ensure_extent": np.array(False)}
    return Ensemble("quant", meta, {"locs": values})


def write_qp(paths: Iterable[Path | str], out: Path | str) -> None:
    """Write ``distributions_qp.hdf5`` from the files of predictions of all jobs, block by block."""
    paths = list(paths)
    width = max((len(name.encode()) for applied in parts.read(paths) for name in applied.ids), default=1)
    with atomic_write(out) as beside, hdf5.write(beside) as file:
        start, found = 0, None
        for applied in parts.read(paths):
            known = np.flatnonzero(_known(applied.prediction))
            prediction = applied.prediction.select(known)
            found = ensemble(prediction)
            if found is None:
                file.attrs["empty"] = f"{form(prediction)} predicted: no distribution"
                break
            for name, values in found.data.items():
                _append(file.require_group("data"), name, values, np.float64)
            ids = np.array([name.encode() for name in applied.ids[known]], dtype=f"S{width}")
            beside_them = {"id": ids, "row": start + known, "point": prediction.point}
            for name, values in beside_them.items():
                _append(file.require_group("ancil"), name, values, values.dtype)
            start += len(applied)
        if found is not None:
            _describe(file, found, applied)


def _known(prediction: Prediction) -> np.ndarray:
    """Return whether all that is predicted for an object (n,) are numbers."""
    each = [values.reshape(len(values), -1) for name, values in prediction.given().items() if name not in SHARED]
    return np.all([np.isfinite(values).all(axis=1) for values in each], axis=0)


def _describe(file: h5py.File, found: Ensemble, applied: Applied) -> None:
    meta = {"pdf_name": np.array(found.name.encode()), "pdf_version": np.array(0), **found.meta}
    for name, values in meta.items():
        file[f"meta/{name}"] = values[None]
    file.attrs.update({"label": applied.name, "units": applied.column.units})
