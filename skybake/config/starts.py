"""The trained networks that trainings start from: their files, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from skybake.config.combinations import Combination
from skybake.config.messages import near_files
from skybake.config.plan import Plan
from skybake.files import read_json

Job = tuple[str, str, str]  # dataset, model and loss, as paths have them


def problems(checked: Plan, raw_is_here: bool) -> Iterator[str]:
    """Find networks to start from that are not there, of another model, or not made before they are needed."""
    made = {file: job for job in checked.trainings if job.loss for file in _networks(checked, job)}
    needs: dict[Job, set[Job]] = {}
    for job, point, path in checked.starts():
        key = f"bakeoffs.{job.bakeoff}.training.start_from"
        told = checked.training_job(*_names(job), point)
        ours = {"library_model": told.library_model, "model_parameters": told.model_parameters}
        if path in made:
            needs.setdefault(_names(job), set()).add(_names(made[path]))
            theirs = checked.training_job(*_names(made[path])).model_dump() if not made[path].points else {}
            yield from _other_model(key, path, theirs, ours)
        elif Path(path).is_relative_to(checked.paths.results):
            yield (
                f"{key}: {path!r} is in the results folder of this config, which makes no such network; expected one of"
                f" its runs, e.g. {next(iter(made))!r}, or one of another results folder"
            )
        elif raw_is_here and not Path(path).is_file():
            yield f"{key}: no file {path!r}; expected a run's folder, or a .keras file.{near_files(Path(path))}"
        elif raw_is_here and path.endswith("/model.keras"):
            yield from _recorded(key, path, ours)
    yield from _circles(checked, needs)


def _names(job: Combination) -> Job:
    return job.dataset, job.model.name, job.loss_in_paths


def _networks(checked: Plan, job: Combination) -> list[str]:
    return [f"{folder}/model.keras" for folder in checked.run_folders(*_names(job)).values()]


def _recorded(key: str, path: str, ours: Mapping[str, Any]) -> Iterator[str]:
    record = Path(path).with_name("run.json")
    if record.is_file():
        try:
            theirs = read_json(record)
        except ValueError as error:
            yield f"{key}: {error}"
            return
        yield from _other_model(key, path, theirs, ours)


def _other_model(key: str, path: str, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> Iterator[str]:
    """Compare the model of a run with that which would start from it, by the names of ``run.json``."""
    found = {name: theirs.get(name, value) for name, value in ours.items()}
    if found != ours:
        said, wanted = (f"{each['library_model']} {each['model_parameters'] or ''}".strip() for each in (found, ours))
        yield (
            f"{key}: {path!r} is a network of the model {said}, and would start {wanted}; expected the same model with"
            " the same parameters. Hint: another model is trained in a bake-off of its own"
        )


def _circles(checked: Plan, needs: Mapping[Job, set[Job]]) -> Iterator[str]:
    """Find trainings that would wait for themselves."""
    for job in needs:
        todo, seen = list(needs[job]), set()
        while todo:
            other = todo.pop()
            if other not in seen:
                seen.add(other)
                todo += needs.get(other, ())
        if job in seen:
            yield (
                f"bakeoffs.{checked.job(*job).bakeoff}.training.start_from: {'/'.join(job)} would start from itself;"
                " expected a network that is trained before it"
            )
