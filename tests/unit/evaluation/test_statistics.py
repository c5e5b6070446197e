import tracemalloc

import numpy as np
import pytest
from scipy import stats

from skybake.evaluation import bootstrap
from skybake.evaluation.bootstrap import Bootstrap, resample
from skybake.evaluation.intervals import intervals
from skybake.evaluation.pairs import compare, sample
from skybake.metrics import measuring, regression

ERRORS = np.random.default_rng(3).normal(0.1, 0.2, (3, 150))
MEAN = {"mean_error": regression.mean_error}


def test_draws_agree_with_scipy():
    d = ERRORS[0]
    ours = resample(d, measuring.of_errors(0.3), Bootstrap(draws=4000, seed=1))
    for name in ("mean_error", "std_error", "rmse", "outlier_fraction"):
        statistic = measuring.of_errors(0.3)[name]
        theirs = stats.bootstrap(
            (d,), lambda x, axis, s=statistic: s(np.moveaxis(x, axis, -1)), n_resamples=4000, method="percentile", rng=2
        ).confidence_interval
        width = theirs.high - theirs.low
        low, high = np.quantile(ours[name], [0.025, 0.975])
        assert abs(low - theirs.low) < 0.08 * width, name
        assert abs(high - theirs.high) < 0.08 * width, name


def test_a_draw_is_what_a_loop_gives():
    bootstrap = Bootstrap(draws=20, seed=9)
    found = resample(ERRORS, {"nmad": regression.nmad}, bootstrap)["nmad"]
    rng = np.random.default_rng(9)
    for value in found:
        drawn = rng.integers(0, 150, size=150)
        d = np.concatenate([seed[drawn] for seed in ERRORS])
        assert value == pytest.approx(1.4826 * np.median(np.abs(d - np.median(d))), rel=1e-12)


def test_seeds_of_an_object_stay_together():
    """Seeds that agree tell nothing new: drawing errors instead of objects would halve the interval."""
    one = intervals(ERRORS[0], MEAN, Bootstrap(draws=2000))["mean_error"]
    four = intervals(np.tile(ERRORS[0], (4, 1)), MEAN, Bootstrap(draws=2000))["mean_error"]
    assert (four.low, four.high) == pytest.approx((one.low, one.high), rel=1e-12)


def test_draws_do_not_depend_on_the_size_of_pieces(monkeypatch):
    errors = ERRORS[:, :149]  # an odd number: half of a generator's word is left over after each piece
    whole = resample(errors, measuring.of_errors(0.3), Bootstrap(draws=101))
    monkeypatch.setattr(bootstrap, "CHUNK_ERRORS", 3 * 149 * 7)
    pieces = resample(errors, measuring.of_errors(0.3), Bootstrap(draws=101))
    for name, draws in whole.items():
        np.testing.assert_array_equal(draws, pieces[name], err_msg=name)


def test_seed_and_level():
    narrow = intervals(ERRORS, MEAN, Bootstrap(draws=1000, level=0.5))["mean_error"]
    wide = intervals(ERRORS, MEAN, Bootstrap(draws=1000, level=0.99))["mean_error"]
    assert wide.low < narrow.low < ERRORS.mean() < narrow.high < wide.high
    assert intervals(ERRORS, MEAN, Bootstrap(draws=500)) == intervals(ERRORS, MEAN, Bootstrap(draws=500))
    assert intervals(ERRORS, MEAN, Bootstrap(draws=500, seed=1)) != intervals(ERRORS, MEAN, Bootstrap(draws=500))


def test_intervals_cover_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(200):
        span = intervals(rng.normal(0.3, 1, 60), MEAN, Bootstrap(draws=300, level=0.9))["mean_error"]
        hits += span.low < 0.3 < span.high
    assert 0.82 < hits / 200 < 0.96


def compared(first, second, statistics, **bootstrap):
    """Return the difference of two models' only statistic."""
    (name,) = statistics
    return compare(*(sample(errors, statistics, Bootstrap(**bootstrap))[name] for errors in (first, second)), 0.95)


def test_pairing_sees_a_difference_that_separate_intervals_hide():
    rng = np.random.default_rng(5)
    hard = rng.normal(0, 1, 200)
    first, second = 0.9 * hard + rng.normal(0, 0.02, 200), hard
    both = {"std_error": regression.std_error}
    apart = [intervals(d, both, Bootstrap(draws=1000))["std_error"] for d in (first, second)]
    assert apart[0].high > apart[1].low
    found = compared(first, second, both, draws=1000)
    assert found.difference == pytest.approx(first.std() - second.std())
    assert found.low < found.difference < found.high < 0
    assert found.below_zero == 1.0


