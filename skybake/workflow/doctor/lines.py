"""Judges what was found: one line each, and for what is wrong the cure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Mark = Literal["ok", "bad", "note"]
MIN_JOB_AGE = 120  # seconds that squeue must remember a job that ended: three looks of 40 s
LEAST_FREE = {"/tmp": 1.0, "results": 5.0}  # GB
MOST_AHEAD = 5.0  # seconds between the clocks of two machines
BLOCK = 'the block "Your cluster" of the profile'

# What SLURM, Apptainer or Python says -> what to do about it; the first that is found counts.
CURES = {
    r"SubmitJob|submit limit|job limit": "fewer `jobs` in the profile, or wait until your other jobs have ended",
    r"invalid partition|partition name": f"slurm_partition in {BLOCK}; `sinfo -o '%P %G'` lists what there is",
    r"\baccount\b": f"slurm_account in {BLOCK}; `sacctmgr show assoc user=$USER` lists yours",
    r"\bqos\b": "the resource `qos` in the profile, not in slurm_extra; `sacctmgr show qos` lists what there is",
    r"time limit|TIMEOUT": "the job was too slow, or its partition allows less time: `scontrol show partition`",
    r"generic resource|\bgres\b|node configuration|feature": "ask for what the nodes have, and for a GPU as this site"
    f" does (gpu, gres, gpu_model, constraint in {BLOCK}); `sinfo -o '%P %G %f %m %c'` lists it",
    r"FATAL|apptainer|singularity|squashfs|\bfuse": "start the image by hand on such a node: `srun apptainer exec"
    " containers/images/data.sif python3 -V`; where that fails, the site has to help",
    r"memory|oom.kill": f"more mem_mb in {BLOCK}, or less if no node has as much: `sinfo -o '%P %m'`",
    r"contact slurm|slurmctld|controller": "SLURM does not answer: `scontrol ping`, and try again later",
    r"No module named": "the environment is not complete: build the images anew, or `make setup`",
    r"No such file|not found|chdir": "checkout, environment and results must lie where every node sees them",
}
GPU_CURE = "does the partition have GPUs, has the profile's apptainer-args --nv, is a driver on the node?"


@dataclass(frozen=True)
class Line:
    """A finding.

    Attributes:
        mark: ``ok``; ``bad``, which says how to cure it; or ``note``, which is no fault.
        about: What was looked at, in a word or two.
        text: What was found.
        cure: What to do about it.
    """

    mark: Mark
    about: str
    text: str
    cure: str = ""


def judged(good: bool, about: str, text: str, cure: str) -> Line:
    """Return a line that is ``ok`` and needs no cure, or ``bad``."""
    return Line("ok", about, text) if good else Line("bad", about, text, cure)


def of_failure(step: str, said: str, log: str = "") -> Line:
    """Return the line of a job that did not come to its end.

    Args:
        step: ``"data"``, ``"mock"``, ``"train_<bake-off>"`` or ``"report"``.
        said: What SLURM or the job said last.
        log: Where more is said, if that is known.
    """
    found = [cure for pattern, cure in CURES.items() if re.search(pattern, said, re.IGNORECASE)]
    seen = f"see {log}" if log else "see the messages above"
    return Line("bad", step, said, found[0] if found else seen)


def of_step(
    step: str, found: Mapping[str, Any], *, image: str = "", job: Mapping[str, str] | None = None
) -> list[Line]:
    """Return the lines of a job that came to its end.

    Args:
        step: ``"data"``, ``"mock"``, ``"train_<bake-off>"`` or ``"report"``.
        found: What it wrote.
        image: The image that it should have run in, if any.
        job: What SLURM says of it; empty if SLURM has forgotten it, None where there is no SLURM.
    """
    lines = [] if job is None else [_accepted(step, found, job)]
    where = f"{found['image'] or found['prefix']}, Python {found['python']} on {found['node']}"
    if not found["compiled"]:
        where += ", without bytecode: every job starts slowly"
    cure = f"it should run in {image}: is `software-deployment-method: apptainer` in the profile?"
    lines.append(judged(bool(found["image"]) or not image, step, f"runs in {where}", cure))
    for name, framework in found.get("frameworks", {}).items():
        lines.append(_framework(step, name, framework, found["asked_gpu"]))
    if found.get("asked_gpu") and job is not None:
        lines.append(_fenced(step, found))
    return lines


def _accepted(step: str, found: Mapping[str, Any], job: Mapping[str, str]) -> Line:
    given = found["given"]
    account = job.get("Account") or given.get("SLURM_JOB_ACCOUNT", "(unknown)")
    partition = job.get("Partition") or given.get("SLURM_JOB_PARTITION", "(unknown)")
    asked = ", ".join(f"{name}={value}" for name, value in found["asked"].items())
    text = f"SLURM took it: account {account}, partition {partition}, asked {asked}"
    if "TRES" in job or "AllocTRES" in job:
        text += f"; it gave {job.get('AllocTRES') or job['TRES']}"
    return Line("ok", step, text)


def _framework(step: str, name: str, found: Mapping[str, Any], asked_gpu: str) -> Line:
    """Return what a framework sees; one that the bake-off does not use is never a fault."""
    bad: Mark = "bad" if found["wanted"] else "note"
    if "missing" in found:
        return Line(bad, step, f"{name}: {found['missing']}", "build the images anew, or `make setup`")
    if "error" in found:
        text, _, hint = found["error"].partition(" Hint: ")
        said = text if text.startswith(name) else f"{name}: {text}"
        return Line(bad, step, said, hint or GPU_CURE)
    text = f"{name} {found['version']} computes on {found['name']}"
    if found["kind"] == "gpu":
        facts = [f"driver {found.get('driver') or 'unknown'}"]
        facts += [f"compute capability {found['compute_capability']}"] if found.get("compute_capability") else []
        return Line("ok", step, f"{text} ({', '.join(facts)})")
    if asked_gpu:
        return Line(bad, step, f"{text}, and the job asked for a GPU ({asked_gpu})", GPU_CURE)
    return Line("ok", step, f"{text}; no GPU was asked for")


def _fenced(step: str, found: Mapping[str, Any]) -> Line:
    visible = found["given"].get("CUDA_VISIBLE_DEVICES", "not set")
    text = f"asked for {found['asked_gpu']}, and CUDA_VISIBLE_DEVICES is {visible}"
    cure = "SLURM gave the job no GPU of its own: two trainings may meet on one. Ask the site for gres.conf"
    return judged(visible not in ("not set", "", "-1", "NoDevFiles"), step, text, cure)


def of_files(found: Mapping[str, Mapping[str, Any]], login: Mapping[str, Any], results: str) -> list[Line]:
    """Return the lines of the file systems: file locks, free space, clocks.

    Args:
        found: Step -> what its job wrote.
        login: The same of the machine where Snakemake runs: ``locks``, ``free``, ``ahead``, and ``begin`` and ``time``,
            between which all jobs ran.
        results: Folder of the results, as it is to be printed.
    """
    lines = []
    refused = {step: facts["locks"] for step, facts in found.items() if facts["locks"]}
    for step, said in refused.items():
        cure = "`export HDF5_USE_FILE_LOCKING=FALSE` before Snakemake starts, or results on another file system"
        lines.append(Line("bad", "file locks", f"{step}: HDF5 cannot write and read in {results}: {said}", cure))
    if not refused:
        lines.append(Line("ok", "file locks", f"HDF5 writes and reads in {results}: {', '.join(found)}"))
    for name, least in LEAST_FREE.items():
        step, free = min(((step, facts["free"][name]) for step, facts in found.items()), key=lambda pair: pair[1])
        place = results if name == "results" else name
        text = f"{free:.1f} GB in {place} on {found[step]['node']}, quotas aside; {least:g} GB should be"
        cure = "make room there" if name == "results" else "make room there, or ask for nodes with more"
        lines.append(judged(free >= least, "free space", text, cure))
    step, skew = max(((step, _skew(facts, login)) for step, facts in found.items()), key=lambda pair: pair[1])
    text = f"the files of {', '.join(found)} were seen here; clocks differ by {skew:.1f} s at most"
    cure = f"the clock of {found[step]['node']} is wrong: Snakemake takes new files for old ones. Tell the site"
    lines.append(judged(skew <= MOST_AHEAD, "shared files", text, cure))
    return lines


def _skew(facts: Mapping[str, Any], login: Mapping[str, Any]) -> float:
    """Return by how many seconds, at least, the clock of a job's machine differs from that of this one."""
    outside = max(facts["time"] - login["time"], login["begin"] - facts["time"], 0.0)
    return max(outside, abs(login["ahead"] - facts["ahead"]))


