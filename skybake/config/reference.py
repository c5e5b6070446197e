"""What a bake-off is compared with: the row that ``compare_with`` means on each dataset, and earlier results."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake import plugins
from skybake.config.blocks import CompareWith
from skybake.config.combinations import Chosen, Combination, chosen_part
from skybake.config.messages import unknown_name
from skybake.config.paths import expanded


def matching(given: CompareWith, jobs: Sequence[Combination]) -> list[Combination]:
    """Return the rows of one dataset that are meant.

    A name as tables have it (``huber-delta=0.3``) is preferred to one of the library (``huber``), which may be that of
    several rows.
    """
    models = _named(given.model, jobs, _model)
    losses = models if given.loss is None else _named(given.loss, models, _loss)
    return [job for job in losses if given.training in (None, job.bakeoff)]


def _model(job: Combination) -> Chosen | None:
    return job.model


def _loss(job: Combination) -> Chosen | None:
    return job.loss


def _named(
    choice: str | Mapping[str, Any], jobs: Sequence[Combination], part_of: Callable[[Combination], Chosen | None]
) -> list[Combination]:
    name, parts = _name(choice), [(job, part) for job in jobs if (part := part_of(job)) is not None]
    exact = [job for job, part in parts if part.name == name]
    return exact or [job for job, part in parts if part.part.name == name]


def _name(choice: str | Mapping[str, Any]) -> str:
    """Return how tables call what a config names; of what cannot be made, the words as they stand."""
    if isinstance(choice, str):
        return choice
    if len(choice) != 1:
        return str(dict(choice))
    known = {**plugins.in_room("baselines", "build"), **plugins.models(), **plugins.losses()}
    try:
        return chosen_part(choice, known).name
    except (KeyError, TypeError, ValueError):
        return str(dict(choice))


def problems(given: CompareWith | None, datasets: Mapping[str, Sequence[Combination]]) -> Iterator[str]:
    """Find that no row is meant, or several of one dataset.

    Args:
        given: ``compare_with``.
        datasets: Dataset -> its rows.
    """
    if given is None:
        return
    found = {name: matching(given, jobs) for name, jobs in datasets.items()}
    for name, rows in found.items():
        if len(rows) > 1:
            lines = "".join(f"\n    {_line(row)}" for row in rows)
            yield f"compare_with: {len(rows)} rows of {name} found; expected one. Write one of these:{lines}"
    if not any(found.values()):
        yield absent("compare_with", given, [job for jobs in datasets.values() for job in jobs])


def problems_of_results(given: Sequence[str], results: str) -> Iterator[str]:
    """Find folders that hold no earlier results.

    Args:
        given: ``compare_with_results``.
        results: Folder of the results of today.
    """
    for name in given:
        folder = Path(expanded(name))
        if folder.resolve() == Path(results).resolve():
            yield f"compare_with_results: {name!r} found, the results of this bake-off; expected earlier ones"
        elif not (folder / "comparison.csv").is_file():
            yield (
                f"compare_with_results: no comparison.csv found in {name!r}; expected the results folder of a bake-off"
                " that has ended"
            )


def _line(row: Combination) -> str:
    loss = f", loss: {row.loss.name}" if row.loss else ""
    return f"compare_with: {{model: {row.model.name}{loss}, training: {row.bakeoff}}}"


def absent(key: str, given: CompareWith, jobs: Sequence[Combination]) -> str:
    """Say which of the three is not there; where each is there, that no row has them together.

    Args:
        key: Of the config, that names a row.
        given: The row.
        jobs: All that there are.
    """
    models = _named(given.model, jobs, _model)
    if not models:
        names = dict.fromkeys(job.model.name for job in jobs)
        return unknown_name(f"{key}.model", "row of the model", _name(given.model), names)
    if given.loss is not None and not _named(given.loss, models, _loss):
        names = dict.fromkeys(job.loss.name for job in models if job.loss)
        kind = f"row of {_name(given.model)} with the loss"
        return unknown_name(f"{key}.loss", kind, _name(given.loss), names or ["none: it is a baseline"])
    names = dict.fromkeys(job.bakeoff for job in models)
    return unknown_name(f"{key}.training", f"row of {_name(given.model)} in the bake-off", given.training, names)
