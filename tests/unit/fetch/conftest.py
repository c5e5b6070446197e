"""Fixtures of this room's tests."""

import pytest

from tests.archive_server import Archive


@pytest.fixture
def archive(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Archive() as server:
        yield server
