"""Histogram of errors: bias, width and tails at a glance."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["regression"]
TITLE = "Error histogram"
CAPTION = (
    "Errors (predicted minus true) of the test objects, all seeds, with the Gaussians of their mean and standard"
    " deviation and of their median and NMAD."
)


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the errors of all seeds, with the numbers of the comparison table in the legend."""
    figure = _style.figure(_style.SINGLE, 2.8, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    d = data.errors.ravel()
    if not np.isfinite(d).all():
        _style.say(axes, f"{np.sum(~np.isfinite(d))} of {d.size} predictions are not finite numbers")
        return figure
    mean, std, median, mad, outliers = map(
        data.pooled, ("mean_error", "std_error", "median_error", "nmad", "outlier_fraction")
    )
    reach = max(5 * std, abs(mean) + 3 * std, 1e-9)
    low, high = max(d.min(), -reach), min(d.max(), reach)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _bins(d, high - low) + 1)
    axes.hist(d, edges.tolist(), color=_style.PALE, label=f"{data.errors.shape[1]} objects, {len(data.errors)} seeds")
    grid = np.linspace(low, high, 400)
    scale = d.size * (edges[1] - edges[0])
    for centre, width, colour, dash, text in (
        (mean, std, _style.PALETTE[0], "-", f"mean {mean:+.3g}, std {std:.3g}"),
        (median, mad, _style.PALETTE[1], "--", f"median {median:+.3g}, NMAD {mad:.3g}"),
    ):
        if width > 0:
            axes.plot(grid, scale * _gaussian(grid, centre, width), dash, color=colour, label=text)
    axes.plot([], [], " ", label=f"|error| > {data.outlier_threshold:g}: {100 * outliers:.3g} %")
    axes.axvline(0, ymax=0.64, color="black", lw=0.6)
    axes.set(xlim=(low, high), ylabel="objects x seeds")
    axes.set_xlabel(_style.quantity(data.error, "" if "/" in data.error else data.units))
    axes.set_ylim(top=axes.get_ylim()[1] * 1.55)  # room for the legend above the peak
    axes.legend(loc="upper left", handlelength=1.6)
    return figure


def _bins(d: np.ndarray, span: float) -> int:
    """Return the number of bins by Freedman & Diaconis (1981), which long tails do not make coarse."""
    lower, upper = np.quantile(d, [0.25, 0.75])
    width = 2 * (upper - lower) / d.size ** (1 / 3)
    return int(np.clip(span / max(width, span / 80), 15, 80))


def _gaussian(x: np.ndarray, centre: float, width: float) -> np.ndarray:
    return np.exp(-0.5 * ((x - centre) / width) ** 2) / (width * np.sqrt(2 * np.pi))
