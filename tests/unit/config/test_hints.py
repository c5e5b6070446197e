"""Hints how to write a value that is of the wrong kind, and the ways in which a block may be named."""

import pytest

from skybake.config import ConfigError, make_plan

DATASET = {"survey": "decam", "mock": {}}
BAKEOFF = {"datasets": ["stars"], "models": ["vgg6"], "losses": ["binary_crossentropy"], "seeds": [1]}


def _plan(training=None, dataset=None, **bakeoff):
    given = {**BAKEOFF, **({"training": training} if training else {}), **bakeoff}
    return make_plan({"datasets": {"stars": {**DATASET, **(dataset or {})}}, "bakeoffs": {"b": given}})


def _training(training):
    return _plan(training).config.bakeoffs["b"].training


@pytest.mark.parametrize(
    ("given", "end"),
    [
        ({"seeds": 1}, "b.seeds: 1 found; expected a list. Hint: [1]"),
        ({"seeds": ["3"]}, "Hint: 3"),
        ({"seeds": [1.0]}, "Hint: 1"),
        ({"models": "vgg6"}, "Hint: [vgg6]"),
        ({"models": "vgg6, dense"}, "Hint: [vgg6, dense]"),
        ({"models": {"vgg6": {"units": 8}}}, "Hint: [{vgg6: {units: 8}}]"),
        ({"dataset": {"split": {"test": 20}}}, "split.test: 20 found; expected a number below 1. Hint: 0.2 is 20 %"),
        ({"dataset": {"split": {"test": 1}}}, "expected a number below 1"),
        ({"training": {"epochs": "1e1"}}, "Hint: 10"),
        ({"training": {"epochs": "ten"}}, "expected an integer"),
        ({"training": {"optimizer": {"learning_rate": "0,001"}}}, "Hint: 0.001"),
        ({"training": {"memory_limit_mb": "1,000"}}, "expected a number"),  # a thousand, or one?
        ({"datasets": [False]}, "write the word in quotes"),
        ({"datasets": [1]}, "Hint: '1' in quotes"),
        ({"training": {"optimizer": {"adamm": {"learning_rate": 0.1}}}}, "Did you mean 'adam'?"),
        ({"training": {"optimizer": {"name": "sgd", "clipnrm": None}}}, "Did you mean 'clipnorm'?"),
    ],
)
def test_a_wrong_value_hints_at_the_right_one(given, end):
    with pytest.raises(ConfigError) as caught:
        _plan(**given)
    assert str(caught.value).splitlines()[1].endswith(end), str(caught.value)


@pytest.mark.parametrize("parameters", [{"learning_rate": 0.1}, {}, None])
def test_a_block_may_be_named_as_models_and_losses_are(parameters):
    expected = _training({"optimizer": {"name": "sgd", **(parameters or {})}})
    assert expected.optimizer.name == "sgd"
    assert _training({"optimizer": {"sgd": parameters}}) == expected


def test_splits_images_and_schedules_may_be_named_so_too():
    training = _training({"images": {"robust": None}, "schedule": {"cosine": {"warmup_epochs": 2}}})
    assert training.images.name == "robust"
    assert (training.schedule.name, training.schedule.warmup_epochs) == ("cosine", 2)
    split = _plan(dataset={"split": {"group": {"test": 0.3}}}).config.datasets["stars"].split
    assert (split.strategy, split.test) == ("group", 0.3)


def test_two_names_or_a_name_twice_are_refused():
    for given in ({"adam": {}, "sgd": {}}, {"adam": {"name": "sgd"}}):
        with pytest.raises(ConfigError, match=r"optimizer\.adam: no key 'adam'"):
            _training({"optimizer": given})


def test_null_is_a_value_where_it_may_be_one_and_else_the_default():
    assert _training({"optimizer": {"muon": {"rms_rate": None}}}).optimizer.rms_rate is None
    assert _training({"optimizer": "muon"}).optimizer.rms_rate == 0.2
    assert _training({"optimizer": {"clipnorm": None, "learning_rate": None}}) == _training({})
