"""What the Snakefile and ``skybake.workflow`` use of Snakemake that it does not promise to keep.

``pyproject.toml`` allows Snakemake below 10. Where a version lacks one of these names, the test of that name fails.
"""

import ast
import importlib
import inspect
from functools import cache

import pytest
import snakemake.api  # noqa: F401  before the others, which are imported in a circle
from snakemake.jobs import GroupJob
from snakemake.persistence.file import FilePersistence
from snakemake.resources import Resource

from tests.conftest import ROOT

USED = {  # class or module -> its methods and attributes; those that are set in __init__ too
    "snakemake.shell:shell": ["prefix"],
    "snakemake.dag:DAG": [
        *("_group", "_ready_jobs", "_running", "bfs", "container_imgs", "depending", "get_job_group", "jobs"),
        *("update_ready", "workflow"),
    ],
    "snakemake.jobs:Job": ["container_img_url", "group", "log", "rule"],
    "snakemake.jobs:AbstractJob": ["is_group"],
    "snakemake.jobs:GroupJob": ["__iter__", "__len__", "attempt", "finalize", "groupid"],
    "snakemake.scheduling.job_scheduler:JobScheduler": ["_errors", "_handle_error", "failed", "workflow"],
    "snakemake.workflow:Workflow": [
        *(
            "async_run",
            "basedir",
            "dag",
            "dag_settings",
            "deployment_settings",
            "execution_settings",
            "executor_plugin",
        ),
        *(
            "executor_settings",
            "global_resources",
            "inputfile",
            "is_main_process",
            "local_exec",
            "overwrite_configfiles",
        ),
        *("overwrite_configfiles", "resource_settings", "rules", "scheduler", "storage_settings"),
    ],
    "snakemake.workflow": ["FilePersistence"],
    "snakemake.persistence.file:FilePersistence": ["cleanup_locks", "dag", "lock", "locked", "path"],
    "snakemake.resources:Resource": ["evaluate", "raw"],
    "snakemake.resources:Resources": ["from_mapping", "items"],
    "snakemake.iocontainers:ResourceList": [],
    "snakemake.iocontainers:InputFiles": ["size_files_mb", "size_mb"],
    "snakemake.exceptions:WorkflowError": [],
    "snakemake.io:_IOFile": ["storage_object"],
    "snakemake.logging": ["logger"],
    "snakemake.settings.types:ResourceSettings": ["cores", "default_resources", "nodes", "overwrite_resources"],
    "snakemake.settings.types:DeploymentSettings": ["apptainer_args", "deployment_method"],
    "snakemake.settings.types:StorageSettings": ["default_storage_prefix", "default_storage_provider"],
    "snakemake.target_jobs": ["parse_target_jobs_cli_args"],
    "snakemake.settings.types:ExecutionSettings": ["latency_wait"],
    "snakemake_interface_storage_plugins.storage_object:StorageObjectRead": [
        "local_path",
        "managed_exists",
        "managed_retrieve",
    ],
    "snakemake_interface_storage_plugins.storage_object:StorageObjectWrite": ["managed_store"],
    "snakemake_executor_plugin_slurm:ExecutorSettings": ["logdir", "status_command"],
    "snakemake_executor_plugin_slurm.utils": ["set_gres_string"],
    "snakemake_executor_plugin_slurm.validation": ["validate_slurm_extra"],
}


def named(place):
    """Return a module, or a class as ``module:class``."""
    module, _, name = place.partition(":")
    found = importlib.import_module(module)
    return getattr(found, name) if name else found


@cache
def attributes(thing):
    """Return the names that a module or class has, with those that its methods give to ``self``."""
    found = set(dir(thing)) | set(getattr(thing, "__dataclass_fields__", ()))
    for base in inspect.getmro(thing) if inspect.isclass(thing) else ():
        found |= set(vars(base).get("__annotations__", ())) | set(vars(base).get("__slots__", ()))
        try:
            tree = ast.parse(inspect.cleandoc("\n" + inspect.getsource(base)))
        except (OSError, TypeError):  # it has no source
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
                found |= {node.attr} if node.value.id == "self" else set()
    return found


@pytest.mark.parametrize(("place", "name"), [(place, name) for place, names in USED.items() for name in names or [""]])
def test_snakemake_has_the_internal(place, name):
    assert not name or name in attributes(named(place)), f"{place} has no {name!r}; expected it in this Snakemake"
    assert named(place) is not None


def test_every_module_of_snakemake_that_is_imported_is_tested_here():
    for path in (ROOT / "skybake").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("snakemake"):
                for alias in node.names:
                    there = f"{node.module}:{alias.name}" in USED or alias.name in USED.get(node.module, ())
                    assert there, f"{path.name} imports {alias.name} of {node.module}"


def parameters(function):
    return list(inspect.signature(function).parameters)


def test_internals_take_what_they_are_given():
    """As ``groups``, ``jobs`` and ``locks`` call them."""
    scheduler = named("snakemake.scheduling.job_scheduler:JobScheduler")
    assert parameters(scheduler._handle_error)[:3] == ["self", "job", "postprocess_job"]
    assert parameters(GroupJob.__init__)[1:4] == ["id", "jobs", "global_resources"]
    assert parameters(Resource.__init__)[1:] == ["name", "value", "raw"]
    known = {"wildcards": None, "input": [], "attempt": 2, "threads": 3, "rulename": "a", "async_run": None}
    grows = Resource("mem_mb", lambda wildcards, attempt, threads: attempt * threads, raw="attempt * threads")
    assert (grows.evaluate(**known).value, grows.raw) == (6, "attempt * threads")
    assert "dag" in parameters(FilePersistence.__init__)
