"""Scores of distributions against a quantity of the objects, in bins."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from scipy import stats

from skybake.figures import JudgedRow, _style


def against(data: JudgedRow, name: str, axis: str, *, critical: bool) -> Figure:
    """Draw CRPS, CDE loss and PIT-KS of the test objects that have a label in bins of a label or scalar, seeds pooled.

    Args:
        data: The run; it predicts distributions.
        name: Of the label or scalar.
        axis: How the axis is called.
        critical: Whether to draw what the KS distance of calibrated distributions rarely exceeds, if objects are
            independent of one another.
    """
    figure = _style.figure(_style.SINGLE, 4.2, mock=data.mock)
    panels = figure.subplots(3, sharex=True)
    panels[0].set_title(_style.title(data.model, data.loss))
    bins = data.bins(name)
    finite = np.isfinite([data.pooled(metric) for metric in _axes(data.units)]).all()
    if not finite or not bins:
        _style.say(panels[0], "all objects have one value" if finite else "some distributions are not finite")
        for panel in panels[1:]:
            panel.set_axis_off()
        return figure
    for panel, (metric, says) in zip(panels, _axes(data.units).items(), strict=True):
        middle, heights = zip(*((item["middle"], item[metric]) for item in bins), strict=True)
        panel.plot(middle, heights, color=_style.PALETTE[1], marker="o", ms=2.5)
        panel.set_ylabel(says)
    if critical and data.judged.get("groups") is None:
        highest = [stats.kstwo.ppf(data.level, item["n"]) for item in bins]
        ends = [*(item["low"] for item in bins), bins[-1]["high"]]
        panels[-1].stairs(
            highest, ends, baseline=None, color="black", lw=0.6, label=f"calibrated, {100 * data.level:g} %"
        )
        panels[-1].legend(loc="upper right")
    for panel in (panels[0], panels[-1]):
        panel.set_ylim(0, 1.25 * panel.get_ylim()[1])
    panels[-1].set_xlabel(axis)
    figure.align_ylabels()
    return figure


def _axes(units: str) -> dict[str, str]:
    """Return metric -> how its axis is called."""
    return {
        "crps": _style.quantity("CRPS", units),
        "cde_loss": _style.quantity("CDE loss", f"1/{units}" if units else ""),
        "pit_ks": "PIT-KS",
    }
