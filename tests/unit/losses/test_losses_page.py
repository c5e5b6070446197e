"""docs/losses.md says what the docstrings say."""

import subprocess
import sys

import pytest

from skybake import heads, plugins
from skybake.losses import _page
from tests.conftest import ROOT

LOSSES = {name: part for name, part in plugins.losses().items() if name == part.constants["function"]}


def test_the_page_is_in_step_with_the_docstrings():
    assert _page.PAGE.read_text(encoding="utf-8") == _page.page(), "run: python -m skybake.losses._page"


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_explained(name):
    part = LOSSES[name]
    found = _page.sections(part.doc)
    assert found["Formula"]
    assert found["Source"]
    assert part.constants["head"] in heads.HEADS
    text = _page.page()
    entry = text.split(f"\n### {name}\n")[1].split("\n### ")[0].split("\n## ")[0]
    assert " ".join(found["Formula"].split()) in entry
    assert f"- head: {part.constants['head']}; tasks: {', '.join(part.constants['tasks'])}" in entry
    for parameter in part.parameters:
        assert f"- `{parameter}` (default" in entry


def test_documented_arguments_exist():
    for name, part in LOSSES.items():
        described = dict(_page._arguments(_page.sections(part.doc).get("Args", "")))
        assert set(described) - {""} <= set(part.parameters), name


def test_names_are_unique():
    marked = [part.constants for part in LOSSES.values()]
    names = [*LOSSES, *(alias for constants in marked for alias in constants.get("aliases", ()))]
    assert len(names) == len(set(names)) == len(plugins.losses())


def test_the_page_needs_no_framework():
    code = "import sys; from skybake.losses import _page; _page.page(); assert 'keras' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
