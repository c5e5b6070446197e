"""A bank of matched filters about the centre of a stamp: is there a source, or an artefact?

The best detector of a source of unknown place, track and brightness averages likelihoods of matched filters over all of
them (Neyman & Pearson 1933, Phil. Trans. R. Soc. A 231, 289). This network begins with such filters, which are not
trained: PSFs of several widths, short and long tracks, thin lines as cosmic rays leave them, and the two lobes of a
subtraction at a wrong place. Before, rows and columns with another level are brought to that of the others, and pixels
too sharp for a PSF are cut (as van Dokkum 2001, PASP 113, 1420, finds cosmic rays). A small network, the same for
every place near the centre and each of eight directions, weighs their answers; a smooth maximum over places and
directions follows. What is found anywhere in the stamp and in its rows and columns joins it.

Input (H, W, C) with any H, W, C: median 0 and noise 1, as ``images: robust`` makes them, with the source in the middle.
"""

import numpy as np
from keras import layers, ops

LIMITS = {
    "reach": {"at_least": 0},
    "hidden": {"at_least": 1},
    "pooled": {"at_least": 1},
    "units": {"at_least": 1},
    "dropout": {"at_least": 0, "below": 1},
}
SIZE = 13  # pixels a side of a filter
SUBPIXELS = 5  # each way, within a pixel of a filter
WIDTHS = (0.35, 1.0, 1.4, 1.9, 2.8)  # sigma of round filters [pixels]; the first is a pixel alone
TRACKS = ((1.4, 4.0), (0.35, 3.0), (0.35, 7.0), (1.4, 9.0))  # sigma and length of tracks [pixels]
LOBES = ((1.4, 3.0), (1.4, 9.0))  # the same of two lobes, side by side
AXES = 4  # by 45 degrees; each has two directions
BACKGROUND = (1.5, 3.0)  # sigma over which squared pixels are averaged [pixels]
SHARPEST = 1.65  # a pixel over the mean of two opposite neighbours, of a PSF with sigma 1
CUT = 3.0  # noise that a pixel may be above that
PLACE = 2.5  # sigma of the places that count, from the centre [pixels]
THIN = slice(len(WIDTHS) + AXES, len(WIDTHS) + 3 * AXES)  # which filters are as cosmic rays, 0.35 pixels wide
STRIDE = 3  # pixels between places anywhere in the stamp
FLOOR = 0.1  # added to mean squares before their logarithm


def build(image, scalars=None, *, reach=4, hidden=32, pooled=12, units=32, dropout=0.2):
    """Return features (batch, 2 pooled + 11 + units); scalars are not used.

    Args:
        image: (batch, H, W, C).
        scalars: Not used.
        reach: Farthest row and column from the centre where a source is looked for [pixels].
        hidden: Units that weigh the filters at every place.
        pooled: Numbers of every place of which the smooth maximum is taken.
        units: Of the dense layer.
        dropout: Of the dense layer.
    """
    image = ops.sum(image, axis=-1, keepdims=True) / float(np.sqrt(image.shape[-1]))
    flat = _without_lines(image)
    clean = _without_peaks(flat)
    filters = _filters()
    beside = [
        ops.log(_near(ops.square(clean), _means(), reach, "means") + FLOOR),
        ops.log(_near(ops.square(flat - clean), _means(), reach, "means_of_peaks") + FLOOR),
        ops.arcsinh(_near(image, filters[..., [0, 2]], reach, "filters_of_all")),
        _levelled(clean, filters[..., 1:4], reach),
    ]
    answers = _near(clean, filters, reach, "filters_near")
    peaks = _near(flat - clean, filters[..., THIN], reach, "filters_of_peaks")
    answers = ops.concatenate(
        [answers[..., : THIN.start], answers[..., THIN] + peaks, answers[..., THIN.stop :]], axis=-1
    )
    x = _views(ops.arcsinh(answers), beside)
    x = layers.Dense(pooled)(layers.Dense(hidden, activation="relu")(x))
    near = ops.logsumexp(x + _prior(*x.shape[1:3]), axis=(1, 2, 3))
    x = ops.arcsinh(_fixed(clean, filters, "filters_anywhere", strides=STRIDE, padding="same"))
    x = ops.concatenate(list(_any_direction(x)), axis=-1)
    x = layers.Dense(pooled)(layers.Dense(hidden, activation="relu")(x))
    anywhere = ops.logsumexp(x, axis=(1, 2)) - float(np.log(x.shape[1] * x.shape[2]))
    extremes = [ops.max(item, axis=(1, 2)) for item in (image, -image, ops.abs(flat - clean))]
    seen = layers.Concatenate()([near, anywhere, *map(ops.arcsinh, extremes), _lines(image)])
    bent = layers.Dropout(dropout)(layers.Dense(units, activation="gelu")(seen))
    return layers.Concatenate()([seen, bent])


