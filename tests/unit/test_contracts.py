"""The contracts of plug-ins: what is wrong with a file is told with the cure, and stops only what uses it."""

import shutil
import subprocess
import sys
import textwrap

import pytest
import yaml

from skybake import testing
from skybake.config import contracts
from tests.conftest import ROOT

CONFIG = {
    "datasets": {"d": {"survey": "efeds", "mock": {}}},
    "bakeoffs": {"b": {"datasets": ["d"], "models": ["dense"], "losses": ["mse"], "baselines": ["constant"]}},
}
PLUGINS = [part for room in contracts.CONTRACTS for part in contracts.known_in(room).values()]
UNFINISHED = '"""At work on this."""\n\n\ndef build(image,\n'

STEPS = [  # room, key of the config, what names a file of it
    ("training/images", "bakeoffs.b.training.images", lambda name: {"training": {"images": name}}),
    ("training/schedules", "bakeoffs.b.training.schedule", lambda name: {"training": {"schedule": name}}),
    (
        "data/splits",
        "datasets.d.split",
        lambda name: {"datasets": {"d": {"survey": "efeds", "mock": {}, "split": name}}},
    ),
]


@pytest.fixture
def library(tmp_path):
    """A copy of the library to be edited."""
    shutil.copytree(ROOT / "skybake", tmp_path / "skybake", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def run(library, *words):
    return subprocess.run(
        [sys.executable, "-m", "skybake", "check", *map(str, words)], cwd=library, capture_output=True, text=True
    )


def check_config(library, **changes):
    given = {**CONFIG, **{key: value for key, value in changes.items() if key == "figures" or key == "datasets"}}
    bakeoff = {key: value for key, value in changes.items() if key not in given}
    given["bakeoffs"] = {"b": {**CONFIG["bakeoffs"]["b"], **bakeoff}}
    (library / "mine.yaml").write_text(yaml.safe_dump(given))
    return run(library, "mine.yaml")


def problems(done):
    assert done.returncode == 1, done.stdout + done.stderr
    return [line.strip() for line in done.stderr.splitlines() if line.startswith("  ")]


@pytest.mark.parametrize("part", PLUGINS, ids=lambda part: f"{contracts.room_of(part)}-{part.name}")
def test_every_plugin_keeps_its_contract(part):
    assert testing.check(part) == []


def test_a_file_that_is_no_python_stops_only_what_uses_it(library):
    for room in contracts.CONTRACTS:
        (library / f"skybake/{room}/unfinished.py").write_text(UNFINISHED)
    assert check_config(library).returncode == 0
    message = "line 4: '(' was never closed; expected Python"
    for key, room, value in (
        ("models", "models", ["unfinished"]),
        ("losses", "losses", ["unfinished"]),
        ("baselines", "baselines", ["unfinished"]),
        ("figures", "figures", {"run": ["unfinished"]}),
        ("datasets", "raw", {"d": {"survey": "unfinished", "mock": {}}}),
    ):
        assert f"skybake/{room}/unfinished.py: {message}" in problems(check_config(library, **{key: value})), key
    for room, place, changes in STEPS:
        found = problems(check_config(library, **changes("unfinished")))
        assert found == [f"{place}: skybake/{room}/unfinished.py: {message}"]
    (told,) = problems(check_config(library, losses=["my_loss"]))
    assert told.endswith("Hint: skybake/losses/unfinished.py cannot be read")


@pytest.mark.parametrize(("room", "place", "changes"), STEPS, ids=[room for room, *_ in STEPS])
def test_an_import_that_fails_stops_only_what_uses_it(library, room, place, changes):
    function, signature = next(iter(contracts.CONTRACTS[room].functions.items()))
    text = f'"""Mine."""\nimport no_such_package\n\n\ndef {signature}:\n    pass\n'
    (library / f"skybake/{room}/mine.py").write_text(text)
    assert check_config(library).returncode == 0, function
    for named in ("mine", {contracts.CONTRACTS[room].tag: "mine"}):
        (told,) = problems(check_config(library, **changes(named)))
        assert told.startswith(f"{place}: skybake/{room}/mine.py: ModuleNotFoundError: No module named 'no_such")


def test_a_config_that_is_checked_tells_of_metrics(library):
    mine = library / "skybake/metrics/mine.py"
    mine.write_text("def broken(:\n")
    done = check_config(library)
    assert done.returncode == 0
    assert "skybake/metrics/mine.py is left out: " in done.stderr
    mark = '@metric(of="errors", head="M", said="m")'
    mine.write_text(f'"""Mine."""\nfrom skybake.metrics import metric\n{mark}\ndef std_error(errors): return 0\n')
    (told,) = problems(check_config(library))
    assert told.startswith("skybake/metrics/mine.py and skybake/metrics/regression.py: both have std_error; expected")


def test_a_model_is_not_named_as_a_form_with_scalars(library):
    sound = (library / "skybake/models/dense.py").read_text()
    (library / "skybake/models/mixed_mine.py").write_text(sound)
    done = run(library, "skybake/models/mixed_mine.py")
    assert done.returncode == 1
    assert "the name begins with 'mixed_', as every model's form with scalars does" in done.stderr


def test_a_head_that_is_no_python_stops_only_its_losses(library):
    path = library / "skybake/heads/gaussian.py"
    path.write_text(path.read_text() + "def (\n")
    assert check_config(library, losses=["mse", {"huber": {"delta": 2.0}}]).returncode == 0
    (told,) = problems(check_config(library, losses=["mse", "gaussian_nll"]))
    assert told.startswith(
        "skybake/losses/gaussian.py: gaussian_nll: its head cannot be read: skybake/heads/gaussian.py"
    )


def test_a_head_that_cannot_be_in_a_predictor_is_told_before_anything_is_trained(library):
    path = library / "skybake/heads/gaussian.py"
    path.write_text(path.read_text().replace("def symbolic(", "def symbolical("))
    told = "no method 'symbolic' found; expected symbolic(self, outputs), what prediction does in keras.ops"
    (found,) = problems(check_config(library, losses=["mse", "gaussian_nll"]))
    assert found.startswith(f"skybake/losses/gaussian.py: gaussian_nll: its head: skybake/heads/gaussian.py: {told}")
    assert found.endswith("Did you mean 'symbolical'?")


def test_a_figure_that_is_no_python_is_left_out_with_a_warning(library):
    (library / "skybake/figures/unfinished.py").write_text(UNFINISHED)
    done = check_config(library)
    assert done.returncode == 0
    assert "skybake/figures/unfinished.py is left out: line 4" in done.stderr


@pytest.mark.parametrize(
    ("room", "text", "told"),
    [
        (
            "models",
            """
            '''Mine.'''
            LIMITS = {"width": {"at_least": 1}}
            def build(image, scalars=None, width=16): pass
            """,
            "build: the parameter 'width' is positional; expected it behind a *, as in build(image, scalars=None, *, w",
        ),
        (
            "models",
            """
            '''Mine.'''
            WIDTH = 16
            LIMITS = {"width": {"at_least": 1}}
            def build(image, scalars=None, *, width=WIDTH): pass
            """,
            "line 5: build: the default of width is computed; expected a literal value, since it is read without",
        ),
        (
            "models",
            """
            '''Mine.'''
            LIMITS = {"width": {"at_least": 1}}
            def build(image, scalars=None, *, width): pass
            """,
            "build: the parameter 'width' has no default; expected one, as in build(",
        ),
        ("models", "def build(image, scalars=None): pass", "the docstring of the file is missing; expected a line"),
        (
            "models",
            "'''Mine.'''\nimport tensorflow as tf\ndef build(image, scalars=None): pass",
            "line 2: tensorflow is imported; expected layers and keras.ops, since a bake-off may run on any backend",
        ),
        (
            "baselines",
            """
            '''Mine.'''
            def build(task): pass
            def features(images, scalars): pass
            """,
            'TASKS is missing; expected e.g. TASKS = ("regression",)',
        ),
        (
            "baselines",
            """
            '''Mine.'''
            TASKS = ("regressio",)
            def build(task): pass
            def features(images, scalars): pass
            """,
            "mine: no task 'regressio'; allowed: classification, regression. Did you mean 'regression'?",
        ),
        (
            "baselines",
            """
            '''Mine.'''
            TASKS = tuple(["regression"])
            def build(task): pass
            def feature(images, scalars): pass
            """,
            "no function 'features' found; expected features(images, scalars). Did you mean 'feature'?",
        ),
        (
            "baselines",
            """
            '''Mine.'''
            TASKS = tuple(["regression"])
            def build(task): pass
            def features(images, scalars): pass
            """,
            "TASKS is computed; expected a literal value, since it is read without import: TASKS = (\"regression\",)",
        ),
        (
            "losses",
            """
            '''Mine.'''
            from skybake.losses import loss
            @loss(tasks=("regression",))
            def mine(y_true, y_pred):
                '''Mine.'''
            """,
            'mine: head is missing; expected e.g. @loss(head="point", ...)',
        ),
        (
            "losses",
            """
            '''Mine.'''
            from skybake.losses import loss
            @loss(head="point", tasks=("regression",))
            def mine(y_true, y_pred, delta):
                '''Mine.'''
            """,
            "mine(y_true, y_pred, delta) without defaults found; expected (y_true, y_pred, delta=1.0)",
        ),
    ],
)  # fmt: skip
def test_what_a_used_file_lacks_is_told_with_the_cure(library, room, text, told):
    (library / f"skybake/{room}/mine.py").write_text(textwrap.dedent(text))
    found = problems(check_config(library, **{room: ["mine"]}))
    assert any(line.startswith(f"skybake/{room}/mine.py: {told}") for line in found), found
