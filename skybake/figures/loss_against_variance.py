"""Loss against predicted variance, coloured by squared error: is a large variance told where the error is large?"""

from __future__ import annotations

import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("variance",)
TITLE = "Loss against variance"
CAPTION = (
    "Negative logarithm of the predicted density at the label of each test object, all seeds, against the variance of"
    " its distribution, coloured by the squared error, predicted minus true; a known error of the label is part of the"
    " variance where the loss was given it. Lines: what a Gaussian of that variance costs without an error, and with"
    " one of a standard deviation, where the variance is best. Far above the upper line the variance is too small for"
    " the error. The outermost half per cent of the losses may lie beyond the frame."
)
SHOWN = (0.005, 0.995)  # of losses and of colours
TINY = 1e-30


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the objects that have a label, of all seeds."""
    figure = _style.figure(_style.SINGLE, 3.0, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    variance = np.square(data.std().ravel())
    loss = np.concatenate([-found.log_pdf(data.true) for found in data.distributions().values()])
    points = np.concatenate([part.prediction.point[data.known] for part in data.test.values()])
    squared = np.square(points - np.tile(data.true, len(data.test)))
    shown = np.isfinite(variance) & np.isfinite(loss) & np.isfinite(squared) & (variance > 0)
    if not shown.all():
        _style.say(axes, f"{np.sum(~shown)} of {shown.size} losses or variances are not finite")
        return figure
    low, high = np.maximum(np.quantile(squared, SHOWN), TINY)
    scatter = axes.scatter(
        variance,
        loss,
        c=np.clip(squared, low, high),
        norm=LogNorm(low, max(high, low * 1.01)),
        s=float(np.clip(8000 / loss.size, 2.5, 12)),
        lw=0,
        rasterized=True,
    )
    ends = np.array([variance.min(), max(variance.max(), variance.min() * 1.01)])
    at_best = 0.5 * np.log(2 * np.pi * ends)
    axes.plot(ends, at_best + 0.5, color="black", lw=0.9, label="Gaussian, error of 1 std")
    axes.plot(ends, at_best, color="black", lw=0.9, ls=":", label="Gaussian, no error")
    bottom, top = np.quantile(loss, SHOWN)
    room = 0.05 * max(top - bottom, 1e-9)
    axes.set(xscale="log", ylim=(min(bottom, at_best[0]) - room, max(top, at_best[1] + 0.5) + 6 * room))
    square = f"{data.units}²" if data.units and " " not in data.units else f"({data.units})²" if data.units else ""
    axes.set_xlabel(_style.quantity("predicted variance", square))
    axes.set_ylabel("negative log density at the label")
    axes.legend(loc="upper right", handlelength=1.6)
    figure.colorbar(scatter, ax=axes, label=_style.quantity("squared error", square))
    return figure
