"""A metric in use: numbers of small predictions, of one run as of many draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import stats

from skybake import metrics
from skybake.metrics import measuring
from skybake.plugins import PlugIn
from skybake.report.rows import FACTS
from skybake.results.distributions import Normal

OBJECTS, SEEDS, DRAWS, CLASSES = 60, 2, 3, 3
THRESHOLD = 0.3


def use(part: PlugIn) -> Iterator[str]:
    """Measure predictions of a few objects."""
    found = metrics.declared().get(part.name)
    if found is None:
        yield "its declaration cannot be read; expected the attributes of skybake.metrics.Metric"
        return
    others = {column for item in metrics.declared().values() if item is not found for column in item.columns}
    twice = [column for column in found.columns if column in others | set(FACTS)]
    if twice:
        yield f"comparison.csv has a column {', '.join(twice)} already; expected another name"
    if found.calibrated and not hasattr(stats, found.calibrated):
        yield f"calibrated: scipy.stats has no {found.calibrated!r}; expected the name of a distribution of it"
    if found.of in ("errors", "pit", "std"):
        yield from _reduces(found)
    else:
        yield from _of_objects(found)


def _reduces(found: metrics.Metric) -> Iterator[str]:
    """Reduce arrays of objects: all draws at once give what each gives alone."""
    rng = np.random.default_rng(4)
    function = measuring.of_errors(THRESHOLD)[found.name] if found.of == "errors" else found.function()
    values = rng.normal(0, 0.2, (DRAWS, OBJECTS)) if found.of == "errors" else rng.uniform(0.01, 0.99, (DRAWS, OBJECTS))
    together = np.asarray(function(values))
    if together.shape != (DRAWS,):
        yield (
            f"values {together.shape} of {DRAWS} draws found; expected ({DRAWS},): it reduces the last axis."
            " Hint: axis=-1"
        )
        return
    each = np.array([float(function(row)) for row in values])
    if not np.isfinite(each).all():
        yield f"{each.tolist()} found of ordinary numbers; expected finite ones"
    elif not np.allclose(together, each, rtol=1e-10, atol=0):
        yield f"{together.tolist()} of all draws at once, {each.tolist()} of each alone; expected the same"
    if found.of == "errors":
        values[0, 3] = np.nan
        if not np.isnan(function(values)[0]):
            yield "a number found where an error is NaN; expected NaN: a prediction that is no number must not vanish"
    if found.of != "errors" and found.interval:
        alone = function(values[..., None]).mean(axis=-1)
        if not np.allclose(alone, function(values), equal_nan=True):
            yield "interval found, though it is no mean over objects; expected interval=False"


def _of_objects(found: metrics.Metric) -> Iterator[str]:
    """Measure labels and what is predicted for them."""
    rng = np.random.default_rng(4)
    label: np.ndarray
    if found.of in metrics.OF_PARTS:
        label = seeds = rng.uniform(0, 1, OBJECTS).round()
        value = np.asarray(found.function()(label, *rng.uniform(0.1, 1, (2, OBJECTS))))
    elif found.of in metrics.OF_CLASSES:
        label = np.arange(OBJECTS) % CLASSES
        seeds = rng.dirichlet(np.ones(CLASSES), (SEEDS, OBJECTS))
        sets = seeds[0][:, None, :] > np.array([0.4, 0.1])[:, None]
        value = np.asarray(found.function()(label, sets if found.of == "sets" else seeds[0]))
    elif found.of == "intervals":
        label = seeds = rng.normal(14, 0.4, OBJECTS)
        ends = np.array([[-0.1, 0.1], [-0.2, 0.2]])
        value = np.asarray(found.function()(label, (label + rng.normal(0, 0.1, OBJECTS))[:, None, None] + ends))
    else:
        label = rng.normal(14, 0.4, OBJECTS)
        seeds = label + rng.normal(0, 0.2, (SEEDS, OBJECTS))
        of_distributions = found.of == "distributions"
        predicted = Normal(seeds[0], np.full(OBJECTS, 0.2)) if of_distributions else seeds
        value = np.asarray(found.function()(label, predicted))
    shape = (OBJECTS,) if found.of in ("distributions", "class_scores", *metrics.OF_REGIONS) else ()
    if value.shape != shape:
        yield f"{value.shape} found of {OBJECTS} objects; expected {shape or 'one number'}, as it is of {found.of}"
        return
    if not np.isfinite(value).all():
        yield f"{value.tolist()} found of ordinary predictions; expected finite numbers"
    if isinstance(found.interval, str):
        yield from _of_draws(found, label, seeds)


def _of_draws(found: metrics.Metric, label: np.ndarray, seeds: np.ndarray) -> Iterator[str]:
    """Compare the draw of every object once with the metric itself."""
    rows = np.tile(np.arange(OBJECTS), (DRAWS, 1))
    drawn = np.asarray(found.function(str(found.interval))(label, seeds)(rows))
    if found.of == "points":
        expected = float(found.function()(label, seeds))
    else:
        expected = float(found.function()(np.tile(label, SEEDS), seeds.reshape(-1, CLASSES)))
    if drawn.shape != (DRAWS,) or not np.allclose(drawn, expected, rtol=1e-8):
        yield (
            f"{found.interval}: {drawn.tolist()} found of draws that have each object once; expected ({DRAWS},) of"
            f" {expected:g}, the metric itself"
        )
