"""A trained network with all that is done before and after it, as one network of Keras's own operations.

``predictor.keras`` takes raw images and raw scalars, in the units of the dataset, and gives named outputs in those of
the label. What images go through is the image step's ``symbolic``, what outputs go through is the head's; the quantiles
follow :mod:`skybake.results.distributions`. Everything is in ``keras.ops`` on Keras tensors, which a file holds as
Keras's own operations: ``keras.saving.load_model`` needs no skybake and no custom objects.

An axis that is a tuple comes back from a file as a list, which JAX refuses, and so does that of ``ops.quantile``:
operations here have one axis.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from skybake.heads._together import Together
from skybake.missing import present
from skybake.results.predictions import NARROW, TINY
from skybake.training.prepared import Prepared

LEVELS = (0.025, 0.16, 0.5, 0.84, 0.975)
BISECTIONS = 26  # of the distance between the outermost components: as far as float32 tells numbers apart
NODES = 32  # of an integral
NOTHING = 1e-7  # the probability that float32 does not tell from nothing, beside 1


def build_predictor(network, prepared: Prepared, head: Together):
    """Return a network from raw images and scalars to predictions in units of the label.

    Args:
        network: The network, which takes what training gives it; its weights are shared.
        prepared: What is done before, as fitted.
        head: As fitted; of several labels the first is predicted.

    Returns:
        A Keras model. Inputs: ``image`` (N, H, W, C), and each scalar of the dataset (N, 1) that an input is made of,
        by its name; an input that is not known becomes what it was in training. Outputs, as far as the head gives
        them: ``point``, ``std`` (N,), ``quantiles`` (N, 5) at ``LEVELS``, ``probabilities`` (N, B) and ``edges``
        (N, B + 1) of bins, and ``probability_<class>`` (N,). All are NaN where a pixel of the image is not a number.
    """
    import keras

    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")  # the network keeps its own
    try:
        first = head.each[0]
        outputs = network.outputs[0] if len(head.each) == 1 else network.outputs[0][:, : first.width]
        alone = keras.Model(network.inputs, outputs, name=network.name)  # no loss of skybake's in the file
        shape = next(tensor.shape[1:] for tensor in network.inputs if tensor.name == "image")
        image = keras.Input(shape, name="image")
        given = {
            "image": image,
            **{name: keras.Input((1,), name=name.replace("/", "_")) for name in prepared.inputs.raw},
        }
        image = keras.layers.Reshape(shape)(image)  # a wrong shape goes no further, whatever has been compiled before
        seen = {"image": prepared.image_step.symbolic(image)}
        if prepared.inputs.names:
            seen["scalars"] = _scalars(prepared, given)
        scale, shift = prepared.units[0]
        predicted = first.symbolic(alone([seen[tensor.name] for tensor in network.inputs]))
        return as_model(given, image, named_outputs(rescaled(predicted, scale, shift), prepared.classes))
    finally:
        keras.config.set_dtype_policy(policy)


def as_model(given: Mapping[str, Any], image: Any, outputs: Mapping[str, Any]):
    """Return the predictor of inputs and outputs by name, which are NaN where a pixel of the image is no number."""
    import keras
    from keras import ops

    pixels = ops.reshape(image, (-1, math.prod(image.shape[1:])))
    known = ops.all(ops.isfinite(pixels), axis=1, keepdims=True)
    masked = {name: _where_known(known, values) for name, values in outputs.items()}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="When providing `inputs` as a dict")  # S/N: no name of a layer
        return keras.Model(given, masked, name="predictor")


def inside(predictor) -> tuple[dict[str, Any], Any, list[Any]]:
    """Return the inputs of a predictor by name, the network within it, and the tensors that this is given."""
    import keras

    network = next(layer for layer in predictor.layers if isinstance(layer, keras.Model))
    seen: list[Any] = []

    def noted(layer, *arguments, **named):
        if layer is network:
            seen.extend(arguments)
        return layer(*arguments, **named)

    again = keras.models.clone_model(predictor, clone_function=lambda layer: layer, call_function=noted)
    return dict(again.input), network, seen


def _scalars(prepared: Prepared, given: Mapping[str, Any]) -> Any:
    from keras import ops

    scalars = list(prepared.inputs.values(given, ops).values())
    together = ops.concatenate(scalars, axis=1) if len(scalars) > 1 else scalars[0]
    mean, std = (values.astype(np.float32) for values in (prepared.scalar_step.mean, prepared.scalar_step.std))
    scaled = ops.divide(ops.subtract(together, mean), std)
    return ops.where(present(together, ops), scaled, prepared.missing_scalars.astype(np.float32)[None])


def _where_known(known: Any, values: Any) -> Any:
    from keras import ops

    return ops.where(ops.squeeze(known, axis=1) if len(values.shape) == 1 else known, values, math.nan)


def rescaled(predicted: Mapping[str, Any], scale: float, shift: float) -> dict[str, Any]:
    """Return what :meth:`Prediction.rescaled` does, for Keras tensors by their name there."""
    places = ("quantiles", "means", "edges", *(() if "classes" in predicted else ("point",)))
    changed = {name: predicted[name] * scale + shift for name in places if name in predicted}
    changed |= {name: predicted[name] * scale for name in ("std", "stds") if name in predicted}
    return {**predicted, **changed}


def named_outputs(predicted: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """Return the outputs of the predictor by name, of Keras tensors by their name in a :class:`Prediction`."""
    from keras import ops

    found = {name: predicted[name] for name in ("point", "std", "probabilities") if name in predicted}
    if "edges" in predicted:
        edges = np.asarray(predicted["edges"], dtype=np.float32)
        found["edges"] = ops.add(ops.multiply(predicted["point"], 0.0)[:, None], edges)
    if "classes" in predicted:
        columns = ops.unstack(predicted["classes"], len(classes), axis=1)
        return found | {f"probability_{name}": column for name, column in zip(classes, columns, strict=True)}
    quantiles = _quantiles(predicted)
    return found if quantiles is None else {**found, "quantiles": quantiles}


def _quantiles(predicted: Mapping[str, Any]) -> Any | None:
    """Return quantiles (N, 5) of the distribution that :func:`distributions.of` gives; None where there is none."""
    from keras import ops

    if "weights" in predicted:
        stds = ops.maximum(predicted["stds"], TINY)
        return _of_mixture(predicted["weights"], predicted["means"], stds, predicted.get("dof"))
    if "probabilities" in predicted:
        return _of_bins(predicted["probabilities"], np.asarray(predicted["edges"]))
    if "quantiles" in predicted:
        levels = np.asarray(predicted["levels"])
        return _between_quantiles(predicted["quantiles"], levels) if len(levels) > 1 else None
    if "std" not in predicted:
        return None
    dof = predicted.get("dof")
    unit = _standard_quantiles(dof)
    std = ops.maximum(predicted["std"], TINY)
    return predicted["point"][:, None] + ops.multiply(std[:, None], np.array([unit], np.float32))


def _standard_quantiles(dof: float | None) -> list[float]:
    """Return quantiles with standard deviation 1: of a Gaussian, or of Student's t."""
    return [NormalDist().inv_cdf(level) for level in LEVELS] if dof is None else students_quantiles(dof)


