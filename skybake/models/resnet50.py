"""Residual network of 50 layers for small images: a 3x3 stem without pooling instead of 7x7 and pooling.

He et al. 2016 (arXiv:1512.03385, table 1): bottleneck blocks 3-4-6-3, the image halved at the start of the last three
stages by the 3x3 convolution; the stem is that of their networks for 32x32 pixels (section 4.2). KBMOD's classifier of
moving-object stamps is a ResNet50 (astroML notebooks, chapter 9). Input (H, W, C); 23,500,352 trainable parameters at
three channels before the head. Convolutions have no bias: the batch normalisation that follows has one.
"""

from keras import layers

from skybake.models._blocks import normalised

LIMITS = {"width": {"at_least": 1}}


def build(image, scalars=None, *, width=64):
    """Return features (batch, 32 width); scalars are not used. ``width`` is the number of filters of the stem."""
    x = layers.ReLU()(normalised(layers.Conv2D(width, 3, padding="same", use_bias=False)(image)))
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            x = _bottleneck(x, width * 2**stage, 2 if stage and not block else 1)
    return layers.GlobalAveragePooling2D()(x)


def _bottleneck(x, filters: int, strides: int):
    """Return x plus what 1x1, 3x3 and 1x1 convolutions add to it, (batch, H / strides, W / strides, 4 filters)."""

    def convolved(tensor, count: int, size: int, step: int = 1):
        return normalised(layers.Conv2D(count, size, strides=step, padding="same", use_bias=False)(tensor))

    added = layers.ReLU()(convolved(x, filters, 1))
    added = layers.ReLU()(convolved(added, filters, 3, strides))
    added = convolved(added, 4 * filters, 1)
    if x.shape[-1] != 4 * filters or strides > 1:
        x = convolved(x, 4 * filters, 1, strides)
    return layers.ReLU()(layers.Add()([x, added]))
