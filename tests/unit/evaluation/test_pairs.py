"""Paired differences take the scatter over seeds into account; many of them are corrected for."""

import numpy as np
import pytest
from scipy import stats

from skybake.evaluation import pairs
from skybake.evaluation.bootstrap import Bootstrap
from skybake.metrics.regression import std_error

STD = {"std": std_error}


def compared(first, second, **bootstrap):
    """Return the difference of the standard deviations of two models' errors."""
    one, other = (pairs.sample(errors, STD, Bootstrap(**bootstrap))["std"] for errors in (first, second))
    return pairs.compare(one, other, 0.95)


def two_equal_models(rng, *, seeds, n=300, scatter=0.05):
    """Return errors (seeds, n) of two models that differ by nothing but their seeds, whose scale scatters."""
    common = rng.normal(size=n)
    return [
        (np.sqrt(0.8) * common + np.sqrt(0.15) * rng.normal(size=n) + np.sqrt(0.05) * rng.normal(size=(seeds, n)))
        * np.exp(scatter * rng.normal(size=(seeds, 1)))
        for _ in range(2)
    ]


@pytest.mark.parametrize("seeds", [2, 5])
def test_equal_models_are_seldom_told_apart(seeds):
    rng = np.random.default_rng(seeds)
    both = objects = significant = 0
    for _ in range(400):
        first, second = two_equal_models(rng, seeds=seeds)
        found = compared(first, second, draws=200)
        both += found.low > 0 or found.high < 0
        objects += found.objects_low > 0 or found.objects_high < 0
        significant += found.p_value < 0.05
    assert both == significant
    assert both / 400 <= 0.09
    assert objects / 400 > 0.15  # which answers another question: of these very networks


def test_a_difference_larger_than_the_scatter_over_seeds_is_found():
    rng = np.random.default_rng(1)
    first, second = two_equal_models(rng, seeds=5, scatter=0.01)
    found = compared(0.8 * first, second, draws=500)
    assert found.high < 0
    assert (found.seeds, found.with_seeds) == (5, True)


def test_one_training_tells_nothing_of_other_seeds_and_what_uses_none_needs_no_other():
    rng = np.random.default_rng(3)
    first, second = two_equal_models(rng, seeds=3)
    bootstrap = Bootstrap(draws=300)
    three, other = (pairs.sample(errors, STD, bootstrap)["std"] for errors in (first, second))
    once = pairs.sample(second[:1], STD, bootstrap)["std"]
    found = pairs.compare(three, once, 0.95)
    assert (found.with_seeds, found.seeds) == (False, 1)
    assert (found.low, found.high) == (found.objects_low, found.objects_high)
    baseline = pairs.sample(second[:1], STD, bootstrap, seeded=False)["std"]
    against = pairs.compare(three, baseline, 0.95)
    assert (against.with_seeds, against.seeds) == (True, 3)
    assert against.high - against.low > against.objects_high - against.objects_low
    assert pairs.compare(three, other, 0.95).difference == pytest.approx(first.std() - second.std())
    alone = pairs.compare(baseline, pairs.sample(first[:1], STD, bootstrap, seeded=False)["std"], 0.95)
    assert (alone.with_seeds, alone.seeds) == (False, None)


def test_holm_is_as_published():
    assert pairs.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert pairs.holm([0.5, 0.9]) == [1.0, 1.0]
    assert pairs.holm([]) == []


def test_of_many_equal_models_one_is_seldom_told_from_the_best():
    rng = np.random.default_rng(4)
    wrong = plain = 0
    for _ in range(100):
        models = {str(number): rng.normal(size=(5, 60)) for number in range(8)}
        sampled = {name: pairs.sample(errors, STD, Bootstrap(draws=200))["std"] for name, errors in models.items()}
        p_values = [pairs.compare(sampled[name], sampled["0"], 0.95).p_value for name in models if name != "0"]
        wrong += min(pairs.holm(p_values)) < 0.2
        plain += min(p_values) < 0.2
    assert wrong <= 20
    assert plain > 2 * max(wrong, 5)


def test_rows_share_a_letter_where_they_are_not_told_apart():
    apart = {("a", "d"), ("a", "e"), ("b", "e")}
    found = pairs.letters(list("abcde"), apart)
    for first in "abcde":
        for second in "abcde":
            told = (first, second) in apart or (second, first) in apart
            assert bool(set(found[first]) & set(found[second])) != told, (first, second)
    assert found["a"].startswith("a")
    assert set(pairs.letters(list("abc"), set()).values()) == {"a"}
    alone = pairs.letters(list("abc"), {("a", "b"), ("a", "c"), ("b", "c")})
    assert list(alone.values()) == ["a", "b", "c"]


def test_letters_of_models_follow_their_differences():
    rng = np.random.default_rng(5)
    bootstrap, base = Bootstrap(draws=300), rng.normal(size=(4, 200))
    scales = {"best": 1.0, "as good": 1.0, "worse": 1.5, "as bad": 1.5}
    sampled = {
        name: pairs.sample(scale * (base + 0.3 * rng.normal(size=base.shape)), STD, bootstrap)["std"]
        for name, scale in scales.items()
    }
    assert pairs.groups(sampled, "best", 0.95) == {"best": "a", "as good": "a", "worse": "b", "as bad": "b"}


def test_p_values_are_those_of_the_t_test_where_objects_are_few():
    """Of a mean without seeds the paired t test is exact, and the draws tell its variance."""
    d = np.random.default_rng(6).normal(0.3, 1, size=30)
    bootstrap, mean = Bootstrap(draws=20_000), {"mean": lambda values: values.mean(axis=-1)}
    found = pairs.compare(
        pairs.sample(d, mean, bootstrap, seeded=False)["mean"],
        pairs.sample(np.zeros(30), mean, bootstrap, seeded=False)["mean"],
        0.95,
    )
    assert found.p_value == pytest.approx(stats.ttest_1samp(d, 0).pvalue, rel=0.05)
