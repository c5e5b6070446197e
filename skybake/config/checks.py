"""What types cannot say of a config: names that do not exist, parameters, missing files, what does not go together."""

from __future__ import annotations

import importlib
import itertools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from skybake import inputs, limits, plugins
from skybake.config import contracts
from skybake.config.applications import as_dataset, dataset_of, dataset_problems
from skybake.config.blocks import Bakeoff, Config, DatasetBlock, Figures, NewObjects, Range, Sweep, Values
from skybake.config.combinations import Chosen, as_word, chosen_part
from skybake.config.messages import near_files, nearest, unknown_name, validation_problems
from skybake.config.paths import expanded
from skybake.config.plan import Plan
from skybake.config.sources import task_of
from skybake.config.sweeps import SHARES, listed, with_training_values
from skybake.metrics import declared
from skybake.report.settings import COSTS
from skybake.training.settings import Training

UNSWEPT = ("backend", "threads", "device", "memory_limit_mb")  # how a network is computed, not what is trained
AS_TRAINED = ("label", "label_name", "transform", "task", "classes")  # options of a reader that say what is predicted


def find_problems(config: Config, raw_is_here: bool) -> Iterator[str]:
    """Find what types cannot say: names that do not exist, parameters, missing files, unsuitable losses."""
    surveys, simulators = plugins.in_room("raw", "read"), plugins.in_room("mock", "simulate")
    for name, dataset in config.datasets.items():
        key = f"datasets.{name}"
        yield from _named_problems("data/splits", dataset.split.strategy)
        yield from _derived_problems(key, dataset)
        if dataset.survey not in surveys:
            yield unknown_name(f"{key}.survey", "survey", dataset.survey, surveys)
            continue
        wrong = list(contracts.problems(surveys[dataset.survey], surveys))
        if dataset.mock is not None and dataset.survey in simulators:
            wrong += contracts.problems(simulators[dataset.survey], simulators)
        if wrong:
            yield from wrong
            continue
        archives = plugins.in_room("fetch", "archive_paths")
        if dataset.fetch is not None and dataset.survey not in archives:
            yield f"{key}.fetch: no archive is known for the survey {dataset.survey!r}; known: {', '.join(archives)}"
            continue
        fetched = {archives[dataset.survey].constants["FETCHED"]} if dataset.fetch else set()
        fetched |= set(dataset.download or ())
        for raw, wanted in (dataset.download or {}).items():
            if wanted.query and raw_is_here and not Path(expanded(wanted.query)).exists():
                yield f"{key}.download.{raw}.query: no file {expanded(wanted.query)!r}; expected a query in SQL"
        yield from _raw_problems(key, dataset, surveys[dataset.survey].load(), fetched, raw_is_here)
        yield from _option_problems(f"{key}.options", dataset.options, surveys[dataset.survey].module)
        if dataset.options.get("without_label", "reject") != "reject":
            yield (
                f"{key}.options.without_label: {dataset.options['without_label']!r} found; expected 'reject', since a"
                " dataset trains networks. Hint: objects without a label are for `apply`"
            )
        if dataset.mock is not None:
            if dataset.survey not in simulators:
                yield f"{key}.mock: the survey {dataset.survey!r} has no simulator; give its files under 'raw'"
            else:
                yield from _option_problems(f"{key}.mock", dataset.mock, simulators[dataset.survey].module)
    yield from dataset_problems(config.apply, config.datasets)
    for name, given in config.apply.items():
        like = dataset_of(given, config.datasets)
        if like in config.datasets:
            yield from _new_objects_problems(f"apply.{name}", given, config.datasets[like], raw_is_here)
    yield from _results_problems(config)
    for name, bakeoff in config.bakeoffs.items():
        yield from _bakeoff_problems(f"bakeoffs.{name}", bakeoff, config)
    yield from _display_problems(config)
    yield from _figure_problems(config.figures)
    yield from contracts.doubles(plugins.metrics())  # a row is judged by all of them


def _display_problems(config: Config) -> Iterator[str]:
    """Find names to show of what the config does not have; parameters may stand behind them, as in paths."""
    known = set(config.datasets)
    for bakeoff in config.bakeoffs.values():
        for given in (*bakeoff.models, *bakeoff.losses, *bakeoff.baselines):
            known |= {given} if isinstance(given, str) else set(given)
    for name in config.display:
        if re.split(r"-(?=\w+=)", name)[0] not in known:
            yield unknown_name("display", "model, loss, baseline or dataset", name, known)


