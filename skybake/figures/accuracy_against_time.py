"""Accuracy against training time: what more computing buys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from skybake.figures import Comparison, _style

SCOPE = "comparison"
TASKS = ["regression", "classification"]
TITLE = "Accuracy against training time"
CAPTION = (
    "Standard deviation of the test errors, of classes the accuracy, with bootstrap intervals against the time of one"
    " training (mean over seeds, beside whatever else the machine did; of an ensemble all of its trainings). Colour is"
    " the model, the marker is the loss;"
    " black diamonds are baselines, the dotted line is the best of them. Lines of a limit: what the best possible"
    " prediction of simulated objects reaches."
)
SCORES = {  # task -> metric, how its axis is called, whether a higher one is better
    "regression": ("std_error", "standard deviation of error", False),
    "classification": ("accuracy", "accuracy", True),
}
MOST = 40  # networks; more points cannot be told apart
PLACES = ((5, 0, "left"), (-5, 0, "right"), (4, 6, "left"), (4, -6, "left"), (-4, 6, "right"), (-4, -6, "right"))


@_style.styled
def draw(data: Comparison) -> Figure:
    """Draw a point for each row that has a training time."""
    timed = [row for row in data.rows if row["train_seconds"] and row["train_seconds"] > 0]
    networks = [row for row in timed if not row["baseline"]][:MOST]
    baselines = [row for row in timed if row["baseline"]][:MOST]
    figure = _style.figure(_style.DOUBLE, 3.6, mock=data.mock)
    axes = figure.subplots()
    if not networks and not baselines:
        _style.say(axes, "no run has a training time")
        return figure
    score, says, rising = SCORES[data.task]
    colour = _style.colours([row["model"] for row in networks])
    marker = _style.markers([row["loss"] for row in networks])
    for row in networks:
        _point(axes, row, score, colour[row["model"]], marker[row["loss"]])
    for row in baselines:
        _point(axes, row, score, "black", "D")
    if baselines:
        best = (max if rising else min)(row[score] for row in baselines)
        axes.axhline(best, color=_style.GREY, lw=0.7, ls=":", zorder=0)
    for line, style in zip(data.limits, _style.LIMITS, strict=False):
        if told := line["values"].get(score):
            axes.axhline(told["value"], color="black", lw=0.9, ls=style, zorder=0)
    axes.set_xscale("log")
    axes.margins(x=0.08)
    axes.set_xlabel("training time [s]")
    axes.set_ylabel(_style.quantity(says, "" if "/" in data.error else data.units))
    axes.set_title(_title(data, sum(not row["baseline"] for row in timed)))
    _legend(figure, colour, marker, bool(baselines), [line["name"] for line in data.limits])
    _label(figure, axes, [*baselines, *_frontier(networks, score, rising=rising)], score)
    return figure


def _point(axes: Axes, row: Mapping[str, Any], score: str, colour: str, marker: str) -> None:
    x = row["train_seconds"]
    axes.plot([x, x], [row[f"{score}_low"], row[f"{score}_high"]], color=colour, lw=0.7, alpha=0.6)
    axes.plot(x, row[score], marker, color=colour, mec="white", mew=0.4, ms=5.5)


def _legend(
    figure: Figure, colour: Mapping[str, str], marker: Mapping[str, str], baselines: bool, limits: list[str]
) -> None:
    handles = [Line2D([], [], color=value, lw=3, label=name) for name, value in colour.items() if value != _style.GREY]
    if _style.GREY in colour.values():
        handles.append(Line2D([], [], color=_style.GREY, lw=3, label="other models"))
    shape: dict[str, Any] = {"color": _style.GREY, "ls": "", "mfc": "none"}
    handles += [Line2D([], [], marker=value, label=name, **shape) for name, value in marker.items() if value != "."]
    if "." in marker.values():
        handles.append(Line2D([], [], marker=".", label="other losses", **shape))
    if baselines:
        handles.append(Line2D([], [], color="black", marker="D", ls="", mec="white", label="baseline"))
    for name, style in zip(limits, _style.LIMITS, strict=False):
        handles.append(Line2D([], [], color="black", ls=style, lw=0.9, label=f"limit, {name}"))
    figure.legend(handles=handles, loc="outside right upper", fontsize=6.5)


def _title(data: Comparison, networks: int) -> str:
    chosen = f", the best {MOST} of {networks} networks by validation {data.choice}" if networks > MOST else ""
    return f"{data.dataset}: {100 * data.level:g} % intervals{chosen}"


def _frontier(rows: list[Mapping[str, Any]], score: str, *, rising: bool) -> list[Mapping[str, Any]]:
    """Return the rows than which none is both faster and more accurate."""

    def badness(row: Mapping[str, Any]) -> float:
        return -row[score] if rising else row[score]

    found: list[Mapping[str, Any]] = []
    for row in sorted(rows, key=lambda row: (row["train_seconds"], badness(row))):
        if not found or badness(row) < badness(found[-1]):
            found.append(row)
    return found


def _label(figure: Figure, axes: Axes, rows: list[Mapping[str, Any]], score: str) -> None:
    """Write names beside points where there is room; a name that would cover another is left to the legend."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # settles the layout, so that pixels can be compared
    renderer = canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    taken = [
        Bbox.from_bounds(x - 3, y - 3, 6, 6)
        for line in axes.lines
        if line.get_marker() not in ("None", None, "")
        for x, y in axes.transData.transform(line.get_xydata())
    ]
    for row in rows:
        name = _style.competitor(row["model"], row["loss"])
        for dx, dy, side in PLACES:
            text = axes.annotate(
                name,
                (row["train_seconds"], row[score]),
                (dx, dy),
                textcoords="offset points",
                ha=side,
                va="center",
                fontsize=6,
                bbox={"fc": "white", "ec": "none", "alpha": 0.8, "pad": 0.4},
            )
            text.set_in_layout(False)
            box = text.get_window_extent(renderer)
            if (
                frame.contains(*box.min)
                and frame.contains(*box.max)
                and not any(box.overlaps(other) for other in taken)
            ):
                taken.append(box)
                break
            text.remove()
