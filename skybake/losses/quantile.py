"""Quantile regression."""

from keras import ops

from skybake.losses import loss
from skybake.losses._rows import labels, mean_over_labels, outputs

LIMITS = {"levels": {"above": 0, "below": 1}}


@loss(head="quantiles", tasks=("regression",), aliases=("pinball",))
def quantile(y_true, y_pred, levels=(0.01, 0.05, 0.16, 0.25, 0.5, 0.75, 0.84, 0.95, 0.99)):
    """Quantile (pinball) loss, the mean over several quantiles.

    Formula:
        mean over levels t of max(t (y - q_t), (t - 1) (y - q_t))
    Args:
        levels: Of the quantiles, ascending.
    Source:
        Koenker & Bassett 1978, Econometrica 46, 33. Quantiles that cross are sorted in predictions (Chernozhukov,
        Fernández-Val & Galichon 2010, Econometrica 78, 1093).
    """
    values, known = labels(y_true)
    below = values[:, None, :] - ops.reshape(
        outputs(y_pred, values.shape[-1], len(levels)), (-1, len(levels), values.shape[-1])
    )
    level = ops.convert_to_tensor(list(levels), dtype=below.dtype)[None, :, None]
    return mean_over_labels(ops.mean(ops.maximum(level * below, (level - 1.0) * below), axis=1), known)
