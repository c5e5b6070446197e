"""Lock files, conda environments and pyproject.toml are one source of versions."""

import importlib.util
import re

import pytest

from tests.conftest import ROOT

SPEC = importlib.util.spec_from_file_location("from_locks", ROOT / "envs" / "from_locks.py")
from_locks = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(from_locks)


def pins(name):
    text = (ROOT / "requirements" / f"{name}.lock").read_text()
    return set(re.findall(r"^([a-z0-9][^\s;]*==\S+)", text, flags=re.MULTILINE))


@pytest.mark.parametrize("kind", from_locks.KINDS)
def test_conda_environments_follow_the_locks(kind):
    text = (ROOT / "envs" / f"{kind}.yaml").read_text()
    assert text == from_locks.environment(kind), "Hint: make lock"
    assert len(pins(kind)) > 10
    assert all(f'"{pin}' in text for pin in pins(kind))


@pytest.mark.parametrize("kind", from_locks.KINDS)
def test_all_environments_have_the_versions_that_tests_run_with(kind):
    """But for what needs a GPU, which no other environment has."""
    others = {
        pin
        for pin in pins(kind) - pins("dev")
        if not (kind == "train-gpu" and pin.startswith(("nvidia-", "jax-cuda12-")))
    }
    assert not others


@pytest.mark.parametrize("path", sorted((ROOT / "requirements").glob("*.lock")), ids=lambda path: path.stem)
def test_locks_hold_hashes_and_no_addresses(path):
    text = path.read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?://|file:|--(extra-)?index-url|--find-links", text.replace("--no-emit-index-url", ""))