def _results_problems(config: Config) -> Iterator[str]:
    """Find a folder of results within one of raw files: readers would look for images among the results."""
    results = Path(expanded(config.results)).resolve()
    blocks = {
        f"{kind}.{name}": block for kind in ("datasets", "apply") for name, block in getattr(config, kind).items()
    }
    for key, block in blocks.items():
        for name, given in (block.raw or {}).items():
            folder = Path(expanded(given)).resolve()
            if folder.is_dir() and results.is_relative_to(folder):
                yield f"results: {config.results!r} lies in {key}.raw.{name}, {given!r}; expected another folder"


def _new_objects_problems(key: str, given: NewObjects, like: DatasetBlock, raw_is_here: bool) -> Iterator[str]:
    """Find what is wrong with the files and options of new objects, as far as the dataset's own are right."""
    surveys, simulators = plugins.in_room("raw", "read"), plugins.in_room("mock", "simulate")
    if like.survey not in surveys or list(contracts.problems(surveys[like.survey], surveys)):
        return  # said already
    fixed = [name for name in AS_TRAINED if name in given.options and given.options[name] != like.options.get(name)]
    for name in fixed:
        yield (
            f"{key}.options.{name}: {given.options[name]!r} found; expected none, since what is predicted is"
            " what the network was trained on"
        )
    if "without_label" in given.options:
        yield f"{key}.options.without_label: expected `objects: all` or `objects: unlabelled` beside `options`"
    if fixed:
        return
    merged = as_dataset(given, like)
    yield from _raw_problems(key, merged, surveys[like.survey].load(), set(), raw_is_here)
    yield from _option_problems(f"{key}.options", merged.options, surveys[like.survey].module)
    if given.mock is not None:
        if like.survey not in simulators:
            yield f"{key}.mock: the survey {like.survey!r} has no simulator; give its files under 'raw'"
        else:
            yield from _option_problems(f"{key}.mock", given.mock, simulators[like.survey].module)


def _figure_problems(given: Figures) -> Iterator[str]:
    known, readable = plugins.in_room("figures", "draw"), plugins.figures()
    for scope in Figures.model_fields:
        suited = [name for name, part in readable.items() if part.constants["SCOPE"] == scope]
        chosen = getattr(given, scope)
        for place, name in enumerate(suited if chosen is None else chosen):
            if name in suited or (name in known and name not in readable):
                yield from contracts.problems(known[name], known)
            else:
                yield unknown_name(f"figures.{scope}[{place}]", "figure of this scope", name, suited)


def _derived_problems(key: str, dataset: DatasetBlock) -> Iterator[str]:
    """Find formulas that cannot be read; which scalars there are is known when the raw files are."""
    for name, formula in dataset.derived.items():
        try:
            inner = [raw for raw in inputs.read(formula).names if raw in dataset.derived]
        except inputs.InputError as error:
            yield f"{key}.derived.{name}: {error}"
            continue
        if inner:
            yield (
                f"{key}.derived.{name}: {formula!r} has {inner[0]!r}, which is derived itself; expected scalars of the"
                " dataset. Hint: write out its formula"
            )
    unused = list(dataset.derived)
    if unused and not set(unused) & set(dataset.inputs or ()):
        found = "no inputs" if dataset.inputs is None else f"inputs {dataset.inputs}"
        yield f"{key}.derived: {found} found; expected some of {', '.join(unused)} among them, or nobody sees them"


def _raw_problems(
    key: str, dataset: DatasetBlock, survey: ModuleType, fetched: set[str], raw_is_here: bool
) -> Iterator[str]:
    if dataset.raw is None:
        return
    expected, forms = survey.RAW, getattr(survey, "RAW_FORMS", None)
    for name in dataset.raw:
        if name not in expected:
            yield unknown_name(f"{key}.raw.{name}", "raw file", name, expected)
    if forms is not None:  # one of several sets of files, and perhaps some of the others
        either = [name for form in forms for name in form if name in dataset.raw]
        if not any(set(either) == set(form) for form in forms):
            wanted = ", or ".join(" and ".join(form) for form in forms)
            yield f"{key}.raw: {', '.join(either) or 'none'} found; expected {wanted}"
    for name, description in expected.items():
        if name not in dataset.raw:
            if forms is None:
                yield f"{key}.raw.{name}: missing; expected the path of the {description}"
        elif raw_is_here and name not in fetched and not (path := Path(expanded(dataset.raw[name]))).exists():
            yield f"{key}.raw.{name}: no file {str(path)!r}; expected the {description}.{near_files(path)}"


def _option_problems(key: str, given: Mapping[str, Any], module: str) -> Iterator[str]:
    options = importlib.import_module(module).Options
    try:
        options(**given)
    except ValidationError as error:
        yield from validation_problems(error, options, tuple(key.split(".")))


