"""Distributions of predictions against scipy, scoringrules and numerical integrals."""

import numpy as np
import pytest
import scoringrules
from scipy import integrate, stats

from skybake.results import distributions
from skybake.results.predictions import Prediction

RNG = np.random.default_rng(8)
N = 7
MEAN, STD = RNG.normal(1, 2, N), RNG.uniform(0.3, 2, N)
WEIGHTS = RNG.dirichlet([1, 2, 3], N)
MEANS, STDS = RNG.normal(0, 2, (N, 3)), RNG.uniform(0.2, 1.5, (N, 3))
EDGES = np.array([-9.0, -3.0, -2.0, -0.5, 0.5, 1.0, 2.5, 4.0, 9.0])
MASS = RNG.dirichlet(np.ones(8), N)
LEVELS = np.array([0.05, 0.16, 0.5, 0.84, 0.95])
QUANTILES = np.sort(RNG.normal(0, 2, (N, 5)), axis=1)

PREDICTIONS = {
    "gaussian": Prediction(MEAN, MEAN * 0 + STD),
    "student_t": Prediction(MEAN, STD, dof=4.5),
    "mixture": Prediction(MEAN, STD, weights=WEIGHTS, means=MEANS, stds=STDS),
    "bins": Prediction(MEAN, STD, probabilities=MASS, edges=EDGES),
    "quantiles": Prediction(MEAN, STD, quantiles=QUANTILES, levels=LEVELS),
}
FORMS = {name: distributions.of(prediction) for name, prediction in PREDICTIONS.items()}
LABEL = RNG.normal(0.5, 2, N)


def grid(form):
    """A grid that holds all but 1e-4 of every object, (G,), with the jumps of piecewise densities on it."""
    fine = np.linspace(-60, 60, 240_001)
    jumps = FORMS[form].edges.ravel() if hasattr(FORMS[form], "edges") else []
    return np.unique(np.concatenate([fine, np.add.outer(jumps, [-1e-9, 0.0, 1e-9]).ravel()]))


@pytest.mark.parametrize("form", FORMS)
def test_density_distribution_and_scores_fit_together(form):
    found, points = FORMS[form], grid(form)
    values = np.broadcast_to(points, (N, len(points)))
    density, below = found.pdf(values), found.cdf(values)
    assert np.allclose(integrate.trapezoid(density, points), 1, atol=2e-4)
    assert np.allclose(integrate.cumulative_trapezoid(density, points, initial=0), below, atol=2e-4)
    assert np.allclose(integrate.trapezoid(density**2, points), found.square_integral(), rtol=2e-3)
    step = points >= LABEL[:, None]
    assert np.allclose(integrate.trapezoid((below - step) ** 2, points), found.crps(LABEL), atol=2e-3)
    assert np.allclose(found.cdf(found.quantile(LEVELS)), LEVELS, atol=1e-6)
    assert (np.diff(found.quantile([0.001, 0.3, 0.31, 0.999]), axis=1) > 0).all()
    inside = found.pdf(LABEL) > 1e-6
    assert np.allclose(np.exp(found.log_pdf(LABEL))[inside], found.pdf(LABEL)[inside])
    assert np.allclose(found.pdf(LABEL), [found.pdf(np.full(N, y))[i] for i, y in enumerate(LABEL)])


def test_gaussian_and_student_t_as_scipy():
    for found, theirs in (
        (FORMS["gaussian"], stats.norm(MEAN, STD)),
        (FORMS["student_t"], stats.t(4.5, MEAN, STD * np.sqrt(2.5 / 4.5))),
    ):
        assert np.allclose(theirs.std(), STD)
        assert np.allclose(found.cdf(LABEL), theirs.cdf(LABEL), rtol=1e-10)
        assert np.allclose(found.log_pdf(LABEL), theirs.logpdf(LABEL), rtol=1e-10)
        assert np.allclose(found.quantile([0.2, 0.9]).T, [theirs.ppf(0.2), theirs.ppf(0.9)], rtol=1e-8)


def test_mixture_as_scipy():
    parts = stats.norm(MEANS, STDS)
    assert np.allclose(FORMS["mixture"].cdf(LABEL), (WEIGHTS * parts.cdf(LABEL[:, None])).sum(axis=1), rtol=1e-10)
    assert np.allclose(FORMS["mixture"].pdf(LABEL), (WEIGHTS * parts.pdf(LABEL[:, None])).sum(axis=1), rtol=1e-10)


def test_scores_of_many_bins_and_quantiles_near_those_of_the_gaussian():
    edges = np.linspace(-12, 14, 2001)
    binned = distributions.of(
        Prediction(MEAN, probabilities=np.diff(stats.norm.cdf(edges, MEAN[:, None], STD[:, None])), edges=edges)
    )
    levels = np.linspace(0.0005, 0.9995, 1000)
    quantiled = distributions.of(
        Prediction(MEAN, quantiles=stats.norm.ppf(levels, MEAN[:, None], STD[:, None]), levels=levels)
    )
    gaussian = FORMS["gaussian"]
    for found in (binned, quantiled):
        assert np.allclose(found.crps(LABEL), gaussian.crps(LABEL), atol=1e-3)
        assert np.allclose(found.square_integral(), gaussian.square_integral(), rtol=5e-3)
        assert np.allclose(found.cdf(LABEL), gaussian.cdf(LABEL), atol=1e-3)
    pinball = scoringrules.crps_quantile(LABEL, stats.norm.ppf(levels, MEAN[:, None], STD[:, None]), levels)
    assert np.allclose(quantiled.crps(LABEL), pinball, atol=2e-3)


def test_bins_shared_or_not_are_the_same():
    own = distributions.Piecewise(np.tile(EDGES, (N, 1)), MASS)
    for method in ("cdf", "pdf", "log_pdf", "crps"):
        assert np.allclose(getattr(own, method)(LABEL), getattr(FORMS["bins"], method)(LABEL)), method


def test_out_of_range_is_told_apart_and_stays_finite():
    for form in ("bins", "quantiles"):
        low, high = np.full(N, -1e3), np.full(N, 1e3)
        assert (FORMS[form].cdf(low) == 0).all()
        assert (FORMS[form].cdf(high) == 1).all()
        assert (FORMS[form].pdf(high) == 0).all()
        assert np.isfinite(FORMS[form].log_pdf(high)).all()
        assert (FORMS[form].crps(high) > 900).all()


def test_quantiles_that_coincide_stay_finite():
    found = distributions.of(Prediction(np.zeros(2), quantiles=np.array([[1.0, 1, 1], [0, 0, 2]]), levels=LEVELS[1:4]))
    for values in (found.log_pdf(np.ones(2)), found.crps(np.ones(2)), found.square_integral(), found.cdf(np.ones(2))):
        assert np.isfinite(values).all()
    assert found.crps(np.array([3.0, 0]))[0] == pytest.approx(2)


def test_no_distribution():
    assert distributions.of(Prediction(MEAN)) is None
    assert distributions.of(Prediction(MEAN, quantiles=QUANTILES[:, :1], levels=LEVELS[:1])) is None
    assert distributions.of(Prediction(MEAN, classes=WEIGHTS)) is None
    with pytest.raises(ValueError, match="no distribution found among point, classes"):
        distributions.required(Prediction(MEAN, classes=WEIGHTS))


def test_half_a_form_is_refused():
    with pytest.raises(ValueError, match="with weights and without stds found"):
        distributions.of(Prediction(MEAN, weights=WEIGHTS, means=MEANS))
    with pytest.raises(ValueError, match="with probabilities and without edges found"):
        distributions.of(Prediction(MEAN, probabilities=MASS))
