"""The schema of a config is in step with the config itself."""

import json
import time
from functools import cache

import jsonschema
import pytest
import yaml

from skybake import plugins
from skybake.config import make_plan
from skybake.config import page as config_page
from skybake.config.blocks import Config, Figures
from tests import witness_cases
from tests.conftest import ROOT
from tests.unit.config.configs import TAGS, changed


def test_every_figure_has_a_scope_that_the_config_knows():
    scopes = {part.constants["SCOPE"] for part in plugins.in_room("figures", "draw").values()}
    assert scopes == set(Figures.model_fields)


def test_schema_and_page_are_in_step():
    assert config_page.SCHEMA.read_text() == config_page.schema(), "Hint: make docs"
    assert config_page.PAGE.read_text() == config_page.page(), "Hint: make docs"


@pytest.mark.parametrize(
    "path", [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))], ids=lambda path: path.stem
)
def test_editors_find_the_schema_of_every_config(path):
    text = path.read_text(encoding="utf-8")
    mark = "# yaml-language-server: $schema="
    assert text.startswith(mark)
    schema = path.parent / text.splitlines()[0].removeprefix(mark)
    assert schema.resolve() == config_page.SCHEMA
    jsonschema.validate(yaml.safe_load(text), json.loads(schema.read_text(encoding="utf-8")))


@cache
def schema():
    return jsonschema.Draft202012Validator(json.loads(config_page.schema()))


def refused(given):
    """Return what the schema says of a config; empty where it takes it."""
    return [error.message for error in schema().iter_errors(json.loads(json.dumps(given)))]


@pytest.mark.parametrize("name", witness_cases.cases())
def test_the_schema_takes_the_bakeoffs_of_the_tests(name):
    assert refused(witness_cases.cases()[name].config) == []


def entries(node, place=()):
    """Yield place and value of every key."""
    for key, value in node.items():
        yield (*place, key), value
        if isinstance(value, dict):
            yield from entries(value, (*place, key))


def other_ways(value):
    """Yield what else a person may write for a value, or YAML read."""
    yield None
    if isinstance(value, bool):
        yield from (str(value), str(value).lower(), "yes" if value else "no", int(value), "On" if value else "OFF")
    elif isinstance(value, int | float):
        yield from (str(value), f"{value:e}", f" {value} ", float(value), bool(value))
    elif isinstance(value, dict):
        yield from (value[tag] for tag in TAGS if tag in value)
        yield {key: item for key, item in value.items() if key not in TAGS}
        yield {}
    elif isinstance(value, list) and value:
        yield from ([], [1, *value], ["1", *value], value[0])


@pytest.mark.parametrize(
    ("split", "optimizer", "schedule"),
    [
        ("holdout", "adam", "constant"),
        ("fractions", "sgd", "cosine"),
        ("group", "rmsprop", "plateau"),
        ("sky", "adam", "cosine"),
        ("official", "sgd", "constant"),
    ],
)
def test_the_schema_refuses_nothing_that_the_config_accepts(given, split, optimizer, schedule):
    given["bakeoffs"]["first"] |= {
        "training": {"optimizer": optimizer, "schedule": schedule, "early_stopping": {}},
        "inside": {"ids": ["a", 12]},
        "sweep": {"losses": {"mae": {}}, "training": {"optimizer": ["sgd", {"name": "adam"}], "batch_size": [1, 2]}},
    }
    given["datasets"]["clusters"] |= {"split": split, "fetch": {"base_url": "https://x.org"}, "outlier": 0.1}
    full = Config.model_validate(given).model_dump(mode="json")
    assert refused(given) == refused(full) == []
    accepted = set()
    for place, value in entries(full):
        for other in other_ways(value):
            written = changed(full, ".".join(place), other)
            try:
                Config.model_validate(json.loads(json.dumps(written)))
            except ValueError:
                continue
            accepted.add(place)
            assert refused(written) == [], place
    assert len(accepted) > 50


def test_no_framework_and_no_table_library_to_read_a_config():
    import subprocess
    import sys

    script = (
        "import sys, yaml; from skybake.config import make_plan; make_plan(yaml.safe_load(open('config.yaml')));"
        "heavy = {'tensorflow', 'keras', 'jax', 'pandas', 'matplotlib', 'sklearn', 'astropy'} & set(sys.modules);"
        "sys.exit(', '.join(heavy) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_five_hundred_combinations_are_planned_quickly(given):
    losses = [{"huber": {"delta": round(0.01 * i, 2)}} for i in range(1, 251)]
    started = time.process_time()
    plan = make_plan(changed(given, "bakeoffs.first.losses", losses))
    assert len(plan.combinations) == 501
    assert len({plan.paths.job(job.dataset, job.model.name, job.loss_name) for job in plan.combinations}) == 501
    assert time.process_time() - started < 10  # quadratic search would take minutes


def test_a_job_depends_on_the_files_that_its_training_names(given):
    given["bakeoffs"]["first"]["training"] = {"schedule": "cosine"}
    given["bakeoffs"]["first"]["sweep"] = {"training": {"images": ["robust", "none"]}}
    plan = make_plan(given)
    names = {"dataset": "clusters", "model": "simple_sequential", "loss": "mse"}
    room = "skybake.training"
    steps = {f"{room}.images.robust", f"{room}.images.none"}
    found = set(plan.modules_of_job(**names))
    assert found >= steps | {f"{room}.schedules.cosine"}
    assert steps & set(plan.modules_of_job(**names, point="images=none")) == {f"{room}.images.none"}
    assert plan.split_modules("clusters") == ["skybake.data.splits.holdout"]
