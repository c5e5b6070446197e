"""Training objects on backgrounds of other images."""

from types import SimpleNamespace

import numpy as np
import pytest

from skybake.training.backgrounds import added
from skybake.training.feeding import Images, Subset
from skybake.training.settings import Backgrounds

CLASSES = ("noise", "source")
N, SIDE = 400, 12


@pytest.fixture
def part():
    """Noise alone, and sources as bright pixels on noise; of one object no class is known."""
    rng = np.random.default_rng(1)
    labels = np.arange(N) % 2.0
    images = rng.standard_normal((N, SIDE, SIDE, 1)).astype(np.float32)
    images[labels == 1, 3, 4] += 50
    labels[0] = -9999
    dataset = SimpleNamespace(image_shape=images.shape[1:], path="dataset.h5")
    scalars = rng.standard_normal((N, 2)).astype(np.float32)
    return Subset(Images(dataset, np.arange(N), in_memory=images), labels[:, None].astype(np.float32), scalars)


def test_copies_are_fainter_on_other_images_with_one_noise(part):
    more = added(part, Backgrounds(of="noise", copies=3, least=0.5), CLASSES, 40, 100)
    images = more.images.in_memory
    assert len(more) == len(more.images) == 4 * N
    assert np.array_equal(images[:N], part.images.in_memory)
    assert np.array_equal(more.targets, np.tile(part.targets, (4, 1)))
    assert np.array_equal(more.scalars, np.tile(part.scalars, (4, 1)))
    copies, source = images[N:], more.targets[N:, 0] == 1
    share = copies[source, 3, 4, 0] / 50  # with the noise of a pixel
    assert 0.4 < share.min() < 0.6
    assert 0.9 < share.max() < 1.1
    quiet = np.delete(copies.reshape(3 * N, -1), 3 * SIDE + 4, axis=1)
    assert np.std(quiet) == pytest.approx(1, abs=0.02)
    assert not np.array_equal(images[N : 2 * N], images[2 * N : 3 * N])
    assert not (quiet > 20).any()  # behind them lies no source


def test_the_same_seed_draws_the_same(part):
    settings = Backgrounds(of="noise")
    one, two, other = (added(part, settings, CLASSES, seed, 100).images.in_memory for seed in (40, 40, 41))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("settings", "classes", "limit", "said"),
    [
        (Backgrounds(of="empty"), CLASSES, 100, "of: 'empty' found; expected a class of the dataset: noise, source"),
        (Backgrounds(of="noise"), (), 100, "none, its label is a number"),
        (Backgrounds(of="noise", copies=50), CLASSES, 1, "training.memory_limit_mb is 1"),
        (Backgrounds(of="cosmic"), (*CLASSES, "cosmic"), 100, "no object of class 'cosmic'"),
    ],
)
def test_what_cannot_be_done_is_said(settings, classes, limit, said, part):
    with pytest.raises(ValueError, match=said):
        added(part, settings, classes, 40, limit)
