"""What a profile asks of SLURM, checked before any job: what no cluster would get is refused, with what works.

The SLURM plugin of Snakemake says no only when it submits, to every job; some resources it never passes on.
"""

from __future__ import annotations

import builtins
import difflib
import importlib.util
import re
from collections.abc import Collection, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from skybake.config.messages import ConfigError
from skybake.workflow import gpu_requests, jobs

PLUGIN = "snakemake_executor_plugin_slurm"
UNHEARD = {  # resources that no sbatch hears of, with what works
    "gpus": "gpu: {value}",
    "nvidia_gpu": "gpu: {value}",
    "gpu_type": "gpu_model: \"'{value}'\" beside gpu: 1",
    "slurm_gres": "gres: \"'{value}'\"",
    "gpus_per_node": "slurm_extra: \"'--gpus-per-node={value}'\"",
    "gpus_per_task": "slurm_extra: \"'--gpus-per-task={value}'\"",
    "gpus_per_socket": "slurm_extra: \"'--gpus-per-socket={value}'\"",
    "tres_per_job": "gpu: 1, or gres: \"'gpu:1'\"",
    "tres_per_node": "gres: \"'gpu:1'\", or slurm_extra: \"'--gpus-per-node=1'\"",
    "tres_per_socket": "slurm_extra: \"'--gpus-per-socket=1'\"",
    "tres_per_task": "slurm_extra: \"'--tres-per-task={value}'\"",
}
TEXTS = ("slurm_account", "slurm_partition", "qos", "constraint", "gres", "gpu", "gpu_model", "slurm_extra")
NAMES = r"[\w.:,-]+"  # of generic resources with their numbers, rightly spelt or not
NAMED_KIND = "slurm_extra: \"'--gpus-per-node={value}'\""
OPTIONS = {  # options of sbatch that the plugin sets from a resource
    ("--account", "-A"): "slurm_account: \"'{value}'\"",
    ("--partition", "-p"): "slurm_partition: \"'{value}'\"",
    ("--mem",): "mem_mb: ..., in MB",
    ("--mem-per-cpu",): "mem_mb_per_cpu: ..., in MB",
    ("--ntasks", "-n"): "tasks: {value}",
    ("--ntasks-per-gpu",): "tasks_per_gpu: {value}",
    ("--cpus-per-task", "-c"): "cpus_per_task: {value}",
    ("--cpus-per-gpu",): "cpus_per_gpu: {value}",
    ("--time", "-t"): "runtime: ..., in minutes",
    ("--constraint", "-C"): "constraint: \"'{value}'\"",
    ("--qos",): "qos: \"'{value}'\"",
    ("--nodes", "-N"): "nodes: {value}",
    ("--clusters",): "clusters: \"'{value}'\"",
    ("--gres",): "gres: \"'{value}'\"",
    ("--gpus",): "gpu: {value}",
}
SPELLINGS = {name: spelling for names, spelling in OPTIONS.items() for name in names}
SNAKEMAKES = (  # options of sbatch that are Snakemake's own
    *("--job-name", "-J", "--output", "-o", "--error", "-e"),
    *("--parsable", "--export", "--comment", "--workdir", "-D"),
)


def check(given: Mapping[str, Mapping[str, Any]], defaults: Mapping[str, Any]) -> None:
    """See that SLURM can be asked for what a profile or the command line sets.

    Args:
        given: Rule -> resource -> value: ``set-resources``, as Snakemake read it.
        defaults: Resource -> value: ``default-resources``.

    Raises:
        ConfigError: One message with everything that is refused or not passed on, and what works.
    """
    blocks = {"default-resources": defaults, **{f"set-resources: {rule}": given[rule] for rule in given}}
    problems = [f"{block}: {problem}" for block, resources in blocks.items() for problem in _problems(resources)]
    problems += [
        f"set-resources: {rule}: {problem}"
        for rule, resources in given.items()
        for problem in _dropped({**defaults, **resources})
    ]
    if problems:
        lines = "\n".join(f"  {problem}" for problem in problems)
        raise ConfigError(f"SLURM cannot be asked for this:\n{lines}\nHint: docs/cluster.md, What to edit")


