"""Whether errors follow what networks differ by, and what each of them says of itself."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skybake.figures import JudgedRow, _style

SCOPE = "run"
TASKS = ["regression", "classification"]
NEEDS = ("parts",)
TITLE = "Parts of the uncertainty"
CAPTION = (
    "Test objects in bins of about as many each, by the two parts of the uncertainty of a mean. Epistemic: what its"
    " networks, or its passes with dropout, differ by. Aleatoric: what each of them says of itself, on average. Of"
    " numbers both are standard deviations, dots are objects, the line is the root mean square of their errors with its"
    " standard error, and the dashed line would be met if this part were all. Of classes they are mutual information"
    " and mean entropy, and the line is the share of wrong classes. r is the rank correlation with the error."
)
BINS, DOTS = 8, 2000  # at most
PARTS = {"epistemic": "mutual_information", "aleatoric": "mean_entropy"}  # of numbers, of classes


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw a panel for each part that is there."""
    predictions = [part.prediction.select(data.known) for part in data.test.values()]
    classes = predictions[0].classes is not None
    parts = [name for name in PARTS if getattr(predictions[0], name) is not None]
    figure = _style.figure(_style.DOUBLE, 2.8, mock=data.mock)
    panels = figure.subplots(1, 2, sharey=True)
    figure.suptitle(_style.competitor(data.model, data.loss), fontsize=8)
    points = np.concatenate([one.point for one in predictions])
    off = np.abs(points - np.tile(data.true, len(predictions)))
    size = (off != 0).astype(np.float64) if classes else off
    for axes, name in zip(panels, parts, strict=False):
        values = np.concatenate([getattr(one, name) for one in predictions])
        metric = PARTS[name] if classes else name
        head = f"{metric.replace('_', ' ')} ({name})" if classes else name
        axes.set_xlabel(_style.quantity(head, "nat" if classes else data.units))
        if not (np.isfinite(values).all() and np.isfinite(size).all()):
            _style.say(axes, "some predictions are not finite numbers")
        elif np.ptp(values) == 0:
            _style.say(axes, f"{name}: {values[0]:.3g} of all objects")
        else:
            _panel(axes, values, size, classes=classes)
            told = f"{metric}_spearman"
            r = f"r = {data.pooled(told):.2f}, " if told in data.judged["pooled"] else ""
            axes.set_title(f"{r}mean {values.mean():.3g}", fontsize=7, color=_style.GREY, loc="right")
    for axes in panels[len(parts) :]:
        _style.say(axes, "no aleatoric part: only points are predicted")
    panels[0].set_ylabel("share of wrong classes" if classes else _style.quantity("|error|", data.units))
    return figure


def _panel(axes: Axes, values: np.ndarray, size: np.ndarray, *, classes: bool) -> None:
    """Draw sizes of errors (n,) against a part (n,)."""
    order = np.argsort(values, kind="stable")
    bins = [rows for rows in np.array_split(order, min(BINS, max(1, len(order) // 10)))]
    middle = np.array([np.median(values[rows]) for rows in bins])
    mean = np.array([np.mean(size[rows] ** 2) for rows in bins])
    error = np.array([np.std(size[rows] ** 2) / np.sqrt(len(rows)) for rows in bins])
    if classes:
        height = mean
    else:
        height = np.sqrt(mean)
        error = np.divide(error, 2 * height, out=np.zeros_like(error), where=height > 0)
        some = order[:: max(1, len(order) // DOTS)]
        axes.plot(values[some], size[some], ".", ms=1.5, color=_style.PALE, zorder=0, rasterized=True)
        axes.axline((0, 0), slope=1, color="black", lw=0.6, ls="--")
        axes.set_ylim(0, max(1.05 * float((height + error).max()), float(np.quantile(size, 0.99))))
    axes.errorbar(middle, height, error, color=_style.PALETTE[0], marker="o", ms=3, lw=1.0)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.set_xlim(0, 1.03 * float(np.quantile(values, 0.995)))
    if classes:
        axes.set_ylim(bottom=0)