def _bakeoff_problems(key: str, bakeoff: Bakeoff, config: Config) -> Iterator[str]:
    losses = plugins.losses()
    yield from _choice_problems(f"{key}.models", "model", bakeoff.models, plugins.models())
    yield from _choice_problems(f"{key}.losses", "loss", bakeoff.losses, losses)
    for place, loss in enumerate(map(_name, bakeoff.losses)):
        if loss in losses and not losses[loss].constants.get("trains", True):
            yield f"{key}.losses[{place}]: the loss {loss!r} trains no network: it is for notebooks. Hint: leave it out"
    baselines = plugins.in_room("baselines", "build")
    yield from _choice_problems(f"{key}.baselines", "baseline", bakeoff.baselines, baselines)
    yield from _training_problems(bakeoff.training)
    if bakeoff.sweep is not None:
        yield from _sweep_problems(f"{key}.sweep", bakeoff, bakeoff.sweep)
    yield from _published_problems(f"{key}.published", bakeoff, config)
    folds = {name: config.datasets[name].split.divisions for name in bakeoff.datasets if name in config.datasets}
    if len(set(folds.values())) > 1:
        said = ", ".join(f"{count} of {name!r}" for name, count in folds.items())
        yield f"{key}.datasets: folds found: {said}; expected as many of each. Hint: a bake-off for each dataset"
    if bakeoff.mc_dropout and max(folds.values(), default=1) > 1:
        yield f"{key}.mc_dropout: {bakeoff.mc_dropout} found; expected none on datasets that are split into folds"
    surveys = plugins.in_room("raw", "read")
    for place, name in enumerate(bakeoff.datasets):
        if name not in config.datasets:
            yield unknown_name(f"{key}.datasets[{place}]", "dataset", name, config.datasets)
            continue
        survey = config.datasets[name].survey
        if survey not in surveys or "TASK" not in surveys[survey].constants:
            continue
        try:
            task = task_of(surveys[survey], config.datasets[name].options)
        except ValidationError:
            continue  # said already
        for room, kind, choices, parts in (
            ("losses", "loss", bakeoff.losses, losses),
            ("baselines", "baseline", bakeoff.baselines, baselines),
        ):
            suited = [item for item, part in parts.items() if task in part.tasks and part.constants.get("trains", True)]
            for index, choice in enumerate(map(_name, choices)):
                tasks = parts[choice].tasks if choice in parts else ()
                if task not in tasks and set(tasks) & set(plugins.TASKS):
                    yield (
                        f"{key}.{room}[{index}]: the {kind} {choice!r} is for {' or '.join(tasks)}, the dataset"
                        f" {name!r} is a {task}; allowed: {', '.join(suited)}.{nearest(choice, suited)}"
                    )


def _published_problems(key: str, bakeoff: Bakeoff, config: Config) -> Iterator[str]:
    """Find published rows of models, losses and metrics that the bake-off does not have."""
    if not bakeoff.published:
        return
    surveys = plugins.in_room("raw", "read")
    blocks = [config.datasets[name] for name in bakeoff.datasets if name in config.datasets]
    tasks = {surveys[block.survey].constants.get("TASK") for block in blocks if block.survey in surveys}
    metrics = [item.name for item in declared().values() if item.task in tasks and item.overall]
    for place, row in enumerate(bakeoff.published):
        here = f"{key}[{place}]"
        for kind, choice, choices, known in (
            ("model", row.model, bakeoff.models, plugins.models()),
            ("loss", row.loss, bakeoff.losses, plugins.losses()),
        ):
            if choice is None:
                continue
            wrong = list(_choice_problems(here, kind, [choice], known))
            if not wrong and chosen_part(choice, known) not in _parts(choices, known):
                names = [item.name for item in _parts(choices, known)]
                said = chosen_part(choice, known).name
                wrong = [f"{here}: no {kind} {said!r} in this bake-off; allowed: {', '.join(names)}."]
            yield from (
                problem.replace(f"{here}[0]", f"{here}.{kind}").replace(f"{here}:", f"{here}.{kind}:")
                for problem in wrong
            )
        for metric in row.values:
            if tasks and metric not in (*metrics, *COSTS):
                yield unknown_name(f"{here}.values", "metric", metric, [*metrics, *COSTS])


def _parts(choices: list, known: Mapping[str, plugins.PlugIn]) -> list[Chosen]:
    """Return the choices that can be read."""
    return [chosen_part(choice, known) for choice in choices if not list(_choice_problems("", "", [choice], known))]


