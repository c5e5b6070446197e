"""Fixtures of this room's tests."""

import pytest


@pytest.fixture
def given(tmp_path):
    """A valid config with raw files of its own."""
    for name in ("cubes.pkl", "catalogue.feather"):
        (tmp_path / name).touch()
    return {
        "datasets": {
            "clusters": {
                "survey": "efeds",
                "raw": {"images": str(tmp_path / "cubes.pkl"), "catalogue": str(tmp_path / "catalogue.feather")},
            }
        },
        "bakeoffs": {
            "first": {
                "datasets": ["clusters"],
                "models": ["simple_sequential", "nonsequential"],
                "losses": ["mse", {"huber": {"delta": 0.3}}],
                "baselines": ["constant"],
            }
        },
    }
