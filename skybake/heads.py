"""Heads: where a model and a loss meet.

A head knows the last layer (width, activation, initial bias) and turns its raw outputs into a :class:`Prediction`. A
loss names its head; any model's features go into any head. :func:`fit` makes both for training labels: parameters that
a head shares with its loss by name (quantile levels, bins, number of components) are given once, with the loss. Outputs
and labels here are in the units that the network is trained in; :meth:`Prediction.rescaled` brings predictions back to
the label's.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np

from skybake import discovery
from skybake.losses._draws import draws as normal_draws
from skybake.predictions import Prediction

MARGIN = 0.05  # of the range of the training labels, on either side of bins that are made for it
TINY = 1e-12
LOG_VARIANCE = 80.0  # as the losses limit it


class Head(Protocol):
    """What every head can do.

    Attributes:
        width: Number of outputs.
        activation: Of the last layer; None for none.
        bias: (width,) initial bias, so that training starts at what the labels look like.
        loss_parameters: What the loss must know of the head beside what the config says of it.
    """

    width: int
    activation: str | None
    bias: tuple[float, ...]
    loss_parameters: Mapping[str, Any]

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Turn raw outputs (N, width) into predictions."""


def fit(
    loss: str,
    given: Mapping[str, Any],
    labels: np.ndarray,
    *,
    scale: float = 1.0,
    shift: float = 0.0,
    classes: Sequence[str] = (),
) -> tuple[Head, dict[str, Any]]:
    """Make a loss's head for training labels, and complete the loss's parameters.

    Args:
        loss: Name of the loss.
        given: Its parameters in the config.
        labels: (N,) known labels of the training part, in the units that the network is trained in.
        scale, shift: A label in its own units is ``scale * label + shift``.
        classes: Of a classification, the names of class 0, 1, ...: each gets its output, with or without an object
            among the labels. Without names there are as many classes as the labels tell.

    Returns:
        The head, and the parameters for :func:`skybake.losses.get`.

    Raises:
        ValueError: There is no label, or a parameter makes no sense.
    """
    labels = np.asarray(labels, dtype=np.float64).ravel()
    if not labels.size:
        raise ValueError("no object of the training part has a label")
    part = discovery.losses()[loss]
    known = {**part.parameters, **given, "scale": scale, "shift": shift, "classes": classes}
    kind = HEADS[part.constants["head"]]
    wanted = inspect.signature(kind.fit).parameters
    head = kind.fit(labels, **{name: value for name, value in known.items() if name in wanted})
    constants = {"scale": scale, "shift": shift, **head.loss_parameters}
    return head, {**given, **{name: value for name, value in constants.items() if name in part.parameters}}


def check(loss: str, given: Mapping[str, Any]) -> None:
    """Check parameters of a loss that its head would refuse whatever the labels are.

    Args:
        loss: Name of a loss.
        given: Its parameters in the config.

    Raises:
        ValueError: A parameter makes no sense, or two of them do not go together.
    """
    part = discovery.losses()[loss]
    if "regression" not in part.constants["tasks"]:
        return  # what a head of classes takes depends on their names
    known = {**part.parameters, **given}
    low, high = known.get("low"), known.get("high")
    if any(isinstance(end, str) for end in (low, high)):
        low = high = None  # the head says so
    first = low if low is not None else 0.0 if high is None else high - 1
    labels = np.linspace(first, first + 1 if high is None else high, 101)
    fit(loss, given, labels if known.get("edges") is None else np.ravel(np.asarray(known["edges"], dtype=np.float64)))


def _floats(values: Sequence[float] | np.ndarray) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _log_variance(labels: np.ndarray) -> float:
    return float(np.log(max(labels.var(), TINY)))


def _std(log_variance: np.ndarray) -> np.ndarray:
    return np.exp(0.5 * np.clip(log_variance, -LOG_VARIANCE, LOG_VARIANCE))