def _training_problems(training: Training) -> Iterator[str]:
    """Find what is wrong with the files that a training names."""
    yield from _named_problems("training/images", training.images.name)
    yield from _named_problems("training/schedules", training.schedule.name)


def _named_problems(room: str, name: str) -> Iterator[str]:
    known = contracts.known_in(room)
    yield from contracts.problems(known[name], known)


def _sweep_problems(key: str, bakeoff: Bakeoff, sweep: Sweep) -> Iterator[str]:
    """Find what a sweep cannot vary: what the bake-off does not have, unknown keys, values of the wrong kind."""
    found = False
    for room, choices, swept, known in (
        ("models", bakeoff.models, sweep.models, plugins.models()),
        ("losses", bakeoff.losses, sweep.losses, plugins.losses()),
    ):
        names = [_name(choice) for choice in choices]
        for name, parameters in swept.items():
            here = f"{key}.{room}.{name}"
            if name not in names or name not in known:
                yield f"{here}: not among the {room} of this bake-off: {', '.join(names)}.{nearest(name, names)}"
                continue
            for parameter, values in parameters.items():
                found = True
                fixed = [
                    choice
                    for choice in choices
                    if not isinstance(choice, str) and parameter in (choice.get(name) or {})
                ]
                if fixed:
                    yield f"{here}.{parameter}: swept here and given under {room} too; leave one of them out"
                yield from _values_problems(f"{here}.{parameter}", values, sweep)
                for place, value in enumerate(listed(values)):
                    if value is None and known[name].parameters.get(parameter) is not None:
                        yield f"{here}.{parameter}[{place}]: None found; expected a value"
                    problems = _choice_problems(
                        f"{here}.{parameter}[{place}]", room, [{name: {parameter: value}}], known
                    )
                    yield from (problem.replace(f"[0].{name}.{parameter}", "") for problem in problems)
    for name, values in sweep.training.items():
        found = True
        here = f"{key}.training.{name}"
        if name in UNSWEPT:
            yield f"{here}: cannot be swept; it is the same for the whole bake-off"
            continue
        yield from _values_problems(here, values, sweep)
        for place, value in enumerate(listed(values)):
            try:
                yield from _training_problems(with_training_values(bakeoff.training, {name: value}))
            except ValidationError as error:
                for problem in validation_problems(error, Training):
                    yield f"{here}[{place}]: {value!r} found; {problem}"
    if sweep.search is not None and sweep.search.halving:
        if "epochs" in sweep.training:
            yield f"{key}.training.epochs: swept here and set by search.halving; leave one of them out"
        if bakeoff.training.epochs < SHARES[0]:
            said = f"{bakeoff.training.epochs} epochs found; expected at least {SHARES[0]}"
            yield f"{key}.search.halving: {said}, since the first rung has a ninth of them"
    yield from _together_problems(f"{key}.training", bakeoff.training, sweep.training)
    if not found:
        yield f"{key}: nothing is swept; expected values under models, losses or training"


def _together_problems(key: str, training: Training, swept: Mapping[str, Values]) -> Iterator[str]:
    """Find swept values of a training block that are right alone and wrong together, e.g. sgd with an epsilon."""
    for values in itertools.product(*map(listed, swept.values())) if len(swept) > 1 else ():
        try:
            for name, value in zip(swept, values, strict=True):
                with_training_values(training, {name: value})
        except ValidationError:
            return  # said already
        try:
            with_training_values(training, dict(zip(swept, values, strict=True)))
        except ValidationError as error:
            said = ", ".join(f"{name}={as_word(value)}" for name, value in zip(swept, values, strict=True))
            yield from (f"{key}: {said} do not go together; {item}" for item in validation_problems(error, Training))
            return


def _values_problems(key: str, values: Values, sweep: Sweep) -> Iterator[str]:
    if isinstance(values, Range):
        if sweep.search is None:
            yield f"{key}: a range found; expected a list of values. Hint: `sweep.search` draws from ranges"
        return
    words = [as_word(value) for value in values]
    repeated = [value for value, word in zip(values, words, strict=True) if words.count(word) > 1]
    if not values:
        yield f"{key}: no value found; expected a list of values to try"
    elif repeated:
        yield f"{key}: {repeated[0]!r} stands twice; every value is one training"


def _name(choice: str | Mapping[str, Any]) -> str:
    return choice if isinstance(choice, str) else next(iter(choice), "")


