"""The one style of all figures: widths of a journal's columns, print-size fonts, colours that all readers can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps

from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SINGLE, DOUBLE = 3.4, 7.0  # inches: one and two columns
COLUMN_CHARACTERS = 42  # of a title across one column
# Okabe & Ito (2008), https://jfly.uni-koeln.de/color/, without its yellow, which is too light on white,
# and its black, which marks baselines.
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "v", "P", "X", "*", "<", ">")
LIMITS = ("--", ":", "-.")  # of lines of a limit, in black
ORDERED = "viridis"
GREY = "#666666"
PALE = "#d4d4d4"
BASELINE = "baseline"  # what the loss column holds where there is no loss

_RC = {
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same on every machine
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-4, 5),
    "axes.formatter.use_mathtext": True,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "image.cmap": ORDERED,
    "pdf.fonttype": 42,  # text in a PDF stays text
    "svg.hashsalt": "skybake",
    "savefig.facecolor": "white",
    "figure.facecolor": "white",
}


def context() -> AbstractContextManager:
    """Return the context in which figures are made and written, whatever the user's own settings are."""
    return style.context(["default", _RC])


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw in the style."""

    @wraps(draw)
    def drawn(*arguments, **keywords) -> Figure:
        with context():
            return draw(*arguments, **keywords)

    return drawn


def figure(width: float, height: float, *, mock: bool) -> Figure:
    """Return an empty figure, sizes in inches; one of simulated objects says so in its corner."""
    made = Figure(figsize=(width, height), layout="constrained")
    if mock:
        made.supxlabel("mock data: simulated objects", x=0.99, ha="right", fontsize=6, style="italic", color=GREY)
    return made


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each distinct name, in order; grey for those beyond the palette."""
    return _assigned(names, PALETTE, GREY)


def markers(names: Sequence[str]) -> dict[str, str]:
    """Return a marker for each distinct name, in order; a point for those beyond the choice."""
    return _assigned(names, MARKERS, ".")


def _assigned(names: Sequence[str], choices: Sequence[str], other: str) -> dict[str, str]:
    distinct = dict.fromkeys(names)
    return dict(zip(distinct, [*choices, *[other] * len(distinct)], strict=False))


def quantity(name: str, units: str) -> str:
    """Return an axis label: the name with its units."""
    return f"{name} [{units}]" if units else name


def competitor(model: str, loss: str) -> str:
    """Return how a model with a loss is called; a baseline has none."""
    return model if loss == BASELINE else f"{model}, {loss}"


def title(model: str, loss: str) -> str:
    """Return the name of a model with a loss, on two lines where one is wider than a column."""
    name = competitor(model, loss)
    return name.replace(", ", ",\n") if len(name) > COLUMN_CHARACTERS else name


def shortened(text: str, most: int) -> str:
    """Return a text of at most so many characters; of a longer one both ends, since ids differ at theirs."""
    if len(text) <= most:
        return text
    tail = (most - 1) // 2
    return f"{text[: most - 1 - tail]}\N{HORIZONTAL ELLIPSIS}{text[len(text) - tail :]}"


def say(axes: Axes, text: str) -> None:
    """Say in an empty panel why there is nothing to see."""
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", color=GREY, wrap=True, transform=axes.transAxes)
