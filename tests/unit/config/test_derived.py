"""Derived inputs in a config: what is refused before any job, and what a job is told."""

import pytest

from skybake.config import ConfigError, make_plan

KEY = "datasets.clusters."


def told(given, inputs, derived, **options):
    given["datasets"]["clusters"] |= {"inputs": inputs, "derived": derived, **options}
    return make_plan(given)


@pytest.mark.parametrize(
    ("inputs", "derived", "words"),
    [
        (
            ["ln_z"],
            {"ln_z": "lm(redshift)"},
            KEY + "derived.ln_z: 'lm(redshift)', place 1: no function 'lm'; known",
        ),
        (["redshift"], {"a": "ln(redshift", "b": "redshift"}, KEY + "derived.a: 'ln(redshift', place 3: '('"),
        (["a"], {"a": "redshift * b", "b": "redshift"}, KEY + "derived.a: 'redshift * b' has 'b', which is derived"),
        (["a"], {"a": 3}, KEY + "derived.a: 3 found; expected a text. Hint: '3' in quotes"),
        (None, {"a": "redshift"}, KEY + "derived: no inputs found; expected some of a among them"),
        (["redshift"], {"a": "redshift"}, KEY + "derived: inputs ['redshift'] found; expected some of a among them"),
        (["a"], {"a": "exp(log10_mass)"}, KEY + "derived.a: 'log10_mass' is the label; a model that sees it"),
    ],
)
def test_what_cannot_be_an_input_is_refused(inputs, derived, words, given):
    with pytest.raises(ConfigError) as error:
        told(given, inputs, derived)
    assert words in str(error.value)


def test_a_job_is_told_of_the_formulas_that_it_needs(given):
    derived = {"ln_z": "ln(redshift)", "unused": "redshift * redshift"}
    plan = told(given, ["redshift", "ln_z"], derived)
    job = plan.training_job("clusters", "simple_sequential", "mse")
    assert (job.inputs, job.derived) == (("redshift", "ln_z"), {"ln_z": "ln(redshift)"})
    assert job.params()["derived"] == {"ln_z": "ln(redshift)"}  # what changes there trains again
    assert make_plan(plan.as_dict()).derived("clusters") == job.derived
