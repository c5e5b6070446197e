"""The mean of a row's seeds as one network of Keras's own operations: its ``predictor.keras``, without a training.

What :mod:`skybake.results.ensembles` does with predictions is done here with Keras tensors; the rest is as in
:mod:`skybake.training.predictor`. All seeds were fitted to the same part: images and scalars are prepared once.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skybake import heads
from skybake.heads._classes import symbolic_classified
from skybake.results import ensembles, run_folder
from skybake.results.predictions import TINY
from skybake.results.run_folder import PREDICTOR, Record
from skybake.training import backend, preprocessing, saving
from skybake.training.predictor import as_model, even_between, inside, named_outputs, rescaled


def write(runs: Mapping[int, Path], out: Path) -> None:
    """Write the predictor of an ensemble.

    Args:
        runs: Seed -> folder of the run, of one row; their predictors are read.
        out: File to write.
    """
    records = [run_folder.read_record(folder) for folder in runs.values()]
    training = records[0].training
    backend.start(training["backend"], threads=training["threads"], precision="float32", device="cpu")
    import keras

    predictors = [keras.saving.load_model(folder / PREDICTOR, compile=False) for folder in runs.values()]
    saving.save(build_ensemble(predictors, records), out)


def build_ensemble(predictors: Sequence[Any], records: Sequence[Record]):
    """Return one predictor of the mean of several.

    Args:
        predictors: One a seed, as :func:`skybake.training.predictor.build_predictor` makes them; weights are shared.
        records: Of their runs, in the same order.

    Returns:
        A Keras model with the inputs and outputs of its parts, and ``spread`` (N,) beside them: the standard deviation
        of the seeds' points; of classes, of their probabilities of the class that the ensemble predicts.

    Raises:
        ValueError: There are fewer than two, or what is done before differs.
    """
    import keras

    if len(predictors) < 2:
        raise ValueError(f"{len(predictors)} predictor found; expected two or more, one a seed")
    first = records[0]
    for other in records[1:]:
        if (other.preprocessing, other.targets) != (first.preprocessing, first.targets):
            raise ValueError(f"seeds {first.seed} and {other.seed} of {first.model} prepare their data differently")
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # the networks keep their own
    try:
        given, seen = _prepared(predictors[0])
        each = []
        for predictor, record in zip(predictors, records, strict=True):
            network = inside(predictor)[1]
            alone = keras.Model(network.inputs, network.outputs[0], name=f"seed_{record.seed}")
            units = preprocessing.Affine.of_dict(record.targets)
            predicted = heads.of_dict(record.fitted_head).symbolic(alone(*seen))
            each.append(rescaled(predicted, float(units.std[0]), float(units.mean[0])))
        together = mean(each)
        count = together["classes"].shape[1] if "classes" in together else 0
        outputs = named_outputs(together, first.classes or tuple(map(str, range(count))))
        return as_model(given, given["image"], {**outputs, "spread": spread(each, together)})
    finally:
        keras.config.set_dtype_policy(policy)


def _prepared(predictor: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return new inputs by name, and what a network within the predictor is given of them.

    What is done before stays a model in the model: names in a loaded one may be those that come next in this process.
    """
    import keras

    old, _, seen = inside(predictor)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")  # S/N: no name of a layer
        prepare = keras.Model(old, seen, name="prepared")
    given = {name: keras.Input(tensor.shape[1:], name=tensor.name) for name, tensor in old.items()}
    return given, prepare(given)


