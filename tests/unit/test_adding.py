"""docs/adding: the template of every page is a plug-in that keeps its contract, and a config can use it."""

import re
import shutil
import subprocess
import sys

import pytest

from skybake.config.contracts import CONTRACTS
from tests.conftest import ROOT

PAGES = sorted((ROOT / "docs/adding").glob("*.md"))
KINDS = {contract.kind.replace(" ", "_"): room for room, contract in CONTRACTS.items()}
CONFIG = """
datasets: {d: {survey: mine, mock: {n_objects: 60}, split: {strategy: mine, test: 0.2}}}
bakeoffs:
  b:
    datasets: [d]
    models: [mine, {mine: {filters: 4}}]
    losses: [fourth_power]
    baselines: [mine]
    training: {images: {name: mine, quantile: 0.99}, schedule: mine}
figures: {run: [mine]}
"""


def template(page):
    """Return the path of a page's file and its text."""
    text = page.read_text(encoding="utf-8")
    path = re.search(r"`(skybake/[\w/]+/mine\.py)`", text)[1]
    return path, re.search(r"```python\n(.*?)```", text, re.DOTALL)[1]


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A copy of the library with the files of all pages."""
    folder = tmp_path_factory.mktemp("adding")
    shutil.copytree(ROOT / "skybake", folder / "skybake", ignore=shutil.ignore_patterns("__pycache__"))
    for page in PAGES:
        path, text = template(page)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def check(library, *words):
    command = [sys.executable, "-m", "skybake", "check", *words]
    return subprocess.run(command, cwd=library, capture_output=True, text=True, check=False)


def test_every_kind_has_a_page():
    assert {page.stem for page in PAGES} == set(KINDS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_template_keeps_its_contract(library, page):
    path, _ = template(page)
    assert path == f"skybake/{KINDS[page.stem]}/mine.py"
    assert f"python -m skybake check {path}" in page.read_text()
    done = check(library, path)
    assert done.returncode == 0, done.stderr
    assert (done.stdout, done.stderr) == (f"{path}: right.\n", "")


def test_a_config_uses_the_templates(library):
    (library / "mine.yaml").write_text(CONFIG)
    done = check(library, "mine.yaml")
    assert done.returncode == 0, done.stderr
    assert "Rows: 2 of networks" in done.stdout


@pytest.mark.parametrize(
    ("room", "old", "new", "words"),
    [
        ("models", '"dropout": {"at_least": 0, "below": 1}', '"dropuot": {}', "LIMITS lacks dropout"),
        ("losses", 'head="point"', 'head="piont"', "Did you mean 'point'?"),
        ("losses", "squared(squared(ops.tanh(error / 1e3) * 1e3))", "ops.exp(ops.abs(error))", "expected finite"),
        ("heads", "ops.exp(ops.clip(outputs[:, 1], -20, 20))", "outputs[:, 1]", "std of symbolic is"),
        ("heads", "def symbolic(", "def smybolic(", "for predictor.keras"),
        ("baselines", 'TASKS = ("regression", "classification")', "", "TASKS"),
        ("figures", 'SCOPE = "run"', 'SCOPE = "runs"', "Did you mean 'run'?"),
        ("mock", "np.random.default_rng(options.seed)", "np.random.default_rng()", "expected all random numbers from"),
        ("metrics", 'of="errors"', 'of="error"', "Did you mean 'errors'?"),
        ("metrics", "axis=-1", "axis=None", "it reduces the last axis"),
        ("training/images", "return images", "return images.astype(np.float64)", "expected float32 (40, 12, 12, 2)"),
        ("training/images", "gt=0.5, lt=1, ", "", "Options.quantile: no limits found; expected the allowed values"),
        (
            "training/images",
            "= top.astype",
            "= images.max() * top.astype",
            "expected the same whichever others come with it",
        ),
        ("training/images", "ops.minimum(images, top", "ops.maximum(images, top", "symbolic gives other images"),
        ("training/images", "def symbolic(", "def smybolic(", "expected symbolic(images, options, **numbers)"),
        ("training/images", 'Literal["mine"]', 'Literal["mne"]', 'expected Literal["mine"], the file\'s name'),
        (
            "training/schedules",
            "Decay(learning_rate",
            "Decay(-learning_rate",
            "expected finite numbers that are not negative",
        ),
        ("training/schedules", "import Field", "import Field\nimport keras", "expected it in functions: this file is"),
        ("training/schedules", "options.every * steps", "epochs * steps // 2", "expected LENGTH_MATTERS = True"),
        ("data/splits", "default_rng(options.seed)", "default_rng()", "expected all random numbers from options.seed"),
        ("data/splits", "return trained, validated", "return trained[1:], validated", "do not have each row once"),
        ("data/splits", "def parts(", "def part(", "expected parts(dataset, options)"),
        ("raw", "batches=[batch]", "batches=[]", "row 0 is 0 times in the dataset"),
    ],
)
def test_a_fault_in_a_template_is_told_with_the_cure(library, room, old, new, words):
    path = f"skybake/{room}/mine.py"
    text = (library / path).read_text()
    assert old in text
    try:
        (library / path).write_text(text.replace(old, new))
        done = check(library, path)
    finally:
        (library / path).write_text(text)
    assert done.returncode == 1
    assert words in done.stderr
