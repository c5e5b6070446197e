"""Aperture photometry with a trained stretch: light in circles about the centre, for objects that lie in the middle.

Sums of pixels in circles that grow outward lose none of what a radial profile holds, and a stretch made after the sum
keeps counts counts. Each sum x, over the root of its pixels and bands, passes asinh(g x + b) with a trained g and b
of its own (the stretch of Lupton et al. 1999, AJ 118, 1406); one dense layer follows, and the head sees the stretched
sums too, so that a linear way stays. Input (H, W, C) with any H, W, C: standardised pixels, linear in flux.
3,678 parameters at 50x50x10 with one scalar and the point head. Where neighbours lie beside an object, pixels that are
brighter than those across the centre can be taken from there: what is not symmetric is not the object (after the
symmetric templates of Scarlet, Melchior et al. 2018, A&C 24, 129).
"""

import numpy as np
from keras import initializers, layers, ops

LIMITS = {
    "rings": {"at_least": 2},
    "groups": {"at_least": 1},
    "gain": {"above": 0},
    "units": {"at_least": 1},
    "depth": {"at_least": 1},
    "dropout": {"at_least": 0, "below": 1},
    "annuli": {},
    "without_neighbours": {},
}
SUBPIXELS = 5  # each way: the part of a pixel within a circle
BRIGHTER = 3.0  # standard deviations of the noise, and half the light across the centre: what a neighbour has more


def build(
    image,
    scalars=None,
    *,
    rings=11,
    groups=3,
    gain=0.1,
    units=64,
    depth=1,
    dropout=0.3,
    annuli=False,
    without_neighbours=False,
):
    """Return features: (batch, F).

    Args:
        image: (batch, H, W, C).
        scalars: (batch, S) or None.
        rings: Number of circles. The first has a radius of a pixel, the last but one of half the shorter side, between
            them they grow by one factor; the last takes in the corners.
        groups: Neighbouring bands are summed in so many groups, as equal as can be, beside the sum of all. With as many
            as there are bands each stands alone, which keeps colours.
        gain: What g begins with.
        units: Of each dense layer.
        depth: How many dense layers follow one another.
        dropout: Of each dense layer.
        annuli: Sum in the rings between the circles, not in the circles.
        without_neighbours: Put the pixel across the centre in the place of one that is much brighter.
    """
    height, width, bands = image.shape[1:]
    seen_in = _symmetric(image) if without_neighbours else image
    pixels = ops.reshape(seen_in, (-1, height * width, bands))
    apertures = _circles(height, width, rings, annuli=annuli)
    sums = ops.matmul(ops.transpose(pixels, (0, 2, 1)), apertures)  # (batch, C, rings)
    sums = layers.Flatten()(ops.matmul(ops.transpose(sums, (0, 2, 1)), _groups(bands, groups)))
    stretch = layers.EinsumDense(
        "bi,i->bi", sums.shape[1], bias_axes="i", kernel_initializer=initializers.Constant(gain), name="stretch"
    )
    seen = [ops.arcsinh(stretch(sums))]
    if scalars is not None:
        seen += [scalars, layers.Dense(8, activation="tanh")(scalars)]
    linear = layers.Concatenate()(seen) if len(seen) > 1 else seen[0]
    bent = linear
    for _ in range(depth):
        bent = layers.Dropout(dropout)(layers.Dense(units, activation="gelu")(bent))
    return layers.Concatenate()([linear, bent])


def _symmetric(image):
    """Return the image without what is brighter than the noise and the light across the centre allow.

    One mask serves all bands: it is found in their sum, smoothed over 3 x 3 pixels. The noise is that of the
    differences between a pixel and the one across, 1.4826 times the median of their absolute values.
    """
    light = layers.AveragePooling2D(3, strides=1, padding="same")(ops.sum(image, axis=-1, keepdims=True))
    across = ops.flip(light, axis=(1, 2))
    more = light - across
    noise = 1.4826 * ops.median(ops.abs(more), axis=(1, 2, 3), keepdims=True)
    neighbours = more > BRIGHTER * noise + 0.5 * ops.maximum(across, 0.0)
    return ops.where(neighbours, ops.flip(image, axis=(1, 2)), image)


def _circles(height: int, width: int, rings: int, *, annuli: bool) -> np.ndarray:
    """Return the part of every pixel within each aperture, over the root of its pixels: (H W, rings)."""
    offsets = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    y = (np.arange(height)[:, None] + offsets).ravel() - (height - 1) / 2
    x = (np.arange(width)[:, None] + offsets).ravel() - (width - 1) / 2
    distance = np.hypot(y[:, None], x)
    radii = np.geomspace(1.0, max(min(height, width) / 2, 1.0), rings - 1)
    inside = np.stack([distance <= radius for radius in [*radii, np.inf]], axis=-1)
    parts = inside.reshape(height, SUBPIXELS, width, SUBPIXELS, rings).mean(axis=(1, 3)).reshape(-1, rings)
    if annuli:
        parts = np.diff(parts, axis=1, prepend=0.0)
    return (parts / np.sqrt(np.maximum(parts.sum(axis=0), SUBPIXELS**-2))).astype("float32")


def _groups(bands: int, groups: int) -> np.ndarray:
    """Return which bands each group has, over the root of their number, and the group of all last: (C, groups + 1)."""
    chosen = [part for part in np.array_split(np.arange(bands), groups) if len(part)]
    chosen += [np.arange(bands)] if len(chosen) > 1 else []
    found = np.zeros((bands, len(chosen)), "float32")
    for place, part in enumerate(chosen):
        found[part, place] = len(part) ** -0.5
    return found
