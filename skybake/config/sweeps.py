"""The points of a sweep."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from skybake import limits
from skybake.config.blocks import Bakeoff, Range, Sweep, Values
from skybake.config.combinations import Chosen, SweepPoint
from skybake.config.search import draw
from skybake.settings import Settings
from skybake.training.settings import Training

SHARES = (9, 3, 1)  # of the epochs, on the rungs of successive halving: a third of the trials goes on from each


def sweep_points(bakeoff: Bakeoff, model: Chosen, loss: Chosen) -> Iterator[SweepPoint]:
    """Yield all points of a model with a loss, in the config's order; of a sweep of others, the one that is given."""
    if bakeoff.sweep is None:
        return
    axes = list(_axes(bakeoff, bakeoff.sweep, model, loss))
    shorts = [key.rsplit(".", 1)[-1] for _, key, _ in axes]
    names = [
        f"{room}.{key}" if shorts.count(short) > 1 else short
        for (room, key, _), short in zip(axes, shorts, strict=True)
    ]
    swept, search = [values for _, _, values in axes], bakeoff.sweep.search
    drawn = itertools.product(*(listed(values) for values in swept)) if search is None else draw(swept, search)
    for values in drawn:
        given: dict[str, dict[str, Any]] = {"model": {}, "loss": {}, "training": {}}
        for (room, key, _), value in zip(axes, values, strict=True):
            given[room][key] = value
        point = SweepPoint(
            values=dict(zip(names, values, strict=True)),
            model=with_values(model, given["model"]),
            loss=with_values(loss, given["loss"]),
            training=with_training_values(bakeoff.training, given["training"]),
        )
        yield from _rungs(point) if search is not None and search.halving and axes else (point,)


def _rungs(trial: SweepPoint) -> Iterator[SweepPoint]:
    """Yield the points of a trial of successive halving: with some of its epochs, more of them, and all."""
    for rung, share in enumerate(SHARES, start=1):
        epochs = trial.training.epochs // share
        training = with_training_values(trial.training, {"epochs": epochs})
        yield replace(trial, values={**trial.values, "epochs": epochs}, training=training, trial=trial.name, rung=rung)


def listed(values: Values) -> list[Any]:
    """Return the values themselves; of a range, its ends."""
    return [values.low, values.high] if isinstance(values, Range) else values


def _each(values: Values, read: Callable[[Any], Any]) -> Values:
    """Return values as they are read: those of a list, or the ends of a range."""
    if isinstance(values, Range):
        return values.model_copy(update={"low": read(values.low), "high": read(values.high)})
    return [read(value) for value in values]


def _axes(bakeoff: Bakeoff, sweep: Sweep, model: Chosen, loss: Chosen) -> Iterator[tuple[str, str, Values]]:
    """Yield what is swept of a model with a loss: room, key and values."""
    for room, chosen, swept in (("model", model, sweep.models), ("loss", loss, sweep.losses)):
        for key, values in swept.get(chosen.part.name, {}).items():
            default, limit = chosen.part.parameters[key], chosen.part.limits[key]
            yield room, key, _each(values, partial(limits.canonical, default=default, limit=limit))
    for key, values in sweep.training.items():
        yield "training", key, _each(values, partial(_as_read, bakeoff.training, key))


def _as_read(training: Training, key: str, value: Any) -> Any:
    """Return a value of a training block as the block reads it: YAML takes 1e-3 for a text."""
    read: Any = with_training_values(training, {key: value})
    for step in key.split("."):
        read = getattr(read, step)
    return value if isinstance(read, Settings) else read


def with_values(chosen: Chosen, values: Mapping[str, Any]) -> Chosen:
    """Return a part with some parameters set."""
    defaults, together = chosen.part.parameters, {**chosen.parameters, **values}
    return Chosen(chosen.part, {key: value for key, value in together.items() if value != defaults[key]})


def with_training_values(training: Training, values: Mapping[str, Any]) -> Training:
    """Return a training block with some values set; a key with a dot is one of a block inside.

    Raises:
        ValidationError: A key or value that a training block cannot have.
    """
    given = training.model_dump()
    for key, value in sorted(values.items(), key=lambda item: item[0].count(".")):  # a block before what it holds
        block, *inner = key.split(".", 1)
        if inner:
            whole = given.get(block)
            named = {"name": whole} if isinstance(whole, str) else whole if isinstance(whole, Mapping) else {}
            given[block] = {**named, inner[0]: value}
        else:
            given[key] = value
    return Training(**given)
