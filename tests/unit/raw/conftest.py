"""Fixtures of this room's tests."""

import bz2

import pytest

from skybake.raw.sdss import BANDS
from tests.unit.raw.small_sdss import FIELDS, draw_frame, frame_path, header, to_bytes


@pytest.fixture(scope="module")
def images():
    return {(field, band): draw_frame(field, band) for field in FIELDS for band in BANDS}


@pytest.fixture(scope="module")
def packed(images):
    return {
        frame_path(*key): bz2.compress(to_bytes(image, header(*key)), compresslevel=1) for key, image in images.items()
    }


@pytest.fixture
def frames(packed, tmp_path):
    """A folder of good frames in the archive's layout, of the test's own, to spoil."""
    for name, contents in packed.items():
        path = tmp_path / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    return tmp_path / "frames"
