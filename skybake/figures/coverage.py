"""Coverage of central intervals: how often the truth is where a prediction says it is."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import JudgedRow, _style
from skybake.metrics.probabilistic import coverage_curve

SCOPE = "run"
TASKS = ["regression"]
NEEDS = ("distribution",)
TITLE = "Coverage"
CAPTION = (
    "Fraction of the test labels inside the central interval of their prediction against its nominal probability, all"
    " seeds, a thin line for each. Of calibrated distributions the fraction lies in the grey band as often as the level"
    " of intervals says (none of fewer than ten groups of objects); below the diagonal predictions are"
    " too narrow, above too wide."
)
NOMINAL = np.linspace(0.01, 0.99, 99)
MARKED = 0.68


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw the coverage found against the nominal one, with the binomial band of a calibrated prediction."""
    figure = _style.figure(_style.SINGLE, 3.1, mock=data.mock)
    axes = figure.subplots()
    axes.set_title(_style.title(data.model, data.loss))
    pit = data.pit()
    if not np.isfinite(pit).all():
        _style.say(axes, f"{np.sum(~np.isfinite(pit))} of {pit.size} distributions are not finite")
        return figure
    n = pit.shape[1]
    band(axes, data.independent, data.level)
    if len(pit) > 1:
        for place, one in enumerate(pit):
            label = f"each of {len(pit)} seeds" if place == 0 else None
            axes.plot(NOMINAL, coverage_curve(one, NOMINAL), color=_style.PALETTE[0], lw=0.5, alpha=0.4, label=label)
    axes.plot(
        NOMINAL,
        coverage_curve(pit.ravel(), NOMINAL),
        color=_style.PALETTE[0],
        label=f"together, {n} objects" if len(pit) > 1 else f"{n} objects",
    )
    found = data.pooled(f"coverage_{100 * MARKED:g}")
    axes.plot(MARKED, found, "o", color=_style.PALETTE[1], label=f"{100 * found:.1f} % in {100 * MARKED:g} %")
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", xlabel="nominal coverage", ylabel="coverage found")
    axes.legend(loc="upper left", handlelength=1.4)
    return figure


def band(axes: Axes, objects: int | None, level: float) -> None:
    """Draw the diagonal, and where the coverage of so many calibrated objects lies, unless None is told."""
    if objects is not None:
        low, high = np.stack(stats.binom.interval(level, objects, NOMINAL)) / objects
        axes.fill_between(NOMINAL, low, high, color=_style.PALE, lw=0, label=f"calibrated, {100 * level:g} %")
    axes.plot([0, 1], [0, 1], color="black", lw=0.6)