def of_slurm(
    config: Mapping[str, str], *, status: str, accounting: str, jobs: int, limits: Iterable[str]
) -> list[Line]:
    """Return the lines of how SLURM is set up.

    Args:
        config: What ``scontrol show config`` says.
        status: What Snakemake asks for jobs: ``"squeue"`` or ``"sacct"``.
        accounting: What ``sacct`` says where it does not work, else empty.
        jobs: Snakemake's ``jobs``, in the queue at once.
        limits: ``<whose>=<jobs that may be submitted>``, where there is such a limit.
    """
    lines = []
    age = re.match(r"\d+", config.get("MinJobAge", ""))
    if age is None:
        lines.append(Line("note", "MinJobAge", "scontrol does not say it"))
    else:
        cure = f"ask the site for MinJobAge={2.5 * MIN_JOB_AGE:.0f} in slurm.conf"
        cure += "" if accounting else "; until then slurm-status-command: sacct in the profile"
        text = f"squeue remembers a job for {age[0]} s after its end, {MIN_JOB_AGE} s are needed"
        lines.append(judged(status != "squeue" or int(age[0]) >= MIN_JOB_AGE, "MinJobAge", text, cure))
    if not accounting:
        lines.append(Line("ok", "accounting", "sacct answers"))
    else:
        cure = "slurm-status-command: squeue in the profile"
        text = f"no accounting here ({accounting}); "
        text += "Snakemake asks sacct" if status == "sacct" else "the profile needs none"
        lines.append(
            Line("bad" if status == "sacct" else "note", "accounting", text, cure if status == "sacct" else "")
        )
    lines.append(_limit(config, accounting, jobs, limits))
    return lines