def students_quantiles(dof: float, levels: Sequence[float] = LEVELS) -> list[float]:
    """Return quantiles of Student's t with standard deviation 1.

    With t = sqrt(dof) tan(angle) the density is that of cos(angle)^(dof - 1), which is summed up in a table.
    """
    angle = np.linspace(-np.pi / 2, np.pi / 2, 200_001)
    density = np.cos(angle) ** (dof - 1)
    below = np.concatenate([[0.0], np.cumsum(0.5 * (density[1:] + density[:-1]))])
    found = np.sqrt(dof) * np.tan(np.interp(levels, below / below[-1], angle))
    return (found * np.sqrt(1 - 2 / dof)).tolist()


def _of_mixture(weights: Any, means: Any, stds: Any, dof: float | None) -> Any:
    """Bisect between the components' own quantiles, as :class:`distributions.Mixture` does."""
    from keras import ops

    weights, means, stds = (ops.expand_dims(values, 1) for values in (weights, means, stds))  # (N, 1, K)
    units = np.array(_standard_quantiles(dof), np.float32)[None, :, None]  # (1, 5, 1)
    ends = ops.add(ops.multiply(stds, units), means)
    low, high = ops.min(ends, axis=2), ops.max(ends, axis=2)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        cdf = ops.sum(weights * _standard_cdf((ops.expand_dims(middle, 2) - means) / stds, dof), axis=2)
        below = ops.less(cdf, np.array([LEVELS], np.float32))
        low, high = ops.where(below, middle, low), ops.where(below, high, middle)
    return 0.5 * (low + high)


