"""Blocks that several models share."""

from keras import layers


def convolution(x, filters: int, size: int = 3, activation: str = "relu"):
    """Convolve without padding, or with it where the image has become smaller than the kernel."""
    padding = "valid" if min(x.shape[1:3]) >= size else "same"
    return layers.Conv2D(filters, size, activation=activation, padding=padding)(x)


def pool(x, size: int = 2):
    """Take the maximum of size x size pixels; an image smaller than that passes unchanged."""
    return layers.MaxPooling2D(size)(x) if min(x.shape[1:3]) >= size else x
