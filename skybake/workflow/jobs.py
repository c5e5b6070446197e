"""What a job asks for: memory, run time, a GPU, and the folders that its container must see.

Every bake-off has training rules of its own, so a profile cannot name them; what it gives under
``set-resources: train`` goes to all of them (see ``profiles/slurm``).
"""

from __future__ import annotations

import itertools
import math
import os
import re
import shlex
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake import attempts
from skybake.workflow import gpu_requests

# Of steps; envs/ and containers/ have one of each.
ENVIRONMENTS = ("data", "mock", "train-cpu", "train-gpu", "report")
TRAINING_MB = {"train-cpu": 2500, "train-gpu": 4000}  # beside the data: CUDA takes its part of the host's memory
PROGRAMS = Path(__file__).parent / "bin"
# Of an attempt that only says what the one before it said; the warning ahead of its time limit (--signal=TERM@90, up to
# a minute early) must not end it first.
HOPELESS_MB, HOPELESS_MINUTES = 1000, 5
HOPELESS = {"mem_mb": HOPELESS_MB, "runtime": HOPELESS_MINUTES, "gpu": 0}
TRAININGS = "train"  # under this name a profile sets the resources of all trainings
DOCTORED = frozenset(("backend", "device", "precision", "threads"))  # settings of a training that matter to a site


def memory(
    base: int,
    per_input: float = 0,
    in_part: Sequence[str] = (),
    at_most: float = math.inf,
    per_process: int = 0,
) -> Callable[..., int]:
    """Return a rule's ``mem_mb``: ``base`` MB and a multiple of the input's size, twice as much for want of memory.

    An attempt gets more where one before it ran out of memory (:mod:`skybake.attempts`), and the least where
    none can pass.

    Args:
        base, per_input: In MB, and MB for each MB of input.
        in_part: Names of inputs that are never read whole, whose size does not count.
        at_most: MB beside ``base``, however large the input: what does not fit is read from disk.
        per_process: MB for each of the rule's threads, where these are processes.
    """

    def mem_mb(wildcards, input, attempt, threads=1, rulename=""):
        lacked = _lacked(attempts.MEMORY, rulename, wildcards, attempt)
        if lacked is None:
            return HOPELESS_MB
        # Sizes are told by Snakemake: files that it will stage are not here yet.
        sizes = dict(zip(map(str, input), input.size_files_mb, strict=True)) if in_part else {}
        size = input.size_mb - sum(sizes[str(input[name])] for name in in_part)
        return 2**lacked * (base + per_process * threads + int(min(per_input * size, at_most)))

    return mem_mb


def minutes(limit: int) -> Callable[..., int]:
    """Return a rule's ``runtime``: so many minutes, and twice as many where an attempt ran into its time limit."""

    def runtime(wildcards, attempt, rulename=""):
        lacked = _lacked(attempts.TIME, rulename, wildcards, attempt)
        return HOPELESS_MINUTES if lacked is None else 2**lacked * limit

    return runtime


def _lacked(what: str, rule: str, wildcards: Mapping[str, Any], attempt: int) -> int | None:
    """Return how many attempts at a job failed for want of something; None where no attempt can pass."""
    if attempt == 1:
        return 0
    record = attempts.record_of(rule, dict(wildcards))
    return None if attempts.is_hopeless(record) else attempts.lacked(record, what)