def _standard_cdf(values: Any, dof: float | None) -> Any:
    """Return the probability below values (N, 5, K) with standard deviation 1: of a Gaussian, or of Student's t.

    That of t is the integral of the density that :func:`students_quantiles` has, by Gauss and Legendre.
    """
    from keras import ops

    if dof is None:
        return 0.5 * (ops.erf(values / math.sqrt(2)) + 1.0)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    end = students_quantiles(dof, [1 - NOTHING])[0]  # else the nodes would miss the peak of a distant component
    angle = ops.arctan(ops.clip(values, -end, end) / math.sqrt(dof - 2))
    between = ops.multiply(ops.expand_dims(angle, 3), (0.5 * (nodes + 1)).astype(np.float32)[None, None, None])
    density = ops.exp((dof - 1) * ops.log(ops.maximum(ops.cos(between), TINY)))
    norm = math.exp(math.lgamma((dof + 1) / 2) - math.lgamma(dof / 2)) / math.sqrt(math.pi)
    share = ops.sum(ops.multiply(density, (0.5 * norm * weights).astype(np.float32)[None, None, None]), axis=3)
    return angle * share + 0.5


def _of_bins(probabilities: Any, edges: np.ndarray) -> Any:
    """Interpolate between the edges, as :class:`distributions.Piecewise` does."""
    from keras import ops

    count = len(edges) - 1
    above = ops.cumsum(probabilities, axis=1)
    above = above / above[:, -1:]
    starts, widths = (values.astype(np.float32) for values in (edges[:-1], np.diff(edges)))
    found = []
    for level in LEVELS:  # the first bin whose upper end is above the level
        place = ops.sum(ops.cast(ops.less_equal(above, level), "int32"), axis=1)
        chosen = ops.one_hot(ops.minimum(place, count - 1), count)
        mass, upper = (ops.sum(chosen * values, axis=1) for values in (above - _before(above), above))
        share = 1.0 - (upper - level) / ops.maximum(mass, TINY)
        found.append(
            ops.sum(ops.multiply(chosen, starts), axis=1) + share * ops.sum(ops.multiply(chosen, widths), axis=1)
        )
    return ops.stack(found, axis=1)


def _before(above: Any) -> Any:
    """Return the probability below each bin (N, B), of that below its upper end."""
    from keras import ops

    return ops.concatenate([ops.multiply(above[:, :1], 0.0), above[:, :-1]], axis=1)


def _between_quantiles(quantiles: Any, levels: np.ndarray) -> Any:
    """Interpolate between quantiles, as :func:`piecewise.between_quantiles` does."""
    from keras import ops

    start, widths = even_between(quantiles, levels)
    # A quantile is the start and a share of each width below it, the same for all objects.
    below = np.array([0.0, *levels, 1.0])
    shares = np.clip((np.array(LEVELS)[None, :] - below[:-1, None]) / np.diff(below)[:, None], 0, 1)  # (Q + 1, 5)
    return start + ops.matmul(widths, shares.astype(np.float32))


def even_between(quantiles: Any, levels: np.ndarray) -> tuple[Any, Any]:
    """Return where the distribution between quantiles (N, Q) begins (N, 1), and the widths (N, Q + 1) of its steps."""
    from keras import ops

    widths = quantiles[:, 1:] - quantiles[:, :-1]
    size = ops.max(ops.absolute(quantiles), axis=1, keepdims=True)
    least = ops.maximum(NARROW * ops.mean(widths, axis=1, keepdims=True), 1e-9 * size + TINY)
    widths = ops.maximum(widths, least)
    steps = np.diff(levels)
    first = widths[:, :1] * float(levels[0] / steps[0])
    last = widths[:, -1:] * float((1 - levels[-1]) / steps[-1])
    return quantiles[:, :1] - first, ops.concatenate([first, widths, last], axis=1)