@dataclass(frozen=True)
class Point:
    """One number: the label itself."""

    width: ClassVar[int] = 1
    activation: ClassVar[None] = None
    bias: tuple[float, ...] = (0.0,)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray) -> Point:
        """Start at the mean label."""
        return cls(bias=(float(labels.mean()),))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the output as the point estimate."""
        return Prediction(point=outputs[:, 0])


@dataclass(frozen=True)
class Gaussian:
    """Mean and log-variance of a Gaussian."""

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray) -> Gaussian:
        """Start at the mean and variance of the labels."""
        return cls(bias=(float(labels.mean()), _log_variance(labels)))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean as the point estimate, and the standard deviation."""
        return Prediction(point=outputs[:, 0], std=_std(outputs[:, 1]))


@dataclass(frozen=True)
class StudentT:
    """Location and log-scale² of Student's t.

    Attributes:
        dof: Degrees of freedom, above 2.
    """

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    dof: float = 5.0
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(cls, labels: np.ndarray, dof: float) -> StudentT:
        """Start at the mean and variance of the labels.

        Raises:
            ValueError: ``dof`` is not above 2: there would be no variance.
        """
        if dof <= 2:
            raise ValueError(f"dof: {dof} found; expected a number above 2, so that there is a variance")
        return cls(dof=float(dof), bias=(float(labels.mean()), _log_variance(labels) + float(np.log(1 - 2 / dof))))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the location as the point estimate, and the standard deviation."""
        return Prediction(point=outputs[:, 0], std=_std(outputs[:, 1]) / np.sqrt(1 - 2 / self.dof), dof=self.dof)


@dataclass(frozen=True)
class Quantiles:
    """Quantiles of the label.

    Attributes:
        levels: Their levels, ascending, between 0 and 1.
    """

    activation: ClassVar[None] = None
    levels: tuple[float, ...] = (0.16, 0.5, 0.84)
    bias: tuple[float, ...] = (0.0, 0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """One output a level."""
        return len(self.levels)

    @classmethod
    def fit(cls, labels: np.ndarray, levels: Sequence[float]) -> Quantiles:
        """Start at the quantiles of the labels.

        Raises:
            ValueError: The levels do not ascend between 0 and 1.
        """
        steps = np.diff([0.0, *levels, 1.0])
        if not len(levels) or not (steps > 0).all():
            raise ValueError(f"levels: {list(levels)} found; expected ascending numbers between 0 and 1")
        return cls(levels=_floats(levels), bias=_floats(np.quantile(labels, levels)))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the quantiles in ascending order, the median, and half the width of the central 68.27 %."""
        quantiles = np.sort(outputs, axis=1)
        low, median, high = (_interpolated(level, self.levels, quantiles) for level in (0.158655, 0.5, 0.841345))
        return Prediction(
            point=median,
            std=0.5 * (high - low) if len(self.levels) > 1 else None,
            quantiles=quantiles,
            levels=np.asarray(self.levels),
        )


def _interpolated(level: float, levels: Sequence[float], quantiles: np.ndarray) -> np.ndarray:
    """Return the quantile (N,) of a level between given ones, linearly; beyond them the nearest."""
    place = np.interp(level, levels, np.arange(len(levels)))
    low = int(place)
    high = min(low + 1, len(levels) - 1)
    return quantiles[:, low] + (place - low) * (quantiles[:, high] - quantiles[:, low])


@dataclass(frozen=True)
class Mixture:
    """Logits of the weights, means and log-variances of a mixture of Gaussians.

    Attributes:
        components: How many.
    """

    activation: ClassVar[None] = None
    components: int = 3
    bias: tuple[float, ...] = (0.0,) * 9
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Three outputs a component."""
        return 3 * self.components

    @classmethod
    def fit(cls, labels: np.ndarray, components: int) -> Mixture:
        """Start with equal weights, means at quantiles of the labels, and what variance is left within components.

        Raises:
            ValueError: There is no component.
        """
        if components < 1:
            raise ValueError(f"components: {components} found; expected at least 1")
        means = np.quantile(labels, (np.arange(components) + 0.5) / components)
        within = max(labels.var() - means.var(), labels.var() / components**2, TINY)
        return cls(
            components=components,
            bias=_floats([*np.zeros(components), *means, *np.full(components, np.log(within))]),
        )

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mixture, its mean and its standard deviation."""
        logits, means, log_variances = np.split(outputs, 3, axis=1)
        weights, stds = _softmax(logits), _std(log_variances)
        mean = (weights * means).sum(axis=1)
        variance = (weights * (stds**2 + (means - mean[:, None]) ** 2)).sum(axis=1)
        return Prediction(point=mean, std=np.sqrt(variance), weights=weights, means=means, stds=stds)


