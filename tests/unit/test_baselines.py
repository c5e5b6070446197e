"""Features of the baselines."""

import numpy as np
import pytest

from skybake.baselines import _scalars, nearest_neighbours


def test_colours_are_made_of_magnitudes_in_neighbouring_bands_only():
    names = ["cModelMag_g", "cModelMag_r", "cModelMag_i", "extinction_r", "redshift", "g-r", "padded_fraction"]
    scalars = {name: np.array([10.0**place, 0.0]) for place, name in enumerate(names)}
    found = _scalars.magnitudes_and_colours(scalars)
    assert np.array_equal(found[0], [*10.0 ** np.arange(7), -9.0, -90.0])
    assert np.array_equal(found[1], np.zeros(9))


def test_short_names_and_interleaved_ones_make_colours_too():
    found = _scalars.magnitudes_and_colours({band: np.array([float(place**2)]) for place, band in enumerate("ugriz")})
    assert found[0, 5:].tolist() == [-1, -3, -5, -7]
    mixed = {"psfMag_g": [18.0], "extinction_g": [0.2], "psfMag_r": [17.0], "extinction_r": [0.1]}
    found = _scalars.magnitudes_and_colours({name: np.array(values) for name, values in mixed.items()})
    assert found[0, 4:] == pytest.approx([1.0, 0.1])


def test_neighbours_do_not_see_a_colour_of_magnitude_and_extinction():
    scalars = {"cModelMag_z": np.arange(3.0), "extinction_r": np.array([0.1, 0.2, 0.3])}
    assert nearest_neighbours.features(None, scalars).shape == (3, 2)
