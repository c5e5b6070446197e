"""What checks a commit: hooks with tools of the development environment, and hosted CI."""

import re

import yaml

from tests.conftest import ROOT


def test_hooks_take_their_tools_from_the_development_environment():
    (source,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    assert source["repo"] == "local"
    locked = (ROOT / "requirements/dev.lock").read_text()
    tools = set()
    for hook in source["hooks"]:
        assert hook["language"] == "system"
        folder, tool = hook["entry"].split()[0].rsplit("/", 1)
        assert folder == ".venv/bin"
        assert re.search(rf"^{tool}==", locked, flags=re.MULTILINE)
        tools.add(tool)
    assert tools == {"ruff", "snakefmt", "codespell", "mypy"}
    lint = (ROOT / "Makefile").read_text().split("\nlint:")[1].split("\n\n")[0]
    assert all(f"$(BIN)/{tool}" in lint for tool in tools)


def test_hosted_ci_runs_all_tests_with_pinned_actions_and_a_limit():
    job = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]["test"]
    assert job["container"] == {"image": "debian:12", "options": "--privileged"}
    assert 0 < job["timeout-minutes"] <= 180
    assert [step["run"] for step in job["steps"] if "run" in step][-1] == ".ci/run"
    actions = [step["uses"] for step in job["steps"] if "uses" in step]
    assert actions
    assert all(re.fullmatch(r"[\w/-]+@[0-9a-f]{40}", action) for action in actions)
