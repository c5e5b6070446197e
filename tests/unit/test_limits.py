"""Limits of parameters: what is allowed, in words, and that a file which forgets one is told."""

import shutil
import subprocess
import sys
import textwrap

import pytest

from skybake import limits, losses, plugins
from skybake.config import make_plan, messages
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("value", "default", "limit", "expected"),
    [
        (0, 0.3, {"at_least": 0, "below": 1}, 0.0),
        ("1e-3", 0.3, {"at_least": 0, "below": 1}, 0.001),
        (1, 0.3, {"at_least": 0, "below": 1}, "a number of at least 0 and below 1"),
        (True, 0.3, {}, "a number"),
        (float("inf"), 0.3, {}, "a number"),
        (3, 2, {"at_least": 1}, 3),
        (0, 2, {"at_least": 1}, "an integer of at least 1"),
        (3.0, 2, {"at_most": 9}, "an integer of at most 9"),
        (True, 2, {}, "an integer"),
        (None, 2, {}, "an integer"),
        (False, True, {}, False),
        (0, True, {}, "true or false"),
        ("b", "a", {"one_of": ["a", "b", "c"]}, "b"),
        ("d", "a", {"one_of": ["a", "b", "c"]}, "'a', 'b' or 'c'"),
        (["a"], "a", {"one_of": ["a", "b"]}, "'a' or 'b'"),
        ([0, 1], (0.5,), {"below": 2}, (0.0, 1.0)),
        ([0, 2], (0.5,), {"below": 2}, "a list of numbers below 2"),
        ([], (0.5,), {}, "a list of numbers"),
        (None, None, {"kind": "number"}, None),
        ("2", None, {"kind": "number"}, 2.0),
        ("two", None, {"kind": "number"}, "a number"),
        ([0, 1], None, {"kind": "numbers"}, [0, 1]),
        ("balanced", None, {"kind": "numbers by class", "one_of": ["balanced"], "above": 0}, "balanced"),
        ({0: 2, "star": "3"}, None, {"kind": "numbers by class", "above": 0}, {"0": 2, "star": 3.0}),
        ({0: 0}, None, {"kind": "numbers by class", "above": 0}, "numbers above 0 as a list or by class"),
    ],
)
def test_a_value_is_read_or_refused_in_words(value, default, limit, expected):
    if isinstance(expected, str) and expected != value:
        with pytest.raises(ValueError, match=f"^{expected}$"):
            limits.canonical(value, default, limit)
    else:
        found = limits.canonical(value, default, limit)
        assert found == expected
        assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("parameters", "declared", "problem"),
    [
        ({"rate": 0.5, "units": 1}, {"units": {}}, "LIMITS lacks rate"),
        ({"rate": 0.5}, {"rate": {"at_last": 0}}, "LIMITS: rate: 'at_last' found; expected a mapping of at_least,"),
        ({"rate": 0.5}, {"rate": [0, 1]}, "expected a mapping"),
        ({"rate": 1.5}, {"rate": {"below": 1}}, "the default 1.5 of rate is not allowed by LIMITS; expected a number"),
        ({"low": None}, {"low": {}}, "LIMITS: low: kind None found; expected number, numbers, numbers by class"),
        ({"name": "a"}, {"name": {}}, "LIMITS: name: {} found; expected one_of"),
    ],
)
def test_what_a_file_declares_wrongly_is_named(parameters, declared, problem):
    (found,) = limits.problems(parameters, declared)
    assert found.startswith(problem) or problem in found


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("huber", {"delta": -1}, "delta: -1 found; expected a number above 0"),
        ("bayesian_categorical_crossentropy", {"draws": 1}, "draws: 1 found; expected an integer of at least 2"),
        ("ordinal_crossentropy", {"edges": [0, 1, 2], "smoothing": 0}, "smoothing: 0 found; expected a number above"),
    ],
)
def test_a_loss_in_a_notebook_is_checked_too(name, given, message):
    with pytest.raises(ValueError, match=message):
        losses.get(name, **given)


NEW = {
    "skybake/models/tiny.py": """
        '''A model whose file forgets a limit.'''

        LIMITS = {"unit": {"at_least": 1}}


        def build(image, scalars=None, *, units=4, rate=0.5):
            pass
        """,
    "skybake/losses/tiny.py": """
        from skybake.losses import loss


        @loss(head="pnt", tasks=("regressio",))
        def tiny_loss(y_true, y_pred):
            '''Tiny.'''
        """,
}


def test_a_faulty_file_is_told_by_its_name_before_any_job(tmp_path):
    shutil.copytree(ROOT / "skybake", tmp_path / "skybake", ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in NEW.items():
        (tmp_path / path).write_text(textwrap.dedent(text))
    script = """
from skybake.config import make_plan
make_plan({
    "datasets": {"d": {"survey": "efeds", "mock": {}}},
    "bakeoffs": {"b": {"datasets": ["d"], "models": ["tiny"], "losses": ["tiny_loss", "mse"]}},
})
"""
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    lines = [line.strip() for line in done.stderr.split("the config cannot be run:")[1].strip().splitlines()]
    assert lines == [
        "skybake/models/tiny.py: LIMITS lacks units, rate",
        "skybake/models/tiny.py: LIMITS has 'unit', which is no parameter. Did you mean 'units'?",
        "skybake/losses/tiny.py: tiny_loss: no head 'pnt'; allowed: binary, binary_variance, bins, gaussian, logits,"
        " logits_variance, mixture, point, quantiles, student_t. Did you mean 'point'?",
        "skybake/losses/tiny.py: tiny_loss: no task 'regressio'; allowed: classification, regression."
        " Did you mean 'regression'?",
    ]


@pytest.mark.parametrize(
    "model",
    [
        {"lesson_cnn_dropout": {"rate": 0}},
        {"vgg6": {"dense_dropout": 0, "convolution_dropout": 0}},
        {"mixed_dense": {"scalar_dropout": 0}},
    ],
)
def test_no_dropout_is_allowed(model):
    given = {
        "datasets": {"d": {"survey": "efeds", "mock": {}}},
        "bakeoffs": {"b": {"datasets": ["d"], "models": [model], "losses": ["mse"]}},
    }
    (job,) = make_plan(given).combinations
    assert set(job.model.parameters.values()) == {0.0}


def test_limits_of_mixed_networks_are_checked():
    assert list(limits.problems(plugins.MIXED_PARAMETERS, plugins.MIXED_LIMITS)) == []
    given = {
        "datasets": {"d": {"survey": "efeds", "mock": {}}},
        "bakeoffs": {"b": {"datasets": ["d"], "models": [{"mixed_dense": {"scalar_dropout": 1.5}}], "losses": ["mse"]}},
    }
    with pytest.raises(messages.ConfigError, match=r"scalar_dropout: 1\.5 found; expected a number of at"):
        make_plan(given)
