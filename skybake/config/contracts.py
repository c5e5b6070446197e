"""What is wrong with the file of a model, loss or baseline itself: told by the file's name, before any job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from skybake import limits
from skybake.config.messages import nearest, unknown_name
from skybake.plugins import TASKS, PlugIn, heads


def problems(part: PlugIn, known: Mapping[str, PlugIn]) -> Iterator[str]:
    """Find what a plug-in's file does not declare, or declares wrongly.

    Args:
        part: The plug-in.
        known: All plug-ins of its kind, by name.
    """
    for problem in limits.problems(part.parameters, part.limits):
        yield f"{part.file}: {problem}"
    parameters = {name for other in known.values() if other.module == part.module for name in other.parameters}
    for name in part.limits:
        if name not in parameters:
            yield f"{part.file}: LIMITS has {name!r}, which is no parameter.{nearest(name, sorted(parameters))}"
    if "head" in part.constants and part.constants["head"] not in heads():
        yield unknown_name(f"{part.file}: {part.name}", "head", part.constants["head"], heads())
    if not part.tasks and part.module.startswith("skybake.baselines."):
        yield f'{part.file}: TASKS is missing; expected some of {", ".join(TASKS)}, e.g. TASKS = ("regression",)'
    for task in part.tasks:
        if task not in TASKS:
            yield unknown_name(f"{part.file}: {part.name}", "task", task, TASKS)
