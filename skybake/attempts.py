"""The attempts at a job: a record that outlives them, so that the next one asks for what the last one lacked.

Snakemake knows that a job failed, and not of what. Whoever starts a script (:mod:`skybake.workflow.logs`) keeps the
record: an entry when it starts, and the reason when it ends with an error. Where it had no time to give one, SLURM is
asked. Records are of one run of Snakemake: at the next one the user may have mended the cause.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from skybake.files import atomic_write

FOLDER = "SKYBAKE_ATTEMPTS"  # the environment variable that names the folder of this run's records
MEMORY = "out of memory"
TIME = "time limit"
WARNED = "SIGTERM"  # a time limit ahead, or scancel, or preemption
PERMANENT = "permanent"  # no other attempt can pass
OTHER = "other"

LONGEST_WARNING = 3600  # seconds; no site warns of a time limit earlier
LONGEST_NAME = 200  # of a record's file; file systems allow 255 bytes
PATIENCE = 10  # seconds in which a command of SLURM must answer
PACKAGE = Path(__file__).parent
# What SLURM writes into the log of a job: without accounting nothing else tells that a step ran out of memory.
SAID_IN_LOGS = {
    "OUT_OF_MEMORY": r"oom[-_]kill|Out Of Memory|OOM Killed|exceeded (job |step )?memory limit",
    "TIMEOUT": r"DUE TO TIME LIMIT",
}
STATES = (
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REQUEUED", "REVOKED", "TIMEOUT"),
)


class Hopeless(RuntimeError):
    """An earlier attempt failed of what no other attempt can mend."""

    reason = PERMANENT


@dataclass(frozen=True)
class Attempt:
    """One start of a job's script.

    Attributes:
        begun, ended: Seconds since 1970; ``ended`` is 0 where the script was killed without a word, or is at work.
        slurm_job: Its id, empty where there is none.
        memory_mb: What SLURM gave the job; 0 where unknown.
        must_end: When SLURM ends the job, in seconds since 1970; 0 where unknown.
        reason: Why it failed, one of this module's constants; empty where ``ended`` is 0.
        message: The error, with the name of its type.
    """

    begun: float
    slurm_job: str = ""
    memory_mb: int = 0
    must_end: float = 0
    ended: float = 0
    reason: str = ""
    message: str = ""


def begin_run(records: Path) -> None:
    """Let this Snakemake, its jobs and their scripts keep records of their own in a folder; for the Snakefile.

    Args:
        records: A folder for all runs on the same results, on the file system that all nodes see.
    """
    if FOLDER not in os.environ:  # else this is the Snakemake of a job
        os.environ[FOLDER] = str(records.absolute() / uuid4().hex)


def forget_other_runs() -> None:
    """Remove the records of runs that are over."""
    mine = Path(os.environ[FOLDER])
    for folder in mine.parent.glob("*"):
        if folder != mine:
            shutil.rmtree(folder, ignore_errors=True)


def record_of(rule: str, wildcards: Mapping[str, Any]) -> Path | None:
    """Return where the attempts at a job are recorded; None for a script that no Snakemake runs."""
    if FOLDER not in os.environ:
        return None
    name = "+".join(str(value) for _, value in sorted(wildcards.items())) or "job"
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return Path(os.environ[FOLDER], rule, f"{name}.json")


def read(record: Path | None) -> list[Attempt]:
    """Return the attempts that a record knows; none where it is missing or damaged."""
    if record is None:
        return []
    try:
        return [Attempt(**facts) for facts in json.loads(record.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def note_slurm_job(jobs: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
    """Note that a SLURM job begins on its steps: one that is killed before its script begins is known by the job's id.

    Args:
        jobs: Rule and wildcards of each step; empty for the Snakemake that a person starts.
    """
    slurm_job = os.environ.get("SLURM_JOB_ID", "")
    for rule, wildcards in jobs if slurm_job else ():
        record = record_of(rule, wildcards)
        earlier = read(record)
        if record is not None and slurm_job not in [attempt.slurm_job for attempt in earlier]:
            _write(record, [*earlier, _now()])


def _now() -> Attempt:
    """Return an attempt that begins now, with what SLURM gave its job."""
    must_end, memory = (os.environ.get(name, "") for name in ("SLURM_JOB_END_TIME", "SLURM_MEM_PER_NODE"))
    return Attempt(
        begun=time.time(),
        slurm_job=os.environ.get("SLURM_JOB_ID", ""),
        memory_mb=int(memory) if memory.isdecimal() else 0,
        must_end=float(must_end) if must_end.isdecimal() else 0,
    )


def begin(record: Path | None) -> None:
    """Note that the job's script starts.

    Raises:
        Hopeless: An earlier attempt failed of what no other can mend; nothing is noted.
    """
    if record is None:
        return
    earlier = read(record)
    for attempt in earlier:
        if attempt.reason == PERMANENT:
            raise Hopeless(attempt.message)
    job = os.environ.get("SLURM_JOB_ID", "")
    earlier = [attempt for attempt in earlier if not job or attempt.slurm_job != job]  # requeued: the same attempt
    _write(record, [*earlier, _now()])


def fail(record: Path | None, error: BaseException) -> None:
    """Note of what the job's script fails."""
    attempts = read(record)
    if record is not None and attempts and not isinstance(error, Hopeless):
        last = replace(
            attempts[-1], ended=time.time(), reason=reason(error), message=f"{type(error).__name__}: {error}"
        )
        _write(record, [*attempts[:-1], last])