def _limit(config: Mapping[str, str], accounting: str, jobs: int, limits: Iterable[str]) -> Line:
    enforced = re.search(r"limits|safe|qos", config.get("AccountingStorageEnforce", ""))
    given = {whose: int(number) for whose, _, number in (limit.rpartition("=") for limit in limits)}
    if accounting or not given:
        return Line("ok", "submit limit", f"none is known; the profile's jobs are {jobs}")
    whose, least = min(given.items(), key=lambda pair: pair[1])
    text = f"{whose} may submit {least} jobs, the profile's jobs are {jobs}"
    if not enforced:
        return Line("ok", "submit limit", f"{text}; SLURM does not enforce it")
    cure = f"jobs: {max(1, least - 1)} in the profile, or less where you have other jobs"
    return judged(jobs <= least, "submit limit", text, cure)


def of_commands(found: Mapping[str, str | None]) -> Line:
    """Return the line of SLURM's commands: name -> path, None where it is missing."""
    missing = [name for name, path in found.items() if path is None]
    text = f"no {', '.join(missing)} here" if missing else f"{', '.join(found)} are here"
    return judged(not missing, "SLURM", text, "start Snakemake on a login node, perhaps after `module load slurm`")


def text(lines: Iterable[Line], *, colour: bool) -> str:
    """Return the lines as they are printed, each with its cure below it."""
    marks = {"ok": ("ok ", 32), "bad": ("BAD", 31), "note": (" - ", 33)}
    written = []
    for line in lines:
        mark, number = marks[line.mark]
        mark = f"\033[{number}m{mark}\033[0m" if colour else mark
        written.append(f"{mark} {line.about + ':':<16} {line.text}")
        if line.mark == "bad":
            written.append(f"    {'cure:':>16} {line.cure}")
    return "\n".join(written)
