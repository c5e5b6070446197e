"""The row that ``compare_with`` names."""

import pytest

from skybake.config import make_plan, states
from skybake.config.messages import ConfigError
from tests.unit.config.configs import changed


def reference(given, **named):
    return make_plan({**given, "compare_with": named}).reference("clusters")


def with_more(given):
    """Return the config with another training of one row, and another delta."""
    first = given["bakeoffs"]["first"]
    longer = {**first, "losses": ["mse", {"huber": {"delta": 0.7}}], "baselines": []}
    longer["training"] = {"epochs": 7}
    return changed(given, "bakeoffs.longer", longer)


@pytest.mark.parametrize(
    ("named", "found"),
    [
        ({"model": "simple_sequential", "loss": "mse"}, ("first", "simple_sequential", "mse")),
        ({"model": "nonsequential", "loss": "huber-delta=0.3"}, ("first", "nonsequential", "huber-delta=0.3")),
        ({"model": "nonsequential", "loss": {"huber": {"delta": 0.3}}}, ("first", "nonsequential", "huber-delta=0.3")),
        ({"model": "nonsequential", "loss": "huber"}, ("first", "nonsequential", "huber-delta=0.3")),
        ({"model": {"constant": {}}}, ("first", "constant", "baseline")),
    ],
)
def test_a_row_is_named_as_models_and_losses_are(given, named, found):
    assert tuple(reference(given, **named)[axis] for axis in ("training", "model", "loss")) == found


def test_without_a_name_there_is_none(given):
    assert make_plan(given).reference("clusters") == {}


def test_a_row_of_one_of_two_bakeoffs(given):
    named = {"model": "simple_sequential", "loss": "mse"}
    assert reference(with_more(given), **named, training="longer")["training"] == "longer"
    assert (
        reference(with_more(given), model="simple_sequential", loss={"huber": {"delta": 0.7}})["training"] == "longer"
    )


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (
            {"model": "simple_sequential", "loss": "mse"},
            [
                "compare_with: 2 rows of clusters found; expected one",
                "compare_with: {model: simple_sequential, loss: mse, training: first}",
                "compare_with: {model: simple_sequential, loss: mse, training: longer}",
            ],
        ),
        (
            {"model": "simple_sequential", "loss": "huber"},
            ["2 rows", "loss: huber-delta=0.3, training: first", "loss: huber-delta=0.7, training: longer"],
        ),
        ({"model": "nonsequental"}, ["compare_with.model: no row", "Did you mean 'nonsequential'?"]),
        ({"model": "nonsequential", "loss": "mea"}, ["compare_with.loss: no row", "'mea'", "huber-delta=0.3, "]),
        ({"model": "nonsequential", "loss": "huber-detla=0.3"}, ["Did you mean 'huber-delta=0.3'?"]),
        ({"model": "nonsequential", "loss": {"huber": {"delta": 0.9}}}, ["'huber-delta=0.9'"]),
        ({"model": "nonsequential", "loss": {"huber": {"dleta": 0.9}}}, ["compare_with.loss: no row", "dleta"]),
        (
            {"model": "nonsequential", "loss": "mse", "training": "lnoger"},
            ["compare_with.training: no row", "Did you mean 'longer'?"],
        ),
        ({"model": {"a": {}, "b": {}}}, ["compare_with.model: no row"]),
        ({"mdel": "nonsequential"}, ["compare_with.mdel", "Did you mean 'model'?"]),
    ],
)
def test_no_row_or_several_are_refused(given, named, words):
    with pytest.raises(ConfigError) as refused:
        reference(with_more(given), **named)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("folder", "said"),
    [("nowhere", "no comparison.csv found in 'nowhere'"), ("results/mine", "the results of this bake-off")],
)
def test_earlier_results_are_those_of_another_bakeoff_that_has_ended(folder, said, given):
    with pytest.raises(ConfigError, match=said):
        make_plan({**given, "results": "results/mine", "compare_with_results": [folder]})


def test_without_earlier_results_there_is_no_page_of_differences(given):
    with pytest.raises(ValueError, match="compare_with_results: nothing found"):
        states.pages(make_plan(given))