def forget(record: Path | None) -> None:
    """Remove the record of a job that ended well."""
    if record is not None:
        record.unlink(missing_ok=True)


def _write(record: Path, attempts: Iterable[Attempt]) -> None:
    with suppress(OSError), atomic_write(record) as path:  # a full disk must not hide the job's own error
        path.write_text(json.dumps([asdict(attempt) for attempt in attempts], indent=2) + "\n", encoding="utf-8")


def reason(error: BaseException) -> str:
    """Say why a script fails; :data:`OTHER` where the error does not tell, so that it is tried again as it was.

    An error whose class or instance has a ``reason`` says so itself. A ValueError that the library raises is a check of
    its own, of data or settings; one that comes from elsewhere may be anything.
    """
    found = getattr(error, "reason", "")
    if found:
        return found
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM or _lacks_host_memory(error):
        return MEMORY
    return PERMANENT if isinstance(error, ValueError) and _is_ours(error) else OTHER


def common_reason(reasons: Iterable[str]) -> str:
    """Say why a script fails that failed of several things: it is hopeless only if all of them are."""
    reasons = set(reasons)
    if MEMORY in reasons:
        return MEMORY
    return PERMANENT if reasons == {PERMANENT} else OTHER


def _lacks_host_memory(error: BaseException) -> bool:
    """Tell whether TensorFlow or JAX could not allocate memory that is not a GPU's."""
    exhausted = type(error).__name__ == "ResourceExhaustedError" or "RESOURCE_EXHAUSTED" in str(error)
    return exhausted and not re.search("gpu|cuda", str(error), re.IGNORECASE)


def _is_ours(error: BaseException) -> bool:
    """Tell whether the library itself raised an error."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return trace is not None and Path(trace.tb_frame.f_code.co_filename).is_relative_to(PACKAGE)


def lacked(record: Path | None, what: str) -> int:
    """Return how many attempts before this one failed for want of :data:`MEMORY`, or of :data:`TIME`."""
    now = os.environ.get("SLURM_JOB_ID", "")
    before = [attempt for attempt in read(record) if not now or attempt.slurm_job != now]
    return sum(verdict(attempt) == what for attempt in before)


def is_hopeless(record: Path | None) -> bool:
    """Tell whether an attempt failed of what no other can mend."""
    return any(attempt.reason == PERMANENT for attempt in read(record))


def verdict(attempt: Attempt) -> str:
    """Say why an attempt failed, by its own word and SLURM's."""
    if attempt.reason in (MEMORY, TIME, PERMANENT):
        return attempt.reason
    states = slurm_states(attempt.slurm_job)
    if "OUT_OF_MEMORY" in states:
        return MEMORY
    if "TIMEOUT" in states:
        return TIME
    if attempt.reason == WARNED:  # it ended by itself: FAILED says that nobody else ended it
        if states:
            return TIME if "FAILED" in states else OTHER
        return TIME if not attempt.must_end or attempt.must_end - attempt.ended <= LONGEST_WARNING else OTHER
    return OTHER if states or attempt.ended else MEMORY  # killed without a word: most often that is what it was


@cache
def slurm_states(job: str) -> frozenset[str]:
    """Return how SLURM says that a job and its steps ended; empty where there is no SLURM, or where it says nothing.

    Accounting is asked first; it may know of a job's end a little later than Snakemake does. Without it, the controller
    knows the job for some minutes, and the job's log says what became of its steps.
    """
    if not job:
        return frozenset()
    for _ in range(3):
        words = _ended(_answer("sacct", "-n", "-P", "-j", job, "-o", "State"))
        if words is not None:
            break
        time.sleep(1)
    found = set(words or ())
    shown = _answer("scontrol", "-o", "show", "job", job)
    found |= set(_ended(shown) or ())
    log = re.search(r"\bStdOut=(\S+)", shown)
    if log:
        with suppress(OSError):
            text = Path(log[1]).read_text(encoding="utf-8", errors="replace")
            found |= {state for state, pattern in SAID_IN_LOGS.items() if re.search(pattern, text, re.IGNORECASE)}
    return frozenset(found)


def _ended(text: str) -> list[str] | None:
    """Return the states of ended jobs in an answer of SLURM; None where it says that the job has not ended."""
    return (
        None if re.search(r"\b(PENDING|RUNNING|COMPLETING)\b", text) else re.findall(rf"\b({'|'.join(STATES)})", text)
    )


def _answer(*command: str) -> str:
    """Return what a command of SLURM prints; nothing where there is none, or where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""
