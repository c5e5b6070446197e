"""Where the new objects are on the sky, and what is predicted for them there."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skybake.applying.outcome import Outcome
from skybake.figures import _style

SCOPE = "apply"
TASKS = ["regression", "classification"]
NEEDS = ("position",)
TITLE = "On the sky"
CAPTION = (
    "Positions of the new objects, coloured by what is predicted (of many objects the mean of a field, for classes the"
    " number of objects), and those that are unfamiliar. Edges of fields and of detectors must not be seen in the"
    " colours. East is to the left."
)
CROWD = 5000  # objects; beyond, fields are drawn


@_style.styled
def draw(data: Outcome) -> Figure:
    """Draw all objects, and the unfamiliar ones beside them."""
    figure = _style.figure(_style.DOUBLE, 3.0, mock=data.mock)
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    ra, dec = _positions(data)
    known = data.usable & np.isfinite(ra) & np.isfinite(dec)
    _predicted(figure, left, data, ra, dec, known)
    size = float(np.clip(6000 / max(1, len(data)), 1, 10))
    right.scatter(ra, dec, s=size, lw=0, color=_style.PALE, rasterized=True)
    odd = data.unfamiliar
    right.scatter(ra[odd], dec[odd], s=2 * size, lw=0, color=_style.PALETTE[1], rasterized=True)
    right.set_title(f"unfamiliar: {int(odd.sum()):,} of {len(data):,}", fontsize=8)
    left.set(ylabel="declination [deg]")
    for axes in (left, right):
        axes.set_xlabel("right ascension [deg]")
    left.invert_xaxis()
    return figure


def _positions(data: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Return right ascension and declination; a field about the origin of right ascension stays in one piece."""
    ra, dec = np.asarray(data.ra, dtype=np.float64), np.asarray(data.dec, dtype=np.float64)
    known = ra[np.isfinite(ra)]
    turned = (known + 180) % 360
    if known.size and np.ptp(turned) < np.ptp(known):
        ra = (ra + 180) % 360 - 180
    return ra, dec


def _predicted(figure: Figure, axes: Axes, data: Outcome, ra: np.ndarray, dec: np.ndarray, known: np.ndarray) -> None:
    x, y, values = ra[known], dec[known], data.point[known]
    axes.set_title("predicted" + (" class" if data.classes else ""), fontsize=8)
    label = _style.quantity(data.label, data.units)
    size = float(np.clip(6000 / max(1, len(x)), 1, 10))
    if data.classes and len(x) <= CROWD:
        groups = np.argsort(-np.bincount(values.astype(int), minlength=len(data.classes)), kind="stable")
        for number, colour in zip(groups, _style.PALETTE, strict=False):
            mine = values == number
            if mine.any():
                name = _style.shortened(data.classes[number], 16)
                axes.scatter(x[mine], y[mine], s=size, lw=0, alpha=0.8, color=colour, label=name, rasterized=True)
        axes.legend(loc="best", markerscale=2, fontsize=6)
    elif len(x) > CROWD:
        told = {"bins": "log"} if data.classes else {"C": values}
        field = axes.hexbin(x, y, gridsize=45, mincnt=1, lw=0.1, **told)
        figure.colorbar(field, ax=axes, label="objects" if data.classes else f"mean {label}", pad=0.02)
    elif len(x):
        low, high = np.percentile(values, [1, 99])
        points = axes.scatter(x, y, c=values, s=size, lw=0, vmin=low, vmax=high, rasterized=True)
        figure.colorbar(points, ax=axes, label=label, pad=0.02)