def test_a_model_does_not_differ_from_itself():
    found = compared(ERRORS, ERRORS, MEAN, draws=100)
    assert (found.difference, found.objects_low, found.objects_high, found.below_zero) == (0, 0, 0, 0)
    assert found.p_value == 1


def test_numbers_of_seeds_may_differ_but_not_of_objects():
    found = compared(ERRORS[0], ERRORS, MEAN, draws=100)
    assert found.difference == pytest.approx(ERRORS[0].mean() - ERRORS.mean())
    with pytest.raises(ValueError, match="149 objects found; expected the reference's 150"):
        compared(ERRORS[:, :149], ERRORS, MEAN, draws=100)


def test_errors_that_are_not_finite_give_no_interval():
    d = ERRORS.copy()
    d[1, 4] = np.nan
    assert np.isnan(resample(d, MEAN, Bootstrap(draws=100))["mean_error"]).all()
    found = compared(d, ERRORS, MEAN, draws=100)
    assert np.isnan([found.difference, found.low, found.high, found.below_zero]).all()


def test_memory_is_bounded():
    errors = np.zeros((5, 800))
    tracemalloc.start()
    resample(errors, MEAN, Bootstrap(draws=3000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6  # all draws at once would take 115 MB


def test_no_object_is_an_error():
    with pytest.raises(ValueError, match="no object"):
        resample(np.empty((2, 0)), MEAN, Bootstrap(draws=100))


def drawn_objects(n, bootstrap):
    """Return the objects of all draws, (draws, n)."""
    found = []
    resample(np.arange(n), {"rows": lambda rows: (found.append(rows), rows[:, 0])[1]}, bootstrap)
    return np.concatenate(found)


def test_groups_are_drawn_whole():
    groups = np.array(["a", "b", "a", "c", "b", "a"])
    drawn = drawn_objects(6, Bootstrap(draws=500, groups=groups))
    assert drawn.shape == (500, 6)
    for row in drawn:
        counts = np.bincount(row, minlength=6)
        whole = [counts[groups == name] for name in "abc"]
        assert sum(not (part == part[0]).all() for part in whole) <= 1  # only the last group may be cut


@pytest.mark.parametrize("groups", [None, np.repeat(np.arange(30), 2)])
def test_draws_in_strata_hold_as_many_of_each(groups, monkeypatch):
    strata = np.repeat(np.random.default_rng(4).permutation([0] * 26 + [2] * 4), 2)
    bootstrap_ = Bootstrap(draws=101, strata=strata, groups=groups)
    drawn = drawn_objects(60, bootstrap_)
    assert {tuple(np.bincount(strata[row])) for row in drawn} == {(52, 0, 8)}
    assert len(set(map(tuple, np.sort(drawn)))) > 90
    monkeypatch.setattr(bootstrap, "CHUNK_ERRORS", 60 * 7)
    np.testing.assert_array_equal(drawn_objects(60, bootstrap_), drawn)


def test_groups_of_several_classes_are_drawn_by_the_rarest_one():
    strata = np.array([0, 0, 0, 1] * 3 + [0] * 80)  # three groups of which one object each is of the rare class
    groups = np.repeat(np.arange(23), 4)
    drawn = drawn_objects(92, Bootstrap(draws=300, strata=strata, groups=groups))
    assert ((strata[drawn] == 1).sum(axis=1) == 3).all()


def test_intervals_over_groups_know_that_copies_tell_nothing_new():
    """Every object four times: by object the interval is half as wide as it should be."""
    errors = np.random.default_rng(2).normal(size=100)
    copies, groups = np.repeat(errors, 4), np.repeat(np.arange(100).astype(str), 4)
    width = {}
    for name, values, drawing in (
        ("truth", errors, Bootstrap(draws=4000)),
        ("objects", copies, Bootstrap(draws=4000)),
        ("groups", copies, Bootstrap(draws=4000, groups=groups)),
    ):
        span = intervals(values, {"mean": lambda d: d.mean(axis=-1)}, drawing)["mean"]
        width[name] = span.high - span.low
    assert width["groups"] == pytest.approx(width["truth"], rel=0.08)
    assert width["objects"] == pytest.approx(0.5 * width["truth"], rel=0.08)


@pytest.mark.parametrize("size", [1, 5])
def test_nothing_is_said_of_fewer_than_ten_objects_or_groups(size):
    d = np.random.default_rng(1).normal(size=10 * size)
    groups = np.repeat(np.arange(10), size) if size > 1 else None
    told = intervals(d, measuring.of_errors(0.3), Bootstrap(draws=20, groups=groups))
    assert set(told) == set(measuring.of_errors(0.3))
    fewer = Bootstrap(draws=20, groups=None if groups is None else groups[:-size])
    assert intervals(d[:-size], measuring.of_errors(0.3), fewer) == {}