def _softmax(logits: np.ndarray) -> np.ndarray:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    return np.exp(-np.logaddexp(0.0, -logits))


@dataclass(frozen=True)
class Bins:
    """Logits of the probabilities of bins.

    Attributes:
        edges: (B + 1,) of the bins.
    """

    activation: ClassVar[None] = None
    edges: tuple[float, ...] = (0.0, 0.5, 1.0)
    bias: tuple[float, ...] = (0.0, 0.0)

    @property
    def width(self) -> int:
        """One output a bin."""
        return len(self.edges) - 1

    @property
    def loss_parameters(self) -> dict[str, Any]:
        """The edges."""
        return {"edges": list(self.edges)}

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        count: int,
        low: float | None = None,
        high: float | None = None,
        spacing: str = "uniform",
        edges: Sequence[float] | None = None,
        scale: float = 1.0,
        shift: float = 0.0,
    ) -> Bins:
        """Start at the frequencies of the labels.

        Args:
            labels: (N,) in the network's units.
            count: Number of bins; fewer with ``equal_population`` where labels repeat.
            low, high: Ends of the first and last bin, in the label's units; by default the range of the labels and 5 %
                more on either side.
            spacing: ``"uniform"`` or ``"equal_population"``.
            edges: Instead of all these, the edges, in the label's units.
            scale, shift: A label in its own units is ``scale * label + shift``.

        Raises:
            ValueError: A parameter makes no sense, or there are not two bins.
        """
        for name, end in (("low", low), ("high", high)):
            if isinstance(end, str):
                raise ValueError(f"{name}: {end!r} found; expected a number")
        if low is not None and high is not None and not low < high:
            raise ValueError(f"low: {low:g} and high: {high:g} found; expected low < high")
        if edges is not None:
            found = (np.asarray(edges, dtype=np.float64) - shift) / scale
            if found.ndim != 1:
                raise ValueError(f"edges: {edges} found; expected a list of numbers")
        else:
            margin = MARGIN * np.ptp(labels) or 1.0
            ends = (
                labels.min() - margin if low is None else (low - shift) / scale,
                labels.max() + margin if high is None else (high - shift) / scale,
            )
            found = _edges(labels, count, *ends, spacing)
        if len(found) < 3 or not (np.diff(found) > 0).all():
            shown = np.round(scale * found + shift, 6).tolist()
            raise ValueError(f"bins with edges {shown} found; expected at least three ascending numbers")
        if labels.max() < found[0] or labels.min() > found[-1]:
            shown = [f"{scale * end + shift:g}" for end in (found[0], found[-1], labels.min(), labels.max())]
            raise ValueError("bins from {} to {} found; the training labels lie from {} to {}".format(*shown))
        held = np.histogram(np.clip(labels, found[0], found[-1]), found)[0]
        return cls(edges=_floats(found), bias=_floats(np.log((held + 1) / (held.sum() + held.size))))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of the bins, the mean and the standard deviation; within a bin all is even."""
        edges, probabilities = np.asarray(self.edges), _softmax(outputs)
        centres = 0.5 * (edges[1:] + edges[:-1])
        mean = probabilities @ centres
        variance = (probabilities * ((centres - mean[:, None]) ** 2 + np.diff(edges) ** 2 / 12)).sum(axis=1)
        return Prediction(point=mean, std=np.sqrt(variance), probabilities=probabilities, edges=edges)


def _edges(labels: np.ndarray, count: int, low: float, high: float, spacing: str) -> np.ndarray:
    if count < 2:
        raise ValueError(f"count: {count} found; expected at least 2 bins")
    if not low < high:
        raise ValueError(f"low and high: {low} and {high} found (in the network's units); expected low < high")
    if spacing == "uniform":
        return np.linspace(low, high, count + 1)
    if spacing != "equal_population":
        raise ValueError(f"spacing: {spacing!r} found; expected 'uniform' or 'equal_population'")
    inside = labels[(labels > low) & (labels < high)]
    if not inside.size:
        raise ValueError("no training label lies between low and high")
    inner = np.quantile(inside, np.arange(1, count) / count)
    return np.unique([low, *inner, high])  # equal labels make equal edges, so empty bins: fewer bins instead


ClassWeights = Sequence[float] | Mapping[str, float] | str | None


def _class_counts(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    numbers = labels.astype(np.int64)
    if (numbers != labels).any() or (numbers < 0).any():
        bad = labels[(numbers != labels) | (numbers < 0)][0]
        raise ValueError(f"class {bad:g} found among the training labels; expected 0, 1, 2, ...")
    counts = np.bincount(numbers, minlength=max(len(classes), 2))
    if classes and len(counts) > len(classes):
        raise ValueError(
            f"class {len(counts) - 1} found among the training labels; expected 0 to {len(classes) - 1}"
            f" ({', '.join(classes)})"
        )
    return counts


def _weights(given: ClassWeights, counts: np.ndarray, classes: Sequence[str]) -> dict[str, Any]:
    """Return the loss's class weights; ``balanced`` gives N / (K n_k), so that their mean over objects is 1."""
    if given is None:
        return {}
    names = [str(name) for name in classes or range(len(counts))]
    if given == "balanced":
        if not counts.all():
            raise ValueError(
                f"class_weights: 'balanced' found, but no training object is of class {names[counts.argmin()]}"
            )
        return {"class_weights": list(_floats(counts.sum() / (len(counts) * counts)))}
    if isinstance(given, str) or not isinstance(given, Mapping | Sequence):
        raise ValueError(
            f"class_weights: {given!r} found; expected 'balanced', {len(names)} numbers, or a number by class"
        )
    weights = _by_class(given, names) if isinstance(given, Mapping) else list(given)
    bad = [weight for weight in weights if isinstance(weight, str) or not 0 < weight < math.inf]
    if len(weights) != len(names) or bad:
        raise ValueError(
            f"class_weights: {given!r} found; expected {len(names)} numbers above 0, for {', '.join(names)}"
        )
    return {"class_weights": list(_floats(weights))}


