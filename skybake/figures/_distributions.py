"""Scores of distributions against a quantity of the objects, in bins."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import Run, _style
from skybake.metrics import in_bins, probabilistic

MOST, OBJECTS = 10, 25  # as many bins as have so many objects each


def against(data: Run, values: np.ndarray, name: str, *, critical: bool) -> Figure:
    """Draw CRPS, CDE loss and PIT-KS in bins of ``values`` (n,) of the test objects that have a label, seeds pooled.

    Args:
        data: The run; it predicts distributions.
        values: NaN where missing; such objects are left out.
        name: Of the values, with their units.
        critical: Whether to draw what the KS distance of calibrated distributions rarely exceeds.
    """
    figure = _style.figure(_style.SINGLE, 4.2, mock=data.mock)
    panels = figure.subplots(3, sharex=True)
    panels[0].set_title(_style.title(data.model, data.loss))
    scores = data.scores()
    there = np.isfinite(values)
    if not all(np.isfinite(of_objects).all() for of_objects in scores.values()):
        _style.say(panels[0], "some distributions are not finite")
        for panel in panels[1:]:
            panel.set_axis_off()
        return figure
    edges = in_bins.edges(values[there], int(np.clip(there.sum() // OBJECTS, 1, MOST)))
    of_distributions = probabilistic.statistics()
    for panel, (metric, says) in zip(panels, _axes(data.units).items(), strict=True):
        score, statistic = of_distributions[metric]
        each = np.atleast_2d(scores[score])[:, there]
        found = [item for item in in_bins.measure(each, values[there], edges, {metric: statistic}) if item.n]
        middle, heights = zip(*((item.middle, item.values[metric]) for item in found), strict=True)
        panel.plot(middle, heights, color=_style.PALETTE[1], marker="o", ms=2.5)
        panel.set_ylabel(says)
    if critical:
        highest = [stats.kstwo.ppf(data.level, item.n) for item in found]
        ends = [*(item.low for item in found), found[-1].high]
        panels[-1].stairs(
            highest, ends, baseline=None, color="black", lw=0.6, label=f"calibrated, {100 * data.level:g} %"
        )
        panels[-1].legend(loc="upper right")
    for panel in (panels[0], panels[-1]):
        panel.set_ylim(0, 1.25 * panel.get_ylim()[1])
    panels[-1].set_xlabel(name)
    figure.align_ylabels()
    return figure


def _axes(units: str) -> dict[str, str]:
    """Return metric -> how its axis is called."""
    return {
        "crps": _style.quantity("CRPS", units),
        "cde_loss": _style.quantity("CDE loss", f"1/{units}" if units else ""),
        "pit_ks": "PIT-KS",
    }
