"""Predictive distributions: densities, intervals and scores of every form that a :class:`Prediction` can have.

:func:`of` makes the distribution of a prediction. Methods take values (N,), one an object, or (N, G), and answer in the
same shape, in units of the label. No deep-learning framework is imported here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from scipy import special, stats

from skybake.results.piecewise import Piecewise, beside, between_quantiles, of_bins
from skybake.results.predictions import TINY, Prediction

LOG_2PI = np.log(2 * np.pi)
STANDARD = special.ndtr(np.linspace(-4, 4, 81))  # levels at which a smooth distribution is told


class Distribution(Protocol):
    """What every form can do, for N objects."""

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the probability below values."""

    def pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the density at values, per unit of the label."""

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density."""

    def quantile(self, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q)."""

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the continuous ranked probability score (N,) of labels (N,), in units of the label."""

    def square_integral(self) -> np.ndarray:
        """Return the integral (N,) of the squared density, per unit of the label."""


def of(prediction: Prediction) -> Distribution | None:
    """Return the distribution of a prediction; None if it has none, or a single quantile."""
    if prediction.weights is not None:
        means, stds = _needed("weights", prediction, "means"), _needed("weights", prediction, "stds")
        parts = (prediction.weights, means, np.maximum(stds, TINY))
        return Mixture(*parts) if prediction.dof is None else StudentMixture(*parts, prediction.dof)
    if prediction.probabilities is not None:
        edges = _needed("probabilities", prediction, "edges")
        return of_bins(prediction.probabilities, edges)
    if prediction.quantiles is not None:
        levels = _needed("quantiles", prediction, "levels")
        return between_quantiles(prediction.quantiles, levels) if len(levels) > 1 else None
    if prediction.std is None:
        return None
    std = np.maximum(prediction.std, TINY)
    return Normal(prediction.point, std) if prediction.dof is None else StudentT(prediction.point, std, prediction.dof)


def required(prediction: Prediction) -> Distribution:
    """Return the distribution of a prediction.

    Raises:
        ValueError: It has none.
    """
    found = of(prediction)
    if found is None:
        raise ValueError(f"no distribution found among {', '.join(prediction.given())}; expected one")
    return found


def _needed(form: str, prediction: Prediction, name: str) -> np.ndarray:
    found = getattr(prediction, name)
    if found is None:
        raise ValueError(f"a prediction with {form} and without {name} found; expected both")
    return found


@dataclass(frozen=True)
class _Scipys:
    """A distribution of scipy, moved and stretched for each object.

    Attributes:
        mean, std: (N,).
    """

    mean: np.ndarray
    std: np.ndarray

    @property
    def scale(self) -> np.ndarray:
        """(N,) what the standard form is stretched by."""
        return self.std

    @property
    def _form(self) -> Any:
        """The standard form, as scipy freezes it."""
        raise NotImplementedError

    def _standardised(self, values: np.ndarray) -> np.ndarray:
        return (values - beside(self.mean, values)) / beside(self.scale, values)

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the probability below values."""
        return self._form.cdf(self._standardised(values))

    def pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the density at values."""
        return np.exp(self.log_pdf(values))

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density."""
        return self._form.logpdf(self._standardised(values)) - np.log(beside(self.scale, values))

    def quantile(self, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q)."""
        return self.mean[:, None] + self.scale[:, None] * self._form.ppf(np.asarray(levels))


@dataclass(frozen=True)
class Normal(_Scipys):
    """Gaussians.

    Attributes:
        mean, std: (N,).
    """

    @property
    def _form(self) -> Any:
        return stats.norm()

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the score (N,); Gneiting et al. 2005, Mon. Weather Rev. 133, 1098, eq. 5."""
        import scoringrules

        return scoringrules.crps_normal(label, self.mean, self.std)

    def square_integral(self) -> np.ndarray:
        """Return 1 / (2 std √π), (N,)."""
        return 0.5 / (self.std * np.sqrt(np.pi))


@dataclass(frozen=True)
class StudentT(_Scipys):
    """Student's t.

    Attributes:
        mean, std: (N,).
        dof: Degrees of freedom, above 2.
    """

    dof: float

    @property
    def scale(self) -> np.ndarray:
        """(N,) scale, smaller than the standard deviation."""
        return self.std * np.sqrt(1 - 2 / self.dof)

    @property
    def _form(self) -> Any:
        return stats.t(self.dof)

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the score (N,); Jordan, Krüger & Lerch 2019, J. Stat. Softw. 90, 12, appendix A."""
        import scoringrules

        return scoringrules.crps_t(label, self.dof, self.mean, self.scale)

    def square_integral(self) -> np.ndarray:
        """Return the integral of the squared density, (N,)."""
        shape = special.gammaln(self.dof + 0.5) - special.gammaln(self.dof + 1)
        return np.exp(2 * self._form.logpdf(0) + shape) * np.sqrt(np.pi * self.dof) / self.scale


