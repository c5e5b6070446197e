"""Configs with keys and values that nobody meant: a plan that can be written out again, or one ConfigError."""

import copy
import tempfile
from pathlib import Path

import yaml
from hypothesis import given
from hypothesis import strategies as st

from skybake.config import ConfigError, make_plan, yaml_files
from tests.fuzz.conftest import examples
from tests.fuzz.outcomes import damage

WHOLE = {
    "title": "made up",
    "results": "results/made-up",
    "statistics": {"draws": 300, "level": 0.9, "seed": 1},
    "figures": {"run": ["error_histogram"], "comparison": ["forest"]},
    "datasets": {
        "clusters": {
            "survey": "efeds",
            "mock": {"n_clusters": 100, "seed": 1},
            "inputs": ["redshift"],
            "split": {"strategy": "group", "test": 0.2, "valid": 0.1, "seed": 40},
        },
        "stamps": {
            "survey": "decam",
            "mock": {"n_sources": 50, "n_noise": 50, "seed": 1},
            "split": {"strategy": "holdout", "test": 0.2, "valid": 0.1, "seed": 40},
        },
    },
    "bakeoffs": {
        "masses": {
            "datasets": ["clusters"],
            "models": ["simple_sequential", {"inception": {"activation": "tanh", "modules": 3}}],
            "losses": ["mse", {"huber": {"delta": 0.3}}, {"quantile": {"levels": [0.1, 0.5, 0.9]}}],
            "baselines": ["constant", {"ridge_bands": {}}],
            "seeds": [1, 2],
            "training": {
                "epochs": 3,
                "optimizer": {"name": "sgd", "momentum": 0.9},
                "schedule": "cosine",
                "early_stopping": {"patience": 3},
                "images": {"name": "robust"},
            },
            "sweep": {"training": {"batch_size": [16, 32]}},
            "inside": {"objects": 2},
        },
        "kinds": {
            "datasets": ["stamps"],
            "models": [{"vgg6": {"dense_dropout": 0.3}}],
            "losses": ["categorical_crossentropy"],
            "training": "published_stamps",
        },
    },
}
VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 200), st.floats(), st.text(max_size=6), st.dates(),
    st.sampled_from(["mse", "adam", "1e-3", "~/x", "$HOME", "{x}", "a/b", "results", "0.2", "..", "sgd"]),
    st.lists(st.integers(0, 3) | st.text(max_size=4), max_size=3),
    st.dictionaries(st.text(max_size=4) | st.integers(0, 3), st.integers(0, 3) | st.none(), max_size=2),
)  # fmt: skip


def places(node, at=()):
    """Return where something stands in a config."""
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    found = [at] if at else []
    for key, value in inner:
        found += places(value, (*at, key))
    return found


PLACES = places(WHOLE)


@st.composite
def changed(draw):
    """Return the config with up to three values replaced, taken out, or put under another key."""
    config = copy.deepcopy(WHOLE)
    for _ in range(draw(st.integers(1, 3))):
        *way, last = draw(st.sampled_from(PLACES))
        node = config
        try:
            for key in way:
                node = node[key]
            kind = draw(st.sampled_from(["replace", "remove", "rename", "add"]))
            if kind == "remove":
                del node[last]
            elif kind == "replace" or isinstance(node, list):
                node[last] = draw(VALUES)
            elif kind == "rename":
                node[f"{last}{draw(st.sampled_from(['s', '_', ' ', 'x']))}"] = node.pop(last)
            else:
                node[draw(st.text(max_size=6) | st.integers(0, 3))] = draw(VALUES)
        except (AttributeError, KeyError, IndexError, TypeError):
            continue  # what stood there is gone
    return config


def planned_or_refused(tried, given, *words):
    """Plan a config; the only other outcome is one error of ours, which names a key or the file."""
    try:
        plan = make_plan(given()) if callable(given) else make_plan(given)
    except ConfigError as error:
        text = str(error)
        assert "Traceback" not in text, text
        assert any(word in text for word in (*WHOLE, *words)), text
        tried("refused")
        return
    tried("planned")
    again = make_plan(yaml.safe_load(yaml.safe_dump(plan.as_dict(), sort_keys=False)))
    assert [job.loss_name for job in again.combinations] == [job.loss_name for job in plan.combinations]
    assert again.as_dict() == plan.as_dict()


@examples(400)
@given(changed())
def test_a_config_is_planned_or_refused(tried, config):
    planned_or_refused(tried, config)


@examples(200)
@given(damage())
def test_a_damaged_file_is_planned_or_refused(tried, damaged):
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "config.yaml"
        path.write_bytes(damaged(yaml.safe_dump(WHOLE).encode()))
        planned_or_refused(tried, lambda: yaml_files.read(path), name)