def _choice_problems(key: str, kind: str, choices: list, known: Mapping[str, plugins.PlugIn]) -> Iterator[str]:
    for place, choice in enumerate(choices):
        here = f"{key}[{place}]"
        if not isinstance(choice, str) and len(choice) != 1:
            yield f"{here}: {choice!r} found; expected one name with its parameters"
            continue
        name, given = (choice, {}) if isinstance(choice, str) else next(iter(choice.items()))
        if name not in known:
            yield unknown_name(here, kind, name, known) + contracts.unread(known)
            continue
        wrong = list(contracts.problems(known[name], known))
        yield from wrong
        for parameter, value in () if wrong else (given or {}).items():
            defaults, limit = known[name].parameters, known[name].limits
            if parameter not in defaults:
                yield unknown_name(f"{here}.{name}.{parameter}", "parameter", parameter, defaults or ["none"])
                continue
            if known is plugins.losses() and parameter in plugins.UNITS:
                yield f"{here}.{name}.{parameter}: {value!r} found; expected none: the bake-off sets it by the label"
                continue
            if value is None:
                continue  # the default
            try:
                limits.canonical(value, defaults[parameter], limit[parameter])
            except ValueError as error:
                hint = nearest(value, limit[parameter].get("one_of", ()))
                yield f"{here}.{name}.{parameter}: {value!r} found; expected {error}.{hint}"


def head_problems(checked: Plan) -> Iterator[str]:
    """Find parameters of losses that are of the right kind and make no sense, e.g. bins from 1 to 0."""
    from skybake import heads  # numpy and h5py, which only a loss with parameters needs

    said = set()
    for job in checked.combinations:
        for loss in (job.loss, *(point.loss for point in job.points)):
            if loss is None or not loss.parameters:
                continue
            try:
                heads.check(loss.part.name, loss.parameters)
            except (TypeError, ValueError) as error:
                problem = f"bakeoffs.{job.bakeoff}.losses: {loss.part.name}: {error}"
                if problem not in said:
                    said.add(problem)
                    yield problem


def find_clashes(checked: Plan) -> Iterator[str]:
    """Find two jobs that would write the same files, and inputs that give the answer away."""
    seen: dict[tuple[str, str, str], str] = {}
    trained: dict[tuple[str, str, str, str], str] = {}
    for job in checked.combinations:
        place = (job.dataset, job.model.name, job.loss_in_paths)
        points = [point.name for point in job.points]
        if len(set(points)) < len(points):
            twice = next(name for name in points if points.count(name) > 1)
            yield f"bakeoffs.{job.bakeoff}.sweep: the point {twice!r} stands twice; every point is one training"
        if place in seen:
            yield (
                f"bakeoffs.{job.bakeoff}: {job.model.name} with {job.loss_name} on {job.dataset} stands in"
                f" bakeoffs.{seen[place]} already; every combination is trained once"
            )
        seen[place] = job.bakeoff
        if job.loss is not None:
            bakeoff = checked.config.bakeoffs[job.bakeoff]
            way = f"{bakeoff.training.model_dump_json()} {bakeoff.sweep}"
            other = trained.setdefault((job.dataset, job.model.name, job.loss_name, way), job.bakeoff)
            if other != job.bakeoff:
                yield (
                    f"bakeoffs.{job.bakeoff}: {job.model.name} with {job.loss_name} on {job.dataset} stands in"
                    f" bakeoffs.{other} already, with the same training; every combination is trained once."
                    f" Hint: another bakeoffs.{job.bakeoff}.training makes it a row of its own"
                )
    for dataset in checked.datasets():
        label = checked.label(dataset)
        needed = {f"derived.{name}": inputs.read(formula).names for name, formula in checked.derived(dataset).items()}
        for key, names in {"inputs": checked.inputs(dataset), **needed}.items():
            if label in names:
                yield f"datasets.{dataset}.{key}: {label!r} is the label; a model that sees it has nothing to learn"
        for job in checked.select(dataset=dataset):
            if job.model.part.constants.get("NEEDS_SCALARS") and not checked.inputs(dataset):
                yield (
                    f"bakeoffs.{job.bakeoff}: {job.model.part.name!r} needs input scalars of {dataset!r}; found none."
                    f" Hint: datasets.{dataset}.inputs: [...], e.g. the magnitudes of its catalogue"
                )
            for scalar in job.model.part.constants.get("NEEDS", ()):
                if scalar not in checked.inputs(dataset):
                    yield (
                        f"bakeoffs.{job.bakeoff}.baselines: {job.model.part.name!r} needs the scalar {scalar!r} of"
                        f" {dataset!r}; found inputs {list(checked.inputs(dataset))}."
                        f" Hint: datasets.{dataset}.inputs: [{scalar}]"
                    )
