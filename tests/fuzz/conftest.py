"""How long inputs are made up: SKYBAKE_FUZZ=N tries N times as many as in `make fuzz`, and other ones each time."""

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings

TIMES = int(os.environ.get("SKYBAKE_FUZZ", "1"))
TRIED: Counter = Counter()

settings.register_profile(
    "fuzz",
    deadline=None,
    derandomize=TIMES == 1,
    database=None,
    phases=[Phase.generate],  # making an input that fails smaller takes minutes
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
settings.load_profile("fuzz")


def examples(number):
    """Return the settings of a test: how many inputs it makes up."""
    return settings(max_examples=number * TIMES)


@pytest.fixture
def tried(request):
    """Count inputs by what became of them."""
    return lambda outcome: TRIED.update([(request.node.originalname, outcome)])


def pytest_terminal_summary(terminalreporter):
    for (test, outcome), number in sorted(TRIED.items()):
        terminalreporter.write_line(f"{test}: {number} inputs {outcome}")
