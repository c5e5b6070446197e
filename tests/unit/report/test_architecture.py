"""The layers of a network on a page, with and without graphviz."""

import shutil

import pytest

from skybake.report import architecture
from skybake.results import run_folder
from skybake.results.run_folder import Layer

LAYERS = [
    Layer("image", "InputLayer", "(None, 8, 8, 1)", 0, 0, ""),
    Layer("head", "Dense", "(None, 1)", 1234, 1230, "image"),
]


@pytest.fixture
def folder(tmp_path):
    run_folder.write_layers(tmp_path, LAYERS)
    (tmp_path / "architecture.dot").write_text("digraph G { 0 -> 1; }\n")
    architecture.draw.cache_clear()
    yield tmp_path
    architecture.draw.cache_clear()


def test_the_table_comes_back_with_its_totals(folder):
    found = architecture.read(folder)
    assert (found.layers, found.parameters, found.trainable) == (LAYERS, 1234, 1230)


def test_a_baseline_has_no_layers(tmp_path):
    assert architecture.read(tmp_path) is None


@pytest.mark.skipif(shutil.which("dot") is None, reason="graphviz is not installed")
def test_the_graph_is_drawn(folder):
    found = architecture.read(folder)
    assert found.reason == ""
    assert "<svg" in found.drawing


def test_a_graph_that_dot_refuses_says_why(folder):
    if shutil.which("dot") is None:
        pytest.skip("graphviz is not installed")
    (folder / "architecture.dot").write_text("digraph {")
    found = architecture.read(folder)
    assert found.drawing == ""
    assert "dot failed: " in found.reason
    assert "syntax error" in found.reason


def test_without_graphviz_the_page_says_so(folder, monkeypatch):
    monkeypatch.setenv("PATH", str(folder))
    found = architecture.read(folder)
    assert (found.layers, found.drawing) == (LAYERS, "")
    assert "Hint: install graphviz" in found.reason