def mean(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what :func:`skybake.results.ensembles.mean` does, of Keras tensors by their name in a prediction."""
    from keras import ops

    first = each[0]
    if "classes" in first:
        return symbolic_classified(_averaged([one["classes"] for one in each]))
    point = _averaged([one["point"] for one in each])
    if "quantiles" in first and len(first["levels"]) > 1:
        return _of_quantiles(point, each)
    if "std" not in first:
        return {"point": point}
    stds, points = (ops.stack([one[name] for one in each], axis=1) for name in ("std", "point"))
    off = points - ops.expand_dims(point, 1)
    std = ops.sqrt(ops.mean(ops.square(stds) + ops.square(off), axis=1))
    if "probabilities" in first:
        return {"point": point, "std": std, **_of_bins(each)}
    if "weights" in first:
        parts = {name: ops.concatenate([one[name] for one in each], axis=1) for name in ("weights", "means", "stds")}
        parts["weights"] = parts["weights"] / len(each)
    else:
        parts = {"weights": ops.ones_like(points) / len(each), "means": points, "stds": stds}
    dof = {"dof": first["dof"]} if "dof" in first else {}
    return {"point": point, "std": std, **parts, **dof}


def spread(each: Sequence[Mapping[str, Any]], together: Mapping[str, Any]) -> Any:
    """Return the standard deviation (N,) over seeds of points; of classes, of the probability of the predicted one."""
    from keras import ops

    if "classes" in together:
        classes = ops.stack([one["classes"] for one in each], axis=2)  # (N, K, seeds)
        predicted = ops.one_hot(ops.argmax(together["classes"], axis=1), classes.shape[1])
        values = ops.sum(ops.expand_dims(predicted, 2) * classes, axis=1)
    else:
        values = ops.stack([one["point"] for one in each], axis=1)
    off = values - ops.mean(values, axis=1, keepdims=True)
    return ops.sqrt(ops.sum(ops.square(off), axis=1) / (len(each) - 1))


def _averaged(values: Sequence[Any]) -> Any:
    from keras import ops

    return ops.mean(ops.stack(values, axis=0), axis=0)


def _of_bins(each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Average the probabilities of the bins that lie between all edges of all seeds."""
    from keras import ops

    edges = np.unique(np.concatenate([one["edges"] for one in each]))
    found = []
    for one in each:  # a bin gives each that lies in it a share of its probability
        own = np.asarray(one["edges"])
        below = np.clip((edges[None, :] - own[:-1, None]) / np.diff(own)[:, None], 0, 1)
        found.append(ops.matmul(one["probabilities"], np.diff(below, axis=1).astype(np.float32)))
    return {"probabilities": _averaged(found), "edges": edges}


def _of_quantiles(point: Any, each: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return quantiles of the mixture of what lies between the quantiles of each seed."""
    from keras import ops

    levels = np.unique(np.concatenate([ensembles.LEVELS, *(one["levels"] for one in each)]))
    steps = []  # of each seed: edges (N, Q + 2), and the probability between them (Q + 1,)
    for one in each:
        start, widths = even_between(one["quantiles"], np.asarray(one["levels"]))
        edges = ops.concatenate([start, start + ops.cumsum(widths, axis=1)], axis=1)
        steps.append((edges, widths, np.diff([0.0, *one["levels"], 1.0]).astype(np.float32)))
    edges = ops.sort(ops.concatenate([own for own, _, _ in steps], axis=1), axis=1)
    below = _averaged([_below(edges, *step) for step in steps])
    wanted = np.array([*levels, *ensembles.CENTRAL], np.float32)[None, :, None]
    masses = ops.expand_dims(ops.maximum(below[:, 1:] - below[:, :-1], TINY), 1)
    passed = (ops.add(ops.multiply(ops.expand_dims(below[:, :-1], 1), -1.0), wanted)) / masses  # (N, levels, steps)
    lengths = ops.expand_dims(edges[:, 1:] - edges[:, :-1], 1)
    quantiles = edges[:, :1] + ops.sum(lengths * ops.clip(passed, 0.0, 1.0), axis=2)
    low, high = quantiles[:, -2], quantiles[:, -1]
    return {"point": point, "std": 0.5 * (high - low), "quantiles": quantiles[:, :-2], "levels": levels}


def _below(values: Any, edges: Any, widths: Any, mass: np.ndarray) -> Any:
    """Return the probability below values (N, G) of a distribution that is even within steps."""
    from keras import ops

    passed = (ops.expand_dims(values, 2) - ops.expand_dims(edges[:, :-1], 1)) / ops.expand_dims(widths, 1)
    return ops.sum(ops.multiply(ops.clip(passed, 0.0, 1.0), mass[None, None]), axis=2)
