"""docs/audit.md says what docs/audit.yaml says, and what that names exists."""

import ast
import importlib.util
import sys
from functools import cache

import pytest
import yaml

from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("from_audit", ROOT / "docs" / "from_audit.py")
from_audit = importlib.util.module_from_spec(SPEC)
sys.modules["from_audit"] = from_audit  # where dataclasses look for it
SPEC.loader.exec_module(from_audit)

ROWS = from_audit.rows()
SIZES = {"clusters": 37, "losses": 28, "stamps": 37, "photoz": 49, "course": 28}  # rows never go, whatever their state


@cache
def tree(path):
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def words(node):
    return {inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant) and isinstance(inner.value, str)}


def function_of(path, name):
    found = [node for node in tree(path).body if isinstance(node, ast.FunctionDef) and node.name == name]
    return found[0] if found else None


def words_of_test(path, function):
    """Return the words of a test, and of the module's constants that it or its cases name."""
    named = {inner.id for inner in ast.walk(function) if isinstance(inner, ast.Name)}
    found = words(function)
    for node in tree(path).body:
        if isinstance(node, ast.Assign) and {getattr(target, "id", None) for target in node.targets} & named:
            found |= words(node)
    return found


def keys_and_values(given):
    if isinstance(given, dict):
        return {str(key) for key in given}.union(*map(keys_and_values, given.values()))
    return set().union(*map(keys_and_values, given)) if isinstance(given, list) else {str(given)}


def problem(name):
    """Return what is wrong with a name of the data file, or None."""
    path, _, inside = name.partition("::")
    if not (ROOT / path).is_file():
        return "no such file"
    if path.startswith("tests/") and not inside:
        return "no test named"
    if not inside:
        return None
    if path.endswith(".yaml"):
        found = keys_and_values(yaml.safe_load((ROOT / path).read_text(encoding="utf-8")))
        return None if inside in found else "not in this config"
    title, _, case = inside.removesuffix("]").partition("[")
    function = function_of(path, title)
    if function is None or (path.startswith("tests/") and not title.startswith("test_")):
        return "no such function"
    return None if not case or case in words_of_test(path, function) else "no such case"


def test_the_page_is_in_step():
    assert from_audit.PAGE.read_text(encoding="utf-8") == from_audit.page(ROWS), "Hint: make docs"


@pytest.mark.parametrize("study", SIZES)
def test_numbers_have_no_gaps(study):
    assert [row.number for row in ROWS if row.study == study] == list(range(1, SIZES[study] + 1))


def test_every_study_is_known():
    assert set(SIZES) == set(from_audit.STUDIES) == {row.study for row in ROWS}


def test_what_is_not_missing_names_what_shows_it_and_what_is_missing_says_so():
    for row in ROWS:
        place = (row.study, row.number)
        assert bool(row.evidence) == (row.state != "missing"), place
        assert row.note.startswith("Not built.") == (row.state == "missing"), place
        assert row.note or row.state != "partly", place
        assert len(set(row.evidence)) == len(row.evidence), place


def test_all_that_is_named_exists():
    wrong = {
        f"{row.study} {row.number}: {name}": problem(name) for row in ROWS for name in row.evidence if problem(name)
    }
    assert not wrong


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tests/unit/models/test_published.py::test_layer_by_layer[vgg6_reference]", None),
        ("tests/unit/models/test_published.py::test_layer_by_layer[vgg7]", "no such case"),
        ("tests/unit/models/test_published.py::test_layer", "no such function"),
        ("tests/unit/models/test_published.py::composed", "no such function"),
        ("tests/unit/models/test_published.py", "no test named"),
        ("tests/unit/models/test_models.txt", "no such file"),
        ("skybake/losses/huber.py::huber", None),
        ("skybake/losses/huber.py::hubert", "no such function"),
        ("configs/efeds.yaml::nonsequential", None),
        ("configs/efeds.yaml::vgg6", "not in this config"),
    ],
)
def test_a_name_that_is_not_there_is_found(name, expected):
    assert problem(name) == expected


def test_a_row_that_makes_no_sense_is_told(tmp_path, monkeypatch):
    file = tmp_path / "audit.yaml"
    monkeypatch.setattr(from_audit, "DATA", file)
    good = {"study": "losses", "number": 1, "part": "loss", "what": "mse", "state": "missing"}
    for change, words_ in (
        ({"state": "done"}, "row 1: 'done' found; expected one of as published"),
        ({"study": "other"}, "row 1: 'other' found; expected one of clusters"),
        ({"evidenze": []}, "row 1: .*evidenze"),
    ):
        file.write_text(yaml.safe_dump([{**good, **change}]))
        with pytest.raises(ValueError, match=words_):
            from_audit.rows()
