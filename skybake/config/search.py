"""Points of a search, drawn at random before any of them is trained; Optuna is imported where there is a search."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from skybake.config.blocks import Range, Search, Values
from skybake.config.combinations import as_word

TRIES = 20  # draws for each point that is wanted: few lists have fewer points than that


def draw(axes: Sequence[Values], search: Search) -> Iterator[tuple[Any, ...]]:
    """Yield different points of some axes, one value each; a list of fewer points than wanted gives those it has.

    The seed alone decides, with Optuna's random sampler: the same points are drawn whenever a config is read.

    Args:
        axes: Values that are tried, or ranges of numbers.
        search: How many points, and the seed.
    """
    if not axes:
        yield ()
        return
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=search.seed))
    distributions = {str(place): _distribution(values, optuna) for place, values in enumerate(axes)}
    seen: set[tuple[str, ...]] = set()
    for _ in range(TRIES * search.trials):
        drawn = study.ask(distributions).params
        values = tuple(_value(axis, drawn[str(place)]) for place, axis in enumerate(axes))
        words = tuple(map(as_word, values))
        if words not in seen:
            seen.add(words)
            yield values
        if len(seen) == search.trials:
            return


def _distribution(values: Values, optuna: Any) -> Any:
    if not isinstance(values, Range):
        return optuna.distributions.CategoricalDistribution(list(range(len(values))))
    whole = isinstance(values.low, int) and isinstance(values.high, int)
    kind = optuna.distributions.IntDistribution if whole else optuna.distributions.FloatDistribution
    return kind(values.low, values.high, log=values.log)


def _value(axis: Values, drawn: Any) -> Any:
    """Return a value as it stands in a point: of a list by its place, of a range with few digits, within its ends."""
    if not isinstance(axis, Range):
        return axis[drawn]
    if isinstance(drawn, int):
        return drawn
    digits = 2 - math.floor(math.log10(abs(drawn))) if drawn else 0
    return min(max(round(drawn, digits), axis.low), axis.high)
