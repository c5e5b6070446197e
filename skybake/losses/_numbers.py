"""Arithmetic that stays finite: float32 or wider inside, and saturation where float32 would overflow.

Saturation keeps the direction of the gradient, so that a network far off still finds back. What is not finite stays so:
a diverged network must be seen.
"""

from keras import backend, ops

HUGE = 1e35  # labels and outputs saturate here: sums over a batch stay below float32's 3e38
ROOT = 1e17  # what is squared saturates here
LOG_VARIANCE = 80.0  # variances between 2e-35 and 6e34
HALF_MAX = 65504.0  # the largest float16


@ops.custom_gradient
def _from_half(x):
    """Cast float16 to float32; the gradient, cast back, saturates instead of becoming infinite."""

    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        return ops.cast(ops.clip(upstream, -HALF_MAX, HALF_MAX), "float16")

    return ops.cast(x, "float32"), gradient


def working(x):
    """Return x in the precision that losses are computed in: float64 if it is, else float32."""
    x = ops.convert_to_tensor(x)
    kind = backend.standardize_dtype(x.dtype)
    if kind == "float16":
        return _from_half(x)
    return x if kind == "float64" else ops.cast(x, "float32")


@ops.custom_gradient
def _limited(x, limit):
    def gradient(*args, upstream=None):
        if upstream is None:
            (upstream,) = args
        return upstream * (limit / ops.maximum(ops.abs(x), limit)), ops.zeros_like(limit)

    return ops.where(ops.isfinite(x), ops.clip(x, -limit, limit), x), gradient


def limited(x, limit):
    """Return x, or ±limit beyond it; the gradient there is limit / |x|, small but of the right sign."""
    return _limited(x, ops.cast(limit, x.dtype))


def log_sum_exp(x, axis, keepdims=False):
    """Return ln of the sum of exp(x).

    Compilers may round a large x differently where the largest is sought and where it is taken off: what is left must
    not be above zero, or its exponential overflows.
    """
    largest = ops.stop_gradient(ops.max(x, axis=axis, keepdims=True))
    below = x - largest
    total = ops.log(ops.sum(ops.exp(ops.where(below > 0, ops.zeros_like(below), below)), axis=axis, keepdims=True))
    found = total + largest
    return found if keepdims else ops.squeeze(found, axis=axis)


def log_softmax(x, axis):
    """Return the logarithm of the softmax."""
    return x - log_sum_exp(x, axis, keepdims=True)


def squared(x):
    """Return x², at most 1e34."""
    return ops.square(limited(x, ROOT))


def standardised(error, log_variance):
    """Return error / standard deviation, at most 1e17."""
    # 1e20 is above what the largest variance could make small, and its quotient by the smallest fits into float32.
    return limited(limited(error, 1e20) * ops.exp(-0.5 * log_variance), ROOT)
