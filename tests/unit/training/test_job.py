"""What a training job is told goes to its script as plain values, and comes back as it was."""

import json

import pytest
from pydantic import ValidationError

from skybake.config import make_plan
from skybake.training.job import Job, NetworkJob
from tests.training_settings import baseline, job

GIVEN = {
    "datasets": {"clusters": {"survey": "efeds", "mock": {"n_clusters": 90, "seed": 3}}},
    "bakeoffs": {
        "b": {
            "datasets": ["clusters"],
            "models": ["deeper_sequential"],
            "losses": [{"huber": {"delta": 0.3}}],
            "baselines": ["constant"],
            "seeds": [1],
            "training": {"schedule": {"name": "plateau"}, "early_stopping": {"patience": 3}},
        }
    },
}


@pytest.mark.parametrize("names", [("deeper_sequential", "huber-delta=0.3"), ("constant", "baseline")])
def test_a_job_comes_back_from_the_plain_values_of_a_rule(names):
    told = make_plan(GIVEN).training_job("clusters", *names)
    values = json.loads(json.dumps(told.params()))
    assert "code" not in values  # the rule has it as a parameter of its own
    again = type(told)(**values, code="digest")
    assert again == told.model_copy(update={"code": "digest"})


def test_a_baseline_is_told_nothing_of_training():
    told = make_plan(GIVEN).training_job("clusters", "constant", "baseline")
    assert type(told) is Job
    assert not {"training", "library_loss", "loss_parameters"} & set(told.params())


def test_a_job_refuses_what_it_does_not_know():
    with pytest.raises(ValidationError, match=r"training\.epoch"):
        NetworkJob(**{**job().params(), "training": {"epoch": 3}})
    with pytest.raises(ValidationError, match="loss_part"):
        Job(**baseline("constant").params(), loss_part="mse")


def test_a_point_that_is_not_chosen_does_not_see_the_test_part():
    point = job().model_copy(update={"point": "a=1", "tested": False})
    assert (job().sees_test, baseline("constant").sees_test, point.sees_test) == (True, True, False)
