"""Results in Snakemake's storage (``--default-storage-provider``), for the hooks of the Snakefile.

A job is given copies of its inputs, and Snakemake stores its outputs; a hook has neither, and looks after itself.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skybake.config.plan import Plan


@contextmanager
def copied(workflow: Any, plan: Plan, needed: Iterable[str]) -> Iterator[tuple[Plan, list[str]]]:
    """Give a plan whose results this process can read, and a list for the results that it writes.

    Without storage it is the plan as it is, and what is written needs no more.

    Args:
        workflow: Snakemake's.
        plan: Of a bake-off.
        needed: Files and folders of its results; those that storage has are copied.
    """
    written: list[str] = []
    if workflow.storage_settings.default_storage_provider is None:
        yield plan, written
        return

    def stored(path: str) -> Any:
        return workflow.inputfile(path).storage_object

    copies = [stored(path) for path in needed]
    workflow.async_run(_retrieve(copies))
    here = str(workflow.inputfile(plan.paths.results))
    yield plan.at(here), written
    made = [stored(f"{plan.paths.results}/{Path(path).relative_to(here)}") for path in written]
    workflow.async_run(_store(made))
    for item in (*copies, *made):
        _remove(item.local_path())


async def _retrieve(objects: Iterable[Any]) -> None:
    for item in objects:
        _remove(item.local_path())
        if await item.managed_exists():
            await item.managed_retrieve()


async def _store(objects: Iterable[Any]) -> None:
    for item in objects:
        await item.managed_store()


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
