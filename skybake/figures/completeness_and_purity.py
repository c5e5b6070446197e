"""Completeness and purity against signal to noise, beside what a matched filter could reach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from skybake.data.limit import PROBABILITY
from skybake.figures import LIMIT_OBJECTS, JudgedRow, _style
from skybake.metrics import in_bins, matched_filter

SCOPE = "run"
TASKS = ["classification"]
NEEDS = ("classes", "snr")
TITLE = "Completeness and purity against S/N"
CAPTION = (
    "Test objects of the second class, which the legend names, in bins of equally many by their signal to noise, all"
    " seeds. Completeness: the fraction that is predicted as this class, with the range that its binomial (Jeffreys)"
    " interval covers, objects taken as independent. Purity: the fraction that is of this class among what is predicted"
    " so; where objects of the first class have no signal to noise, it is that of a sample in which all of the second"
    " had this one, mixed as the test part is. Black lines, at the same false positive rate: of simulated objects with"
    " a known limit the completeness of their ideal observers, else of a matched filter that knows place and shape, in"
    " sky noise alone; artefacts cost more."
)


@dataclass(frozen=True)
class Bins:
    """What is measured in B bins of signal to noise.

    Attributes:
        middle: (B,) median signal to noise of the objects of class 1.
        objects: (B,) how many they are.
        completeness: (B,) fraction of them that is predicted as class 1.
        purity: (B,) fraction of class 1 among what is predicted so; NaN where nothing is.
    """

    middle: np.ndarray
    objects: np.ndarray
    completeness: np.ndarray
    purity: np.ndarray


@_style.styled
def draw(data: JudgedRow) -> Figure:
    """Draw completeness above, purity below."""
    figure = _style.figure(_style.SINGLE, 4.2, mock=data.mock)
    classes, snr = data.classes(), data.of_kind("signal_to_noise")[1]
    if not np.isfinite(classes).all():
        axes = figure.subplots()
        axes.set_title(_style.title(data.model, data.loss))
        _style.say(axes, "some probabilities are not finite numbers")
        return figure
    top, foot = figure.subplots(2, sharex=True, height_ratios=[3, 2])
    top.set_title(_style.title(data.model, data.loss))
    said, yes, no = classes.argmax(axis=-1) == 1, (data.true == 1) & (snr > 0), data.true == 0
    bins = measure(said, data.true, snr)
    low, high = interval(bins.completeness, bins.objects, data.level)
    line = {"color": _style.PALETTE[0], "ms": 3}
    top.vlines(bins.middle, low, high, color=line["color"], lw=0.9)
    label = f"{yes.sum()} of class {data.class_names[1]}, {len(said)} seed{'s' if len(said) > 1 else ''}"
    top.plot(bins.middle, bins.completeness, "o-", **line, label=label)
    if no.any() and not (snr[no] > 0).any():
        rate = float(said[:, no].mean())
        ideal = observers(data, snr, rate)
        for (name, (middle, found)), style in zip(ideal.items(), _style.LIMITS, strict=False):
            top.plot(middle, found, color="black", ls=style, lw=0.9, marker=".", ms=3, label=f"limit, {name}")
        if not ideal:
            _matched_filter(top, rate, int(no.sum()), snr[yes])
    foot.plot(bins.middle, bins.purity, "o-", **line)
    share = np.mean(data.true == 1)
    foot.axhline(share, color=_style.GREY, lw=0.7, ls=":", label=f"all taken for class {data.class_names[1]}")
    top.set(ylabel="completeness", ylim=(-0.02, 1.02), xscale="log")
    foot.set(ylabel="purity", ylim=(-0.02, 1.02), xlabel="signal to noise")
    for axes in (top, foot):
        axes.legend(loc="lower right", handlelength=1.6)
        axes.grid(axis="y", lw=0.3, color=_style.PALE)
        axes.set_axisbelow(True)
    return figure


def measure(said: np.ndarray, true: np.ndarray, snr: np.ndarray) -> Bins:
    """Measure completeness and purity in bins of signal to noise with equally many objects of class 1.

    Args:
        said: (S, n) whether class 1 is predicted.
        true: (n,) class numbers.
        snr: (n,) NaN where there is none; at least one object of class 1 has one above 0.
    """
    yes, no = (true == 1) & (snr > 0), true == 0
    edges = in_bins.even_edges(snr[yes])
    place = in_bins.places(snr, edges)
    bins = [yes & (place == number) for number in range(len(edges) - 1)]
    found = np.array([said[:, chosen].mean() for chosen in bins])
    if (snr[no] > 0).any():
        right = np.array([said[:, chosen].sum() for chosen in bins])
        false = np.array([said[:, no & (place == number)].sum() for number in range(len(bins))])
    else:
        right = found * (true == 1).sum()
        false = np.full(len(bins), said[:, no].sum() / len(said))
    return Bins(
        middle=np.array([np.median(snr[chosen]) for chosen in bins]),
        objects=np.array([chosen.sum() for chosen in bins]),
        completeness=found,
        purity=np.divide(right, right + false, out=np.full(len(bins), np.nan), where=right + false > 0),
    )


def interval(found: np.ndarray, objects: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Return Jeffreys' interval of fractions of n objects (Brown, Cai & DasGupta 2001, Stat. Sci. 16, 101)."""
    tail, hits = (1 - level) / 2, found * objects
    low = stats.beta.ppf(tail, hits + 0.5, objects - hits + 0.5)
    high = stats.beta.ppf(1 - tail, hits + 0.5, objects - hits + 0.5)
    return np.where(found == 0, 0.0, low), np.where(found == 1, 1.0, high)


def observers(data: JudgedRow, snr: np.ndarray, rate: float) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return the completeness of the ideal observers of simulated objects at a false positive rate.

    Args:
        data: The row, with the limit.
        snr: (n,) of the test objects that have a label; NaN where there is none.
        rate: Part of class 0 that is taken for class 1; at least one object is.

    Returns:
        Name of a line -> (B,) middle and completeness of each bin of signal to noise that holds five of its objects or
        more, bins as of :func:`measure`; none where no limit is known, or where it has no object of class 0.
    """
    if data.limit is None or data.limit.lines[0].kind != PROBABILITY:
        return {}
    true, here = data.of_limit(data.true), data.of_limit(snr)
    no = true == 0
    if not no.any():
        return {}
    edges = in_bins.even_edges(snr[(data.true == 1) & (snr > 0)])
    place = np.where((true == 1) & (here > 0), in_bins.places(here, edges), -1)
    kept = [number for number in range(len(edges) - 1) if np.sum(place == number) >= LIMIT_OBJECTS]
    middle = np.array([np.median(here[place == number]) for number in kept])
    found = {}
    for line in data.limit.lines:
        cut = np.quantile(line.values[no], 1 - max(rate, 1 / no.sum()), method="inverted_cdf")
        found[line.name] = middle, np.array([np.mean(line.values[place == number] > cut) for number in kept])
    return found


def _matched_filter(axes: Axes, rate: float, count: int, snr: np.ndarray) -> None:
    """Draw its completeness; where none of ``count`` noise objects is taken for a source, at the rate of one object."""
    shown = f"{100 * rate:.2g} %" if rate > 0 else f"none of {count}: at one"
    grid = np.geomspace(snr.min(), snr.max(), 200)
    limit = matched_filter.completeness(grid, min(max(rate, 1 / count), 1 - 1e-9))
    axes.plot(grid, limit, "--", color="black", lw=0.9, label=f"matched filter\n(false positives {shown})")