def shared_by_trainings(
    given: Mapping[str, Any], defaults: Mapping[str, Any], devices: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a profile sets for each rule, with what it gives ``train`` handed to every training rule.

    Args:
        given: Rule -> resource -> value, as Snakemake read it.
        defaults: Resource -> value, of every rule.
        devices: Bake-off -> device, as the config says; no GPU is asked for to train on ``"cpu"``.
    """
    from snakemake.resources import Resources  # here, since jobs read this file where no Snakemake is

    found = {}
    for bakeoff, device in devices.items():
        for rule in _training_rules(bakeoff):
            resources = {**_resources(given.get(TRAININGS)), **_resources(given.get(rule))}
            if device == "cpu":
                resources |= _without_gpu({**_resources(defaults), **resources})
            resources = {name: _by_attempt(item, name, defaults) for name, item in resources.items()}
            if resources:
                found[rule] = Resources(resources)
    return {**given, **found}


def shared_by_doctors(given: Mapping[str, Any], bakeoffs: Iterable[str]) -> dict[str, Any]:
    """Return what a profile sets for each rule, with what a training has handed to the doctor's job of its bake-off.

    Time and memory are left out, since that job is short.
    """
    return _handed(given, {f"doctor_train_{bakeoff}": bakeoff for bakeoff in bakeoffs})


def shared_by_applications(given: Mapping[str, Any], bakeoffs: Mapping[str, str]) -> dict[str, Any]:
    """Return what a profile sets for each rule, with what a training has handed to the jobs that apply its network.

    Time and memory are left out, which are the rules' own.

    Args:
        given: Rule -> resource -> value, from :func:`shared_by_trainings`.
        bakeoffs: Application -> bake-off whose trainings its jobs are like.
    """
    return _handed(
        given, {f"{rule}_{name}": bakeoff for name, bakeoff in bakeoffs.items() for rule in ("sample", "predict")}
    )


def applied_as(
    given: Mapping[str, Any], defaults: Mapping[str, Any], bakeoffs: Sequence[str], devices: Mapping[str, str]
) -> str:
    """Return the bake-off, of those whose networks may be applied, as which a job runs: one with a GPU if any has it.

    Args:
        given: Rule -> resource -> value, from :func:`shared_by_trainings`.
        defaults: Resource -> value, of every rule.
        bakeoffs: Their names.
        devices: Bake-off -> device, as the config says.
    """
    return max(bakeoffs, key=lambda name: environment(given, defaults, name, devices[name]) == "train-gpu")


def _handed(given: Mapping[str, Any], rules: Mapping[str, str]) -> dict[str, Any]:
    """Return what is set for each rule, with all of a training but time and memory for some: rule -> bake-off."""
    found = {}
    for rule, bakeoff in rules.items():
        if shared := given.get(f"train_{bakeoff}"):
            kept = {
                name: value for name, value in shared.items() if name not in ("runtime", "mem_mb", "mem_mb_per_cpu")
            }
            found[rule] = type(shared)({**kept, **dict(given.get(rule, {}).items())})
    return {**given, **found}


def train_differently(given: Mapping[str, Any], bakeoffs: Mapping[str, Any]) -> list[str]:
    """Return the bake-offs that differ in what their trainings ask a site for: the first of those that are alike."""
    kinds: dict[tuple[str, str], str] = {}
    for name, bakeoff in bakeoffs.items():
        asked = {key: str(getattr(value, "raw", value)) for key, value in given.get(f"train_{name}", {}).items()}
        kinds.setdefault((bakeoff.training.model_dump_json(include=DOCTORED), str(sorted(asked.items()))), name)
    return list(kinds.values())


def environment(given: Mapping[str, Any], defaults: Mapping[str, Any], bakeoff: str, device: str) -> str:
    """Return the kind of environment that a bake-off trains in: ``"train-gpu"`` or ``"train-cpu"``.

    Args:
        given: Rule -> resource -> value, from :func:`shared_by_trainings`.
        defaults: Resource -> value, of every rule.
        bakeoff: Its name.
        device: As the config says.
    """
    if device in ("cpu", "gpu"):
        return f"train-{device}"
    asked = [asked_gpu(first_values({**defaults, **given.get(rule, {})})) for rule in _training_rules(bakeoff)]
    return "train-gpu" if any(asked) else "train-cpu"


def asked_gpu(resources: Mapping[str, Any]) -> str:
    """Say how a job asked for a GPU, e.g. ``"gres=gpu:1"``; empty where it did not."""
    return ", ".join(gpu_requests.asked(resources))


class Expression(str):
    """A value that only a job knows, as it stands in the profile, without its quotes."""


def first_values(resources: Mapping[str, Any], names: Iterable[str] = gpu_requests.RESOURCES) -> dict[str, Any]:
    """Return resources as the first attempt of a job has them; what depends on more is an :class:`Expression`."""
    return {name: _first_value(resources[name]) for name in names if name in resources}


def _first_value(resource: Any) -> Any:
    if not hasattr(resource, "evaluate"):
        return resource
    job: dict[str, Any] = {
        "wildcards": None,
        "input": [],
        "attempt": 1,
        "threads": 1,
        "rulename": "",
        "async_run": None,
    }
    try:
        return resource.evaluate(**job).value
    except Exception:  # whatever an expression of a profile may raise
        return Expression(re.sub("['\"]", " ", str(resource.raw)))


def rules_for_trainings(bakeoffs: Iterable[str]) -> list[str]:
    """Return the rules that get what a profile gives ``train``, whether or not a config makes them."""
    return [rule for name in bakeoffs for rule in (*_training_rules(name), f"doctor_train_{name}")]


def _training_rules(bakeoff: str) -> tuple[str, ...]:
    return (f"train_{bakeoff}", f"train_point_{bakeoff}", f"test_chosen_{bakeoff}")


def _resources(given: Any) -> dict[str, Any]:
    from snakemake.resources import Resources

    return dict(Resources.from_mapping(given or {}).items())


def _by_attempt(given: Any, name: str, defaults: Mapping[str, Any]) -> Any:
    """Return a resource of a profile that sees as ``attempt`` 1 more than the attempts that lacked what it gives.

    Where no attempt can pass, a job asks for what any job does, in the partition of any job, and for no GPU.
    """
    from snakemake.resources import Resource

    item = given if isinstance(given, Resource) else Resource(name, given)
    what = {"runtime": attempts.TIME}.get(name, attempts.MEMORY)

    def value(wildcards, input, attempt, threads=1, rulename="", async_run=None):
        job = {"wildcards": wildcards, "input": input, "threads": threads, "rulename": rulename, "async_run": async_run}
        lacked = _lacked(what, rulename, wildcards, attempt)
        if lacked is not None:
            return item.evaluate(attempt=1 + lacked, **job).value
        if name in HOPELESS:
            return HOPELESS[name]
        usual = _resources(defaults).get(name)
        found = usual.evaluate(attempt=1, **job).value if isinstance(usual, Resource) else usual
        return gpu_requests.without(found or "") if name == "slurm_extra" else found

    return Resource(name, value, raw=item.raw)


def _without_gpu(resources: Mapping[str, Any]) -> dict[str, Any]:
    """Return the resources that must change for a job to ask for no GPU."""
    from snakemake.resources import Resource

    found, values = {}, first_values(resources)
    for name in ("gpu", "gpu_model", "gres"):
        if gpu_requests.asked({name: values.get(name)}):
            found[name] = Resource(name, 0 if name == "gpu" else None)
    extra = resources.get("slurm_extra")
    if extra is not None:  # an expression stays one: its value is changed in each job

        def stripped(*known, **named):
            return gpu_requests.without(extra.evaluate(*known, **named).value or "")

        found["slurm_extra"] = Resource("slurm_extra", stripped, raw=extra.raw)
    return found


def asked_of_this_job(words: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """Return rule and wildcards of each step that Snakemake's command names, as it starts itself in a job; else none.

    Args:
        words: Of the command, ``--target-jobs RULE:NAME=VALUE,... ...`` among them.
    """
    from snakemake.target_jobs import parse_target_jobs_cli_args

    after = itertools.dropwhile(lambda word: word != "--target-jobs", words)
    named = itertools.takewhile(lambda word: not word.startswith("--"), itertools.islice(after, 1, None))
    return [(spec.rulename, dict(spec.wildcards_dict)) for spec in parse_target_jobs_cli_args(list(named)) or ()]


def wait_to_submit() -> None:
    """Let Snakemake's ``sbatch`` be the one that waits for a place in the queue: ``skybake/workflow/bin/sbatch``."""
    os.environ["SKYBAKE_MAIN"] = str(os.getpid())
    if shutil.which("sbatch") and str(PROGRAMS) not in os.environ["PATH"].split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])


