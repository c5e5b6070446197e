"""Aperture photometry with a trained stretch: light in circles about the centre, for objects that lie in the middle.

Sums of pixels in circles that grow outward lose none of what a radial profile holds, and a stretch made after the sum
keeps counts counts. Each sum x, over the root of its pixels and bands, passes asinh(g x + b) with a trained g and b
of its own (the stretch of Lupton et al. 1999, AJ 118, 1406); one dense layer follows, and the head sees the stretched
sums too, so that a linear way stays. Input (H, W, C) with any H, W, C: standardised pixels, linear in flux.
3,678 parameters at 50x50x10 with one scalar and the point head. Where neighbours lie beside an object, pixels that are
brighter than those across the centre can be taken from there: what is not symmetric is not the object (after the
symmetric templates of Scarlet, Melchior et al. 2018, A&C 24, 129). Where point sources lie about a smooth object, rings
can be cut into sectors, of which the fainter half stands for all: a source lies in one, the object in every one.
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
    "sectors": {"at_least": 0},
}
SUBPIXELS = 5  # each way: the part of a pixel within a circle
LEAST = 0.5  # pixels of a sector: a ring with less in one is not cut
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
    sectors=0,
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
        sectors: Cut every ring into so many, and let those with less light in all bands, at least half of them, stand
            for the whole ring: sources beside the object go. With 0 rings are not cut.
    """
    height, width, bands = image.shape[1:]
    seen_in = _symmetric(image) if without_neighbours else image
    pixels = ops.reshape(seen_in, (-1, height * width, bands))
    parts = _parts(height, width, rings, max(sectors, 1))
    sizes = parts.sum(axis=0)  # (rings, sectors)
    apertures = _apertures(sizes.sum(axis=1), annuli=annuli)
    if sectors:
        light = ops.matmul(ops.transpose(pixels, (0, 2, 1)), parts.reshape(height * width, -1).astype("float32"))
        sums = ops.matmul(_fainter_half(light, sizes), apertures.astype("float32"))
    else:
        whole = (parts[..., 0] @ apertures).astype("float32")
        sums = ops.matmul(ops.transpose(pixels, (0, 2, 1)), whole)  # (batch, C, rings)
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


def _fainter_half(light, sizes: np.ndarray):
    """Return the light of rings, (batch, C, rings), as the fainter half of their sectors tells it.

    Which ones are fainter all bands tell together; a ring whose sectors are too small keeps all.

    Args:
        light: (batch, C, rings sectors).
        sizes: (rings, sectors) pixels.
    """
    rings, sectors = sizes.shape
    light = ops.reshape(light, (-1, light.shape[1], rings, sectors))
    brightness = ops.sum(light, axis=1) / np.maximum(sizes, SUBPIXELS**-2).astype("float32")  # (batch, rings, sectors)
    median = ops.take(ops.sort(brightness, axis=-1), [(sectors - 1) // 2], axis=-1)
    small = (sizes.min(axis=1, keepdims=True) < LEAST).astype("float32")
    kept = ops.maximum(ops.cast(brightness <= median, light.dtype), small)
    seen = ops.sum(kept * sizes.astype("float32"), axis=-1)  # (batch, rings) pixels
    share = ops.maximum(seen / np.maximum(sizes.sum(axis=1), SUBPIXELS**-2).astype("float32"), SUBPIXELS**-2)
    return ops.sum(light * ops.expand_dims(kept, 1), axis=-1) / ops.expand_dims(share, 1)


def _parts(height: int, width: int, rings: int, sectors: int) -> np.ndarray:
    """Return the part of every pixel in each sector of each ring: (H W, rings, sectors)."""
    offsets = (np.arange(SUBPIXELS) + 0.5) / SUBPIXELS - 0.5
    y = (np.arange(height)[:, None] + offsets).ravel()[:, None] - (height - 1) / 2
    x = (np.arange(width)[:, None] + offsets).ravel() - (width - 1) / 2
    radii = np.geomspace(1.0, max(min(height, width) / 2, 1.0), rings - 1)
    ring = np.searchsorted(radii, np.hypot(y, x))
    sector = (np.floor((np.arctan2(y, x) / (2 * np.pi) + 0.5) * sectors) % sectors).astype(int)
    place = (ring * sectors + sector).reshape(height, SUBPIXELS, width, SUBPIXELS)
    inside = [(place == one).mean(axis=(1, 3)).ravel() for one in range(rings * sectors)]
    return np.stack(inside, axis=-1).reshape(height * width, rings, sectors)


def _apertures(sizes: np.ndarray, *, annuli: bool) -> np.ndarray:
    """Return what sums rings to apertures, over the root of their pixels: (rings, apertures)."""
    added = np.eye(len(sizes)) if annuli else np.triu(np.ones((len(sizes), len(sizes))))
    return added / np.sqrt(np.maximum(sizes @ added, SUBPIXELS**-2))


def _groups(bands: int, groups: int) -> np.ndarray:
    """Return which bands each group has, over the root of their number, and the group of all last: (C, groups + 1)."""
    chosen = [part for part in np.array_split(np.arange(bands), groups) if len(part)]
    chosen += [np.arange(bands)] if len(chosen) > 1 else []
    found = np.zeros((bands, len(chosen)), "float32")
    for place, part in enumerate(chosen):
        found[part, place] = len(part) ** -0.5
    return found
