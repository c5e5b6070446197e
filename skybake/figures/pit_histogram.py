"""Histogram of PIT values: flat for calibrated distributions, U-shaped for too narrow ones, sloped for shifted ones."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("distribution",)
TITLE = "PIT histogram"
CAPTION = (
    "Probability integral transform, the predicted probability below the true label, of the test objects, mean over"
    " seeds, a thin line for each. Of calibrated distributions each bin lies in the grey band as often as the level of"
    " intervals says (of objects in groups, as many independent ones as their KS distances scatter like; none of fewer"
    " than ten groups). Highest at both ends: too narrow; in the middle: too wide; at one end: shifted."
)
MOST, OBJECTS = 20, 20  # as many bins as have so many objects each
FEWEST = 5


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the density of the PIT values with the binomial band of a uniform one."""
    figure = _style.figure(_style.SINGLE, 2.6, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    pit = data.pit()
    if not np.isfinite(pit).all():
        _style.say(axes, f"{np.sum(~np.isfinite(pit))} of {pit.size} distributions are not finite")
        return figure
    n = pit.shape[1]
    edges, counts = densities(pit)
    highest = max(counts.max(), band(axes, data.independent, data.level, len(edges) - 1))
    if len(counts) > 1:
        for place, one in enumerate(counts):
            label = f"each of {len(counts)} seeds" if place == 0 else None
            axes.stairs(one, edges, color=_style.PALETTE[0], lw=0.5, alpha=0.4, label=label)
    axes.stairs(
        counts.mean(axis=0),
        edges,
        color=_style.PALETTE[0],
        lw=1.4,
        label=f"mean, {n} objects" if len(counts) > 1 else f"{n} objects",
    )
    distance, critical = data.pooled("pit_ks"), data.pooled("pit_ks", "critical")
    known = "" if np.isnan(critical) else f", critical {critical:.3f}"
    axes.plot([], [], " ", label=f"KS {distance:.3f}{known}")
    axes.set(xlim=(0, 1), xlabel="PIT", ylabel="density")
    axes.set_ylim(0, highest * 1.5)  # room for the legend above
    axes.legend(loc="upper center", ncols=2, columnspacing=1, handlelength=1.4)
    return figure


def densities(pit: np.ndarray, most: int = MOST) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges (B + 1,) of at most ``most`` bins, and the densities (S, B) of PIT values (S, n) in them."""
    n = pit.shape[1]
    bins = int(np.clip(n // OBJECTS, FEWEST, most))
    edges = np.linspace(0, 1, bins + 1)
    return edges, np.stack([np.histogram(values, edges)[0] for values in pit]) * bins / n


def band(axes: Axes, objects: int | None, level: float, bins: int) -> float:
    """Draw where calibrated densities of so many objects lie, unless None is told; return its upper end."""
    axes.axhline(1, color="black", lw=0.6)
    if objects is None:
        return 1.0
    low, high = stats.binom.interval(level, objects, 1 / bins)
    said = f"calibrated, {100 * level:g} %"
    axes.axhspan(low * bins / objects, high * bins / objects, color=_style.PALE, lw=0, zorder=0, label=said)
    return float(high * bins / objects)
