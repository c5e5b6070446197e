"""Residual network of 50 layers as the stamps study ran it: a 7x7 stem with pooling, made for large images.

KBMOD's classifier (astroML notebooks, chapter 9), after He et al. 2016 (arXiv:1512.03385). Stamps of 21x21 pixels are
5x5 after the stem and one pixel at the end; `resnet50` keeps them longer. Convolutions have biases, the first 1x1
convolution of a stage halves the image, and weights are drawn uniformly with seed 0 (Glorot & Bengio 2010), so every
training begins with the same convolutions. Input (H, W, C); 23,585,538 parameters at 21x21x1 with two classes.
"""

from keras import initializers, layers


def build(image, scalars=None):
    """Return features (batch, F); scalars are not used."""
    x = _normalised(_convolution(layers.ZeroPadding2D(3)(image), 64, 7, strides=2))
    x = layers.MaxPooling2D(3, strides=2)(layers.ReLU()(x))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            x = _bottleneck(x, 64 * 2**stage, 2 if stage and not block else 1, shortcut=not block)
    return layers.Flatten()(x)


def _bottleneck(x, filters: int, strides: int, *, shortcut: bool):
    added = layers.ReLU()(_normalised(_convolution(x, filters, 1, strides=strides)))
    added = layers.ReLU()(_normalised(_convolution(added, filters, 3, padding="same")))
    added = _normalised(_convolution(added, 4 * filters, 1))
    if shortcut:
        x = _normalised(_convolution(x, 4 * filters, 1, strides=strides))
    return layers.ReLU()(layers.Add()([added, x]))


def _convolution(x, filters: int, size: int, strides: int = 1, padding: str = "valid"):
    start = initializers.GlorotUniform(seed=0)
    return layers.Conv2D(filters, size, strides=strides, padding=padding, kernel_initializer=start)(x)


def _normalised(x):
    return layers.BatchNormalization()(x)
