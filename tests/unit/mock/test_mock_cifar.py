"""Simulated photographs."""

import numpy as np

from skybake.mock import cifar as mock
from skybake.raw import cifar as reader


def read(tmp_path, **options):
    raw = {"batches": tmp_path / "cifar-10-batches-py"}
    mock.simulate(raw, mock.Options(**options))
    reading = reader.read(raw, reader.Options(), 1)
    return reading, list(reading.batches)


def test_the_reader_takes_all_images_of_ten_even_classes(tmp_path):
    reading, batches = read(tmp_path, n_train=203, n_test=50)
    labels = np.concatenate([batch.labels["class"] for batch in batches])
    assert reading.rows == len(labels) == 253
    assert [len(batch.labels["class"]) for batch in batches] == [41, 41, 41, 40, 40, 50]
    assert sum(batch.scalars["official_test"].sum() for batch in batches) == 50
    counts = np.bincount(labels.astype(int), minlength=10)
    assert counts.min() >= 23
    assert len(counts) == 10


def test_a_pattern_lies_in_its_direction_and_has_its_period(tmp_path):
    """The strongest wave of an image without noise is that of its class."""
    _, batches = read(tmp_path, n_train=400, n_test=10, noise=0.0)
    images = np.concatenate([batch.image for batch in batches])
    labels = np.concatenate([batch.labels["class"] for batch in batches]).astype(int)
    power = (np.abs(np.fft.fft2(images - images.mean(axis=(1, 2), keepdims=True), s=(128, 128), axes=(1, 2))) ** 2).sum(
        -1
    )
    frequency = np.fft.fftfreq(128)
    best = np.array([np.unravel_index(item.argmax(), item.shape) for item in power])
    fy, fx = frequency[best[:, 0]], frequency[best[:, 1]]
    turn = np.rint(np.mod(np.arctan2(fy, fx), np.pi) / (np.pi / 5)).astype(int) % 5
    width = (np.hypot(fx, fy) > 1 / np.sqrt(9.0 * 4.5)).astype(int)
    assert np.mean(width * 5 + turn == labels) > 0.8