def without_blank(path: str, needed: bool = True) -> str:
    """Return a path that Snakemake can start something from, which it cannot where there is a blank in it.

    Args:
        path: Of a program or of images; where it has a blank, it is given as seen from the working directory.
        needed: Whether anything is started from it; else any text does.

    Raises:
        ValueError: It is needed, and there is a blank on the way from the working directory too.
    """
    near = os.path.relpath(path) if " " in path else path
    if needed and " " in near:
        raise ValueError(
            f"{path}: Snakemake starts no programs and no images from a path with a blank in it. Hint: start it in the"
            " checkout, without --directory, or keep the checkout in a folder without blanks"
        )
    return near.replace(" ", "_")


def with_binds(arguments: str, paths: Iterable[str], seen: Sequence[str]) -> str:
    """Return Apptainer's arguments, with the folders of raw data in them that a container would not see.

    Args:
        arguments: As the profile gives them.
        paths: Files and folders, which may be links to elsewhere.
        seen: Folders that Snakemake lets a container see: the checkout and the working directory.
    """
    roots = [Path(folder).resolve() for folder in seen]
    folders = set()
    for path in map(Path, paths):
        for found in {path.absolute(), path.resolve()}:
            folder = found if found.is_dir() else found.parent
            if folder.is_dir() and not any(folder.is_relative_to(root) for root in roots):
                folders.add(str(folder))
    missing = sorted(folders - set(shlex.split(arguments)))  # a job reads the Snakefile again, with binds given
    return " ".join([arguments, *(f"--bind {shlex.quote(folder)}" for folder in missing)]).strip()
