"""What keeps two Snakemakes in one working directory apart: each results folder has its lock and its logs of SLURM.

Of its own, Snakemake has one folder of locks for the whole working directory, and whichever ends first removes it with
the locks of all others. SLURM's plugin does the same with empty folders of logs, into which queued jobs still have to
write. What else is in ``.snakemake`` is named after output files, or at random.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import snakemake.api  # before its workflow, which is imported in a circle
import snakemake.workflow
from snakemake.exceptions import WorkflowError
from snakemake.persistence.file import FilePersistence


def of_results(results: str) -> None:
    """Let this Snakemake lock a results folder, and no more; for the Snakefile.

    A second one on the same folder is refused by a ``WorkflowError``; a dry run only says that there is another.
    """
    snakemake.workflow.FilePersistence = partial(Records, results=results)


class Records(FilePersistence):
    """Snakemake's records of a working directory, with a lock for one results folder."""

    def __init__(self, *, results: str, **given: Any):
        super().__init__(**given)
        self._results = results
        self._lock_file = Path(self.path, "locks", f"{one_name(results)}.lock")

    @property
    def locked(self) -> bool:
        """Whether there is another Snakemake on this results folder, or was one that could not tidy up."""
        return self._lock_file.exists()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the lock of the results folder.

        Raises:
            WorkflowError: Another Snakemake holds it, or was killed while it did.
        """
        since = time.strftime("%Y-%m-%d %H:%M:%S")
        mine = json.dumps({"pid": os.getpid(), "host": socket.gethostname(), "since": since})
        self._lock_file.parent.mkdir(exist_ok=True)
        try:
            with self._lock_file.open("x", encoding="utf-8") as stream:
                stream.write(mine)
        except FileExistsError:
            raise WorkflowError(self._refusal()) from None
        try:
            _own_slurm_logs(self.dag.workflow, one_name(self._results))
            yield
        finally:
            if self._holder() == mine:
                self._delete_locks()

    def _holder(self) -> str:
        try:
            return self._lock_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return ""

    def _refusal(self) -> str:
        try:
            who = "process {pid} on {host}, since {since}".format(**json.loads(self._holder()))
        except ValueError:
            who = "which one is not known"
        files = [f"'{file}'" if " " in str(file) else str(file) for file in self.dag.workflow.overwrite_configfiles]
        command = " ".join(["snakemake --unlock", *(["--configfile", *files] if files else [])])
        return (
            f"another Snakemake works in {self._results}: {who}.\nBake-offs that run at the same time need different"
            " folders: `results:` in the config.\nHint: if that Snakemake was killed, make sure that none of its"
            f" trainings is still running, then: {command}"
        )

    def cleanup_locks(self) -> None:
        """Remove the lock for ``snakemake --unlock``.

        Raises:
            WorkflowError: The Snakemake that holds it is at work on this machine.
        """
        if _is_at_work(self._holder()):
            raise WorkflowError(f"{self._refusal()}\nIt is at work: end it first.")
        self._delete_locks()

    def _delete_locks(self) -> None:
        self._lock_file.unlink(missing_ok=True)


def _is_at_work(holder: str) -> bool:
    """Tell whether the Snakemake that a lock names runs on this machine; of another machine nothing is known."""
    try:
        facts = json.loads(holder)
        words = Path(f"/proc/{facts['pid']}/cmdline").read_bytes()
    except (OSError, ValueError, KeyError):
        return False
    return facts["host"] == socket.gethostname() and facts["pid"] != os.getpid() and b"snakemake" in words


def one_name(results: str) -> str:
    """Return a results folder's path as the name of one file, e.g. ``"results+mine"``."""
    path, here = Path(results).resolve(), Path.cwd().resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path).replace(os.sep, "+")


def records_of(results: str) -> Path:
    """Return the folder in which attempts at the jobs of a results folder are recorded."""
    return Path(".snakemake", "attempts", one_name(results))


def _own_slurm_logs(workflow: snakemake.workflow.Workflow, name: str) -> None:
    """Keep SLURM's logs in a folder that no other Snakemake tidies up, unless the profile names one."""
    settings = workflow.executor_settings
    if getattr(settings, "logdir", "elsewhere") is None:
        settings.logdir = Path(".snakemake", "slurm_logs", name).resolve()
