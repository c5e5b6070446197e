"""Blocks that several models share."""

from keras import layers


def convolution(x, filters: int, size: int = 3, activation: str = "relu"):
    """Convolve without padding, or with it where the image has become smaller than the kernel."""
    padding = "valid" if min(x.shape[1:3]) >= size else "same"
    return layers.Conv2D(filters, size, activation=activation, padding=padding)(x)


def pool(x, size: int = 2):
    """Take the maximum of size x size pixels; an image smaller than that passes unchanged."""
    return layers.MaxPooling2D(size)(x) if min(x.shape[1:3]) >= size else x


def average_pool(x, size: int = 2):
    """Take the mean of size x size pixels; an image smaller than that passes unchanged."""
    return layers.AveragePooling2D(size)(x) if min(x.shape[1:3]) >= size else x


def normalised(x, momentum: float = 0.9):
    """Normalise each channel over the batch (Ioffe & Szegedy 2015, arXiv:1502.03167).

    Predictions use moments averaged over the last ten batches or so. Keras's hundred (a momentum of 0.99) would leave
    those of the start in, and the validation loss useless, where an epoch has few batches.
    """
    return layers.BatchNormalization(momentum=momentum)(x)


def activated(x, activation: str, slope: float = 0.1):
    """Apply ``"leaky_relu"``, ``"prelu"`` with one slope a channel, or ``"tanh"``.

    Raises:
        ValueError: Another name.
    """
    if activation == "leaky_relu":
        return layers.LeakyReLU(slope)(x)
    if activation == "prelu":
        return layers.PReLU(shared_axes=[1, 2] if len(x.shape) == 4 else None)(x)
    if activation == "tanh":
        return layers.Activation("tanh")(x)
    raise ValueError(f"activation {activation!r} found; expected 'leaky_relu', 'prelu' or 'tanh'")


def dense_layers(x, count: int, units: int):
    """Pass features (batch, F) through some dense layers with relu."""
    for _ in range(count):
        x = layers.Dense(units, activation="relu")(x)
    return x


def inception_module(x, inner: int, outer: int, activation: str, *, slope: float = 0.1, with_five: bool = True):
    """Look at x with 1x1, 3x3 and 5x5 kernels and a pooling at once (Szegedy et al. 2015; Pasquet et al. 2019, fig. 5).

    Args:
        x: (batch, H, W, C).
        inner: Filters of the 1x1 convolutions before the wider kernels and the pooling.
        outer: Filters of every other branch.
        activation, slope: As in :func:`activated`.
        with_five: Whether there is a 5x5 branch.

    Returns:
        (batch, H, W, 3 outer + inner), or 2 outer + inner without the 5x5 branch.
    """

    def convolved(tensor, filters: int, size: int):
        return activated(layers.Conv2D(filters, size, padding="same")(tensor), activation, slope)

    branches = [convolved(x, outer, 1), convolved(convolved(x, inner, 1), outer, 3)]
    if with_five:
        branches.append(convolved(convolved(x, inner, 1), outer, 5))
    branches.append(layers.AveragePooling2D(2, strides=1, padding="same")(convolved(x, inner, 1)))
    return layers.Concatenate()(branches)


def mixed(features, scalars, units: int, dropout: float):
    """Join image features (batch, F) with scalars (batch, S): (batch, units).

    The scalars pass two dense layers, and both together one more: a head on features side by side could only add what
    the image says to what the scalars say. ``dropout`` of the last two layers keeps long trainings from learning by
    heart: scalars are not augmented as images are.
    """
    for _ in range(2):
        scalars = layers.Dense(units, activation="relu")(scalars)
    joined = layers.Concatenate()([features, layers.Dropout(dropout)(scalars)])
    return layers.Dropout(dropout)(layers.Dense(units, activation="relu")(joined))