# --- cleaning --------------------------------------------------------------------------------------------------------


def _without_lines(image):
    """Take off rows, then columns, whose both ends lie above the rest, or below it, by more than noise."""
    for axis in (2, 1):
        length = image.shape[axis]
        side = min(length // 4 + 1, length)
        first, last = (
            ops.mean(ops.take(image, places, axis=axis), axis=axis, keepdims=True)
            for places in (np.arange(side), np.arange(length - side, length))
        )
        least = ops.minimum(ops.abs(first), ops.abs(last)) * float(np.sqrt(side))
        agree = ops.cast(first * last > 0, image.dtype)
        image = image - 0.5 * (first + last) * agree * ops.sigmoid(4.0 * (least - 2.0))
    return image


def _without_peaks(image):
    """Cut pixels that stand out from their neighbours more than any PSF does."""
    wide = ops.pad(image, ((0, 0), (1, 1), (1, 1), (0, 0)))
    down = 0.5 * (wide[:, 2:, 1:-1] + wide[:, :-2, 1:-1])
    across = 0.5 * (wide[:, 1:-1, 2:] + wide[:, 1:-1, :-2])
    highest = SHARPEST * ops.relu(ops.minimum(down, across)) + CUT
    lowest = -SHARPEST * ops.relu(-ops.maximum(down, across)) - CUT
    return ops.maximum(ops.minimum(image, highest), lowest)


# --- filters ---------------------------------------------------------------------------------------------------------


def _filters() -> np.ndarray:
    """Return filters (SIZE, SIZE, n) of unit norm: round ones, then tracks and lobes with their axes."""
    grid = (np.arange(SIZE * SUBPIXELS) + 0.5) / SUBPIXELS - SIZE / 2
    angles = np.arange(AXES) * np.pi / AXES

    def track(sigma: float, length: float, angle: float, aside: float = 0.0) -> np.ndarray:
        along = np.linspace(-0.5, 0.5, max(int(3 * length), 1)) * length
        x = along * np.cos(angle) - aside * np.sin(angle)
        y = along * np.sin(angle) + aside * np.cos(angle)
        rows, columns = (np.exp(-((grid[:, None] - place) ** 2) / (2 * sigma**2)) for place in (y, x))
        return rows @ columns.T

    found = [track(sigma, 0.0, 0.0) for sigma in WIDTHS]
    found += [track(*shape, angle) for shape in TRACKS for angle in angles]
    for shape in LOBES:
        for across in angles + np.pi / 2:
            found.append(track(*shape, across, -0.15) - track(*shape, across, 0.15))
    filters = np.stack(found, axis=-1).reshape(SIZE, SUBPIXELS, SIZE, SUBPIXELS, -1).mean(axis=(1, 3))
    return filters / np.sqrt(np.square(filters).sum(axis=(0, 1)))


def _means() -> np.ndarray:
    """Return weights (SIZE, SIZE, n) with sum 1."""
    offset = np.arange(SIZE) - (SIZE - 1) / 2
    squared = offset[:, None] ** 2 + offset**2
    weights = np.stack([np.exp(-squared / (2 * sigma**2)) for sigma in BACKGROUND], axis=-1)
    return weights / weights.sum(axis=(0, 1))


def _fixed(image, filters: np.ndarray, name: str, **how):
    """Convolve (batch, H, W, 1) with filters (h, w, n), which are not trained."""
    count, shape = filters.shape[-1], filters.shape[:2]
    layer = layers.Conv2D(count, shape, use_bias=False, trainable=False, name=name, **how)
    answers = layer(image)
    layer.set_weights([filters[:, :, None, :]])
    return answers


def _near(image, filters: np.ndarray, reach: int, name: str):
    """Return answers about the centre alone: (batch, height, width, n), as far as the image goes."""
    middle = image
    for axis in (1, 2):
        length = image.shape[axis]
        cut = max((length - 1) // 2 - reach, 0) - SIZE // 2
        sides = [(0, 0)] * 4
        sides[axis] = (max(-cut, 0),) * 2
        first = max(cut, 0)
        middle = ops.pad(ops.take(middle, np.arange(first, length - first), axis=axis), sides)
    return _fixed(middle, filters, name)


def _levelled(image, filters: np.ndarray, reach: int):
    """Return the smaller and the larger answer to the image without the means of its columns, and of its rows."""
    answers = [
        _near(image - ops.mean(image, axis=axis, keepdims=True), filters, reach, name)
        for axis, name in ((1, "filters_without_columns"), (2, "filters_without_rows"))
    ]
    return ops.arcsinh(ops.concatenate([ops.minimum(*answers), ops.maximum(*answers)], axis=-1))


def _prior(height: int, width: int) -> np.ndarray:
    """Return the logarithm of what places count, of sum 1 over places and directions: (height, width, 1, 1)."""
    y, x = (np.arange(length) - (length - 1) / 2 for length in (height, width))
    weight = np.exp(-(y[:, None] ** 2 + x**2) / (2 * PLACE**2))
    return np.log(weight / weight.sum() / (2 * AXES)).astype("float32")[:, :, None, None]


def _views(answers, others):
    """Return what is seen along each direction: (batch, height, width, directions, F)."""
    first = len(WIDTHS)
    round_ones = [answers[..., :first], *others]

    def of(shape: int, direction: int):
        place = first + AXES * shape + direction % AXES
        sign = -1.0 if shape >= len(TRACKS) and direction % (2 * AXES) >= AXES else 1.0
        return sign * answers[..., place : place + 1]

    quarter = AXES // 2
    views = [
        ops.concatenate(
            [*round_ones, *(of(k, j + turn) for k in range(len(TRACKS + LOBES)) for turn in (0, quarter))], axis=-1
        )
        for j in range(2 * AXES)
    ]
    return ops.stack(views, axis=3)


def _any_direction(answers):
    """Return round filters, the largest of each track's and the largest size of each pair of lobes'."""
    first = len(WIDTHS)
    yield answers[..., :first]
    for shape in range(len(TRACKS + LOBES)):
        found = answers[..., first + AXES * shape : first + AXES * (shape + 1)]
        yield ops.max(found if shape < len(TRACKS) else ops.abs(found), axis=-1, keepdims=True)


def _lines(image, units: int = 8):
    """Return smooth maxima over rows and columns, of sums and mean squares: (batch, units)."""
    bent, weigh = layers.Dense(units, activation="gelu"), layers.Dense(units)
    found = []
    for axis in (1, 2):
        sums = ops.arcsinh(ops.sum(image, axis=axis) / float(np.sqrt(image.shape[axis])))
        squares = ops.log(ops.mean(ops.square(image), axis=axis) + FLOOR)
        line = ops.concatenate([sums, squares], axis=-1)
        wide = ops.pad(line, ((0, 0), (1, 1), (0, 0)))
        line = ops.concatenate([line, 0.5 * (wide[:, 2:] + wide[:, :-2])], axis=-1)  # and its neighbours' mean
        found.append(ops.logsumexp(weigh(bent(line)), axis=1))
    return ops.logaddexp(*found)