def _by_class(given: Mapping[str, float], names: Sequence[str]) -> list[float]:
    """Return the weight of each class, given by name or number; 1 for one that is not given."""
    places = {str(number): number for number in range(len(names))}
    places |= {name: number for number, name in enumerate(names)}  # a name that looks like a number is a name
    weights = [1.0] * len(names)
    for key, weight in given.items():
        if str(key) not in places:
            raise ValueError(f"class_weights: no class {key!r}; expected {', '.join(names)}, or a number from 0")
        weights[places[str(key)]] = weight
    return weights


def _log_frequencies(counts: np.ndarray) -> np.ndarray:
    return np.log((counts + 1) / (counts.sum() + len(counts)))


@dataclass(frozen=True)
class Logits:
    """Logits of classes that exclude each other, or their probabilities.

    Attributes:
        from_logits: Whether outputs are logits.
    """

    from_logits: bool = True
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """One output a class."""
        return len(self.bias)

    @property
    def activation(self) -> str | None:
        """Softmax where outputs are probabilities."""
        return None if self.from_logits else "softmax"

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        from_logits: bool = True,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> Logits:
        """Start at the frequencies of the classes.

        Args:
            labels: (N,) class numbers.
            from_logits: Whether outputs are logits.
            class_weights: Weights, or class (name or number) -> weight, 1 where none is given, or ``"balanced"``.
            classes: Their names; without any there are as many classes as the labels tell.

        Raises:
            ValueError: A label is no class number, a class to balance has no object, or weights do not fit the classes.
        """
        counts = _class_counts(labels, classes)
        return cls(from_logits, _floats(_log_frequencies(counts)), _weights(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of the classes, and the most probable class as the point estimate."""
        return _classified(_softmax(outputs) if self.from_logits else outputs)


def _classified(classes: np.ndarray) -> Prediction:
    return Prediction(point=classes.argmax(axis=1).astype(np.float64), classes=classes)


def _two(labels: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    counts = _class_counts(labels, classes)
    if len(counts) > 2:
        raise ValueError(
            f"{len(counts)} classes found; a binary loss expects two. Hint: categorical_crossentropy takes any number"
        )
    return counts


@dataclass(frozen=True)
class Binary:
    """The logit of class 1 of two, or its probability.

    Attributes:
        from_logits: Whether the output is a logit.
    """

    width: ClassVar[int] = 1
    from_logits: bool = True
    bias: tuple[float, ...] = (0.0,)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def activation(self) -> str | None:
        """Sigmoid where the output is a probability."""
        return None if self.from_logits else "sigmoid"

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        from_logits: bool = True,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> Binary:
        """Start at the frequency of class 1; arguments and errors as of :meth:`Logits.fit`."""
        counts = _two(labels, classes)
        no, yes = _log_frequencies(counts)
        return cls(from_logits, (float(yes - no),), _weights(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the probabilities of both classes, and the more probable one as the point estimate."""
        yes = _sigmoid(outputs[:, 0]) if self.from_logits else outputs[:, 0]
        return _classified(np.column_stack([1 - yes, yes]))


LOG_NOISE = -4.0  # initial log-variance of logits: probabilities start at the frequencies all but undisturbed


@dataclass(frozen=True)
class LogitsVariance:
    """Logits of classes and the log-variances of their noise.

    Attributes:
        draws, seed: Of the noise over which probabilities are averaged, as in the loss.
    """

    activation: ClassVar[None] = None
    draws: int = 25
    seed: int = 0
    bias: tuple[float, ...] = (0.0,) * 4
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def width(self) -> int:
        """Two outputs a class."""
        return len(self.bias)

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        draws: int,
        seed: int,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> LogitsVariance:
        """Start at the frequencies of the classes and little noise; arguments and errors as of :meth:`Logits.fit`."""
        counts = _class_counts(labels, classes)
        bias = [*_log_frequencies(counts), *np.full(len(counts), LOG_NOISE)]
        return cls(draws, seed, _floats(bias), _weights(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean probabilities of the classes, and the most probable class as the point estimate."""
        return _classified(np.mean([_softmax(noisy) for noisy in _noisy(outputs, self.draws, self.seed)], axis=0))


@dataclass(frozen=True)
class BinaryVariance:
    """The logit of class 1 of two and the log-variance of its noise.

    Attributes:
        draws, seed: Of the noise over which the probability is averaged, as in the loss.
    """

    width: ClassVar[int] = 2
    activation: ClassVar[None] = None
    draws: int = 25
    seed: int = 0
    bias: tuple[float, ...] = (0.0, 0.0)
    loss_parameters: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def fit(
        cls,
        labels: np.ndarray,
        draws: int,
        seed: int,
        class_weights: ClassWeights = None,
        classes: Sequence[str] = (),
    ) -> BinaryVariance:
        """Start at the frequency of class 1 and little noise; arguments and errors as of :meth:`Logits.fit`."""
        counts = _two(labels, classes)
        no, yes = _log_frequencies(counts)
        return cls(draws, seed, (float(yes - no), LOG_NOISE), _weights(class_weights, counts, classes))

    def prediction(self, outputs: np.ndarray) -> Prediction:
        """Return the mean probabilities of both classes, and the more probable one as the point estimate."""
        yes = np.mean([_sigmoid(noisy[:, 0]) for noisy in _noisy(outputs, self.draws, self.seed)], axis=0)
        return _classified(np.column_stack([1 - yes, yes]))


def _noisy(outputs: np.ndarray, draws: int, seed: int):
    """Yield logits (N, K) with noise, one draw at a time."""
    logits, log_variances = np.split(outputs, 2, axis=1)
    spread = _std(log_variances)
    for noise in normal_draws(draws, logits.shape[1], seed):
        yield logits + spread * noise


HEADS: dict[str, type[Head]] = {
    "point": Point,
    "gaussian": Gaussian,
    "student_t": StudentT,
    "quantiles": Quantiles,
    "mixture": Mixture,
    "bins": Bins,
    "logits": Logits,
    "logits_variance": LogitsVariance,
    "binary": Binary,
    "binary_variance": BinaryVariance,
}
