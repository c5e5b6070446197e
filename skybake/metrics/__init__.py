"""Metrics in numpy: one file per metric or close family; none imports a deep-learning framework.

A metric is a function of a file of this folder, marked with :func:`metric`, whose arguments declare it: they are the
attributes of :class:`Metric`, and are read without import. That is all: it is judged, stands in ``metrics.json`` and in
``comparison.csv``, and the pages show it. ``of`` says what its function is given, always of objects that have a label:

====================  ===================================  =============================================================
``of``                function                             returns
====================  ===================================  =============================================================
``errors``            ``f(errors)``, or with               (...) of errors (..., n): reduces the last axis, so that one
                      ``(errors, threshold)``              call serves thousands of draws; NaN if one is NaN. The
                                                           threshold is that of outliers
``points``            ``f(label, point)``                  a number, of labels (n,) and predictions (S, n) of S seeds
``pit``               ``f(pit)``                           (...) of the distributions' values (..., n) at the label
``std``               ``f(std)``                           (...) of predicted standard deviations (..., n)
``distributions``     ``f(label, distribution)``           (n,), of which the metric is the mean; the distribution is
                                                           one of :mod:`skybake.results.distributions`
``classes``           ``f(label, classes)``                a number, of class numbers (n,) and probabilities (n, K)
``class_scores``      ``f(label, classes)``                (n,), of which the metric is the mean
``intervals``         ``f(label, intervals)``              (n,), of which the metric is the mean, of conformal intervals
                                                           (n, 2, 2): at 68 and 95 %, low and high
``sets``              ``f(label, sets)``                   (n,), of which the metric is the mean, of class numbers and
                                                           whether a class is in a conformal set, (n, 2, K)
``parts``             ``f(error, epistemic, aleatoric)``   a number, of sizes of errors and of the parts of a mean's
                                                           uncertainty, (n,) each; NaN where a part is not predicted
``parts_of_classes``  as ``parts``                         a number; the error is 1 where the class is wrong, else 0
====================  ===================================  =============================================================

Files without such a function are what metrics are made of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from skybake import plugins

GIVEN = {
    "errors": ("errors",),
    "points": ("label", "point"),
    "pit": ("pit",),
    "std": ("std",),
    "distributions": ("label", "distribution"),
    "classes": ("label", "classes"),
    "class_scores": ("label", "classes"),
    "intervals": ("label", "intervals"),
    "sets": ("label", "sets"),
    "parts": ("error", "epistemic", "aleatoric"),
    "parts_of_classes": ("error", "epistemic", "aleatoric"),
}
"""What the function of a metric is given, by ``of``."""
OF_DISTRIBUTIONS, OF_CLASSES = ("pit", "std", "distributions"), ("classes", "class_scores", "sets", "parts_of_classes")
OF_REGIONS = ("intervals", "sets")  # conformal ones, which the validation part makes: of the test part alone
OF_PARTS = ("parts", "parts_of_classes")  # of means of several networks or passes alone
FIXED, SIGNED, PERCENT, BRIEF = FORMS = ("fixed", "signed", "percent", "brief")  # how a number is written
SHOWN = FIRST, FURTHER, NOWHERE = ("first", "further", "nowhere")
KINDS = FRACTION, SCALE, OTHER = ("fraction", "scale", "other")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Measured:
    """A metric and what it rests on.

    Attributes:
        value: In the units of the error it is made of; NaN where it is not defined.
        n: How many errors were used; objects without a label are left out.
    """

    value: float
    n: int


@dataclass(frozen=True)
class Metric:
    """What a metric's file declares of it.

    Attributes:
        name: Of its function, and of its column in ``comparison.csv``.
        of: What the function is given.
        head: Its heading in tables.
        said: Its explanation there.
        shown: Where it stands on the pages: among what is judged ``"first"``, ``"further"`` behind the training time,
            or ``"nowhere"``: then in ``comparison.csv`` alone.
        order: Its place among others, the smallest first.
        form: How its numbers are written: ``"fixed"`` decimals, ``"signed"``, in ``"percent"``, or ``"brief"``.
        decimals_of: The metric whose intervals tell how many decimals are written; by default its own.
        interval: Whether it has a bootstrap interval. Of ``points`` and ``classes`` the name of a function of the file,
            which is given labels (n,) and the predictions of all seeds, (S, n) or (S, n, K), and returns a function of
            drawn objects (D, n) that returns the metric of each draw (D,).
        kind: How an interval is made: of a ``"fraction"`` of the objects (of ``classes``, the mean of fractions of the
            classes), of a ``"scale"``, which is a width or a mean of scores and positive, or of any ``"other"`` number.
        in_bins: Whether it is told in bins of the label and of scalars too, for ``errors``, ``pit`` and
            ``distributions``.
        overall: Whether it is told of all objects; else in bins alone.
        per_seed: Whether it stands in the table of single seeds.
        over_seeds: Where its standard deviation over seeds stands: ``"csv"``, or ``"page"`` too.
        valid: Whether ``comparison.csv`` has its value on the validation part too.
        compared: Whether rows are compared by it in pairs, for ``errors`` and ``class_scores``; lower is better.
        headline: What it is called where the chosen row is told of first; empty where it is not.
        tex: Heading in the LaTeX table; empty where it does not stand there.
        tex_interval: Whether half the interval stands there too.
        relative: Whether the pages show it for relative errors alone, those of redshifts.
        calibrated: Name in ``scipy.stats`` of the distribution, with the number of objects as its parameter, that it
            has where predictions are calibrated: what they stay below, and the p value, are told too.
        module: Where the function is.
    """

    name: str
    of: str
    head: str
    said: str
    shown: str = FURTHER
    order: float = 1000
    form: str = FIXED
    decimals_of: str = ""
    interval: bool | str = False
    kind: str = OTHER
    in_bins: bool = False
    overall: bool = True
    per_seed: bool = False
    over_seeds: str = ""
    valid: bool = False
    compared: bool = False
    headline: str = ""
    tex: str = ""
    tex_interval: bool = False
    relative: bool = False
    calibrated: str = ""
    module: str = ""

    @property
    def task(self) -> str:
        """The task whose predictions it judges."""
        return "classification" if self.of in OF_CLASSES else "regression"

    @property
    def columns(self) -> tuple[str, ...]:
        """Its columns in ``comparison.csv``."""
        if not self.overall:
            return ()
        also = [
            *(("low", "high") if self.interval else ()),
            *(("critical", "p_value") if self.calibrated else ()),
            *(("over_seeds",) if self.over_seeds else ()),
        ]
        valid = (f"valid_{self.name}",) if self.valid else ()
        return (self.name, *(f"{self.name}_{end}" for end in also), *valid)

    def function(self, name: str = "") -> Callable[..., Any]:
        """Return its function, or another one of its file; the file is imported."""
        return getattr(plugins.metrics()[self.name].load(), name or self.name)


def metric(**declared: Any) -> Callable:
    """Mark a function as a metric.

    Args:
        **declared: The attributes of :class:`Metric` but ``name`` and ``module``, as literal values.
    """

    def mark(function: Callable) -> Callable:
        return function

    return mark


@cache
def declared() -> Mapping[str, Metric]:
    """Return the metrics by name, in their order; a file that cannot be read is left out with a warning."""
    found = []
    for name, part in plugins.metrics().items():
        facts = {key: value for key, value in part.constants.items() if key != "function"}
        faults = "; ".join(part.faults)
        try:
            made = None if faults else Metric(name=name, module=part.module, **facts)
        except TypeError as error:
            faults = str(error).removeprefix("Metric.__init__() ")
        if faults or made is None:
            log.warning("%s is left out: %s. Hint: python -m skybake check %s", part.file, faults, part.file)
        else:
            found.append(made)
    return {item.name: item for item in sorted(found, key=lambda item: (item.task, item.order, item.name))}


def of_task(task: str) -> list[Metric]:
    """Return the metrics of a task that are told of all objects, in their order."""
    return [item for item in declared().values() if item.task == task and item.overall]


def modules() -> list[str]:
    """Return the modules of all metrics."""
    return sorted({item.module for item in declared().values()})