def check_rules(given: Collection[str], rules: Collection[str]) -> None:
    """See that the rules that ``set-resources`` names are there: Snakemake ignores a name that it does not know.

    Args:
        given: What a profile or the command line names.
        rules: Of the workflow, and those that a profile may name for all configs.

    Raises:
        ConfigError: Naming one that is not there, and the nearest rule.
    """
    known = [*rules, jobs.TRAININGS]
    for rule in given:
        if rule not in known:
            near = difflib.get_close_matches(rule, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(f"set-resources: {rule}: no such rule; expected train, or a rule of this bake-off.{hint}")


def _problems(resources: Mapping[str, Any]) -> Iterator[str]:
    for name in TEXTS:
        raw = getattr(resources.get(name), "raw", None)
        if isinstance(raw, str) and callable(vars(builtins).get(raw)):  # all, not None
            yield f"{name}: {raw} is taken for Python; a text needs both kinds of quotes: {name}: \"'{raw}'\""
    for name, value in jobs.first_values(resources, UNHEARD).items():
        yield f"{name}: {value} is not passed on to SLURM; expected {UNHEARD[name].format(value=value)}"
    values = {name: value for name, value in jobs.first_values(resources).items() if value}
    known = {name: value for name, value in values.items() if not isinstance(value, jobs.Expression)}
    if isinstance(known.get("gpu"), str):
        kind, _, number = known["gpu"].rpartition(":")
        yield f"gpu: {known['gpu']!r} is a text, expected a number: gpu: {number if kind else 1}; the kind is gpu_model"
    if importlib.util.find_spec(PLUGIN) is None:
        return
    for name in ("gres", "gpu_model"):
        reason = refusal(**{name: known[name]}) if name in known else ""
        if reason:
            count = "" if name == "gres" else f":{known.get('gpu', 1)}"
            hint = (
                "a GPU whose name has a hyphen, and several resources at once, need"
                f" {_named_kind(known[name], count)}, without gpu and gres"
                if re.fullmatch(NAMES, str(known[name]))
                else "it is written as gres: \"'gpu:1'\", gres: \"'gpu:a100:1'\" or gpu_model: \"'a100'\""
            )
            yield f"{name}: {known[name]!r} is refused by the SLURM plugin ({reason}). Hint: {hint}"
    yield from _problems_of_extra(known.get("slurm_extra", ""))


def _dropped(resources: Mapping[str, Any]) -> Iterator[str]:
    """Find what the plugin leaves out beside ``gres``, without a word."""
    values = jobs.first_values(resources)
    if values.get("gres") and values.get("gpu"):
        yield (
            f"gpu: {values['gpu']} beside gres: {values['gres']} is not passed on to SLURM. Hint: keep one of them; a"
            " GPU and other resources at once need slurm_extra: \"'--gpus-per-node=1'\" beside gres"
        )


def _problems_of_extra(extra: str) -> Iterator[str]:
    try:
        options = gpu_requests.options(extra)
    except ValueError as error:
        yield f"slurm_extra: {extra!r} cannot be read: {error}"
        return
    whole = refusal(slurm_extra=extra)
    if not whole:
        return
    reasons = {option: refusal(slurm_extra=f"{' '.join(option.words)} ") for option in options}
    found = {option: reason for option, reason in reasons.items() if reason}
    for option, reason in found.items():
        yield f"slurm_extra: {' '.join(option.words)!r} is refused by the SLURM plugin; {_expected(option, reason)}"
    if not found:
        yield f"slurm_extra: {extra!r} is refused by the SLURM plugin; {whole}"


def _expected(option: gpu_requests.Option, reason: str) -> str:
    """Say what works in place of an option, or why it is refused where it only looks like one that is."""
    if option.name in SNAKEMAKES:
        return "Snakemake sets this option itself: leave it out"
    if option.name not in SPELLINGS:
        return reason
    spelling, kind = SPELLINGS[option.name], ""
    if option.name == "--gpus" and ":" in option.value:
        kind, _, number = option.value.rpartition(":")
        spelling = f"gpu_model: \"'{kind}'\" beside gpu: {number}"
    if (kind and refusal(gpu_model=kind)) or (option.name == "--gres" and refusal(gres=option.value)):
        return f"expected {_named_kind(option.value)}"
    return f"expected {spelling.format(value=option.value)}"


def _named_kind(value: str, count: str = "") -> str:
    """Return the one way to ask for a GPU by a name that the plugin refuses, e.g. with a hyphen."""
    first = value.split(",")[0].removeprefix("gpu:")
    return NAMED_KIND.format(value=f"{first}{count}")


def refusal(**resources: str) -> str:
    """Return why the SLURM plugin refuses resources of a job, in its own words; empty if it takes them."""
    from snakemake.exceptions import WorkflowError
    from snakemake.iocontainers import ResourceList
    from snakemake_executor_plugin_slurm.utils import set_gres_string
    from snakemake_executor_plugin_slurm.validation import validate_slurm_extra

    job = SimpleNamespace(resources=ResourceList(fromdict=resources))
    try:
        validate_slurm_extra(job)
        set_gres_string(job)
    except WorkflowError as error:
        return str(error).split(". ")[0]
    return ""