@dataclass(frozen=True)
class Mixture:
    """Mixtures of Gaussians.

    Attributes:
        weights, means, stds: (N, K).
    """

    weights: np.ndarray
    means: np.ndarray
    stds: np.ndarray

    def _standardised(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return standardised values, weights and standard deviations, the components on the last axis."""
        shape = (len(self.means), *(1,) * (np.ndim(values) - 1), -1)
        weights, means, stds = (part.reshape(shape) for part in (self.weights, self.means, self.stds))
        return (np.asarray(values)[..., None] - means) / stds, weights, stds

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the probability below values."""
        standardised, weights, _ = self._standardised(values)
        return (weights * special.ndtr(standardised)).sum(axis=-1)

    def pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the density at values."""
        return np.exp(self.log_pdf(values))

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density."""
        standardised, weights, stds = self._standardised(values)
        return special.logsumexp(-0.5 * (np.square(standardised) + LOG_2PI) - np.log(stds), b=weights, axis=-1)

    def quantile(self, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q), by bisection between the components' own."""
        return self._between(special.ndtri(np.asarray(levels, dtype=np.float64)), self.stds, levels)

    def _between(self, standard: np.ndarray, scales: np.ndarray, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q); ``standard`` (Q,) are of the standard form, which ``scales`` (N, K) stretch."""
        wanted = np.asarray(levels, dtype=np.float64)
        ends = self.means[:, :, None] + scales[:, :, None] * standard
        low, high = ends.min(axis=1), ends.max(axis=1)  # no quantile lies beyond those of all components
        for _ in range(60):
            middle = 0.5 * (low + high)
            below = self.cdf(middle) < wanted
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return 0.5 * (low + high)

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the score (N,); Grimit et al. 2006, Q. J. R. Meteorol. Soc. 132, 2925."""
        import scoringrules

        return scoringrules.crps_mixnorm(label, self.means, self.stds, self.weights, m_axis=-1)

    def square_integral(self) -> np.ndarray:
        """Return the sum over pairs of the overlap of two Gaussians, (N,)."""
        spread = np.sqrt(np.square(self.stds[:, :, None]) + np.square(self.stds[:, None, :]))
        distance = (self.means[:, :, None] - self.means[:, None, :]) / spread
        overlap = np.exp(-0.5 * (np.square(distance) + LOG_2PI)) / spread
        return np.einsum("nk,nl,nkl->n", self.weights, self.weights, overlap)


@dataclass(frozen=True)
class StudentMixture(Mixture):
    """Mixtures of Student's t; ``stds`` are the standard deviations of the components.

    CRPS and the integral of the squared density are of a distribution that is even between many values, at which its
    probabilities are exact: within 1e-3 standard deviations of the score.

    Attributes:
        dof: Degrees of freedom, above 2.
    """

    dof: float

    @property
    def _scales(self) -> np.ndarray:
        return self.stds * np.sqrt(1 - 2 / self.dof)

    def _standardised(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return Mixture(self.weights, self.means, self._scales)._standardised(values)

    def cdf(self, values: np.ndarray) -> np.ndarray:
        """Return the probability below values."""
        standardised, weights, _ = self._standardised(values)
        return (weights * special.stdtr(self.dof, standardised)).sum(axis=-1)

    def log_pdf(self, values: np.ndarray) -> np.ndarray:
        """Return the logarithm of the density."""
        standardised, weights, scales = self._standardised(values)
        return special.logsumexp(stats.t(self.dof).logpdf(standardised) - np.log(scales), b=weights, axis=-1)

    def quantile(self, levels: Sequence[float]) -> np.ndarray:
        """Return quantiles (N, Q), by bisection between the components' own."""
        return self._between(special.stdtrit(self.dof, np.asarray(levels, dtype=np.float64)), self._scales, levels)

    @property
    def _even(self) -> Piecewise:
        """What it is, even between the values at which its components have certain quantiles."""
        standard = special.stdtrit(self.dof, STANDARD)
        values = self.means[:, :, None] + self._scales[:, :, None] * standard
        edges = np.sort(values.reshape(len(values), -1), axis=1)
        return Piecewise(edges, np.diff(self.cdf(edges), axis=1))

    def crps(self, label: np.ndarray) -> np.ndarray:
        """Return the score (N,)."""
        return self._even.crps(label)

    def square_integral(self) -> np.ndarray:
        """Return the integral of the squared density, (N,)."""
        even = self._even
        density = self.pdf(even.edges)
        widths = np.diff(even.edges, axis=1)
        return 0.5 * (widths * (np.square(density[:, :-1]) + np.square(density[:, 1:]))).sum(axis=1)
