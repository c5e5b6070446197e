"""The doctor beside Snakemake: hears why jobs failed, asks SLURM, and prints the lines. Only the Snakefile knows it."""

from __future__ import annotations

import getpass
import json
import logging
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from skybake.workflow import containers
from skybake.workflow.doctor import lines, steps
from skybake.workflow.doctor.lines import Line

COMMANDS = ("sbatch", "squeue", "scancel", "scontrol")
ADDED = "For further error details see the cluster/cloud log and the log files of the involved rule(s)."  # by Snakemake
# What Snakemake and srun add to the words of what failed; and which words say most.
NOISE = (
    r"(WorkflowError|RuleException|CalledProcessError|Error in rule|Exiting because|Shutting down|At least one job"
    r"|Command |Storing output|Elapsed time|message:|log:|finished$|srun: error: .*[Ee]xited|The whole log)"
)
TELLING = (r"FATAL|oom.kill|DUE TO", r"[Ee]rror|killed", r".")
SECONDS = 60  # that a command of SLURM may take


class _Ear(logging.Handler):
    """Keeps what Snakemake says of jobs that failed, with SLURM's words, however quiet it is."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.heard: list[logging.LogRecord] = []
        self.begin = time.time()

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(record)


def is_asked(workflow) -> bool:
    """Tell whether the doctor is among the rules that a workflow runs."""
    return any(job.rule.name == "doctor" for job in workflow.dag.jobs)


def begin(found: Mapping[str, str], workflow) -> None:
    """Forget what an earlier call found, and listen to Snakemake.

    Args:
        found: Step -> the file that its job writes.
        workflow: Snakemake's own.
    """
    from snakemake.logging import logger

    logs = [str(log) for job in workflow.dag.jobs if job.rule.name.startswith("doctor_") for log in job.log]
    for path in (*found.values(), *logs):
        Path(path).unlink(missing_ok=True)
    logger.addHandler(_Ear())


def end(found: Mapping[str, str], workflow) -> None:
    """Print the lines, and write them beside what the jobs found.

    Raises:
        WorkflowError: A line is bad, so that Snakemake's exit code is not 0.
    """
    from snakemake.exceptions import WorkflowError
    from snakemake.logging import logger

    ear = next(handler for handler in logger.handlers if isinstance(handler, _Ear))
    logger.removeHandler(ear)
    findings = diagnose(found, workflow, ear)
    folder = Path(next(iter(found.values()))).parent
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "doctor.txt").write_text(lines.text(findings, colour=False) + "\n", encoding="utf-8")
    colour = sys.stderr.isatty() and not os.environ.get("NO_COLOR")
    print("", lines.text(findings, colour=colour), "", sep="\n", file=sys.stderr, flush=True)
    bad = sum(line.mark == "bad" for line in findings)
    if bad:
        raise WorkflowError(f"The doctor found {bad} of {len(findings)} lines bad; they stand in {folder}/doctor.txt")


def diagnose(found: Mapping[str, str], workflow, ear: _Ear) -> list[Line]:
    """Return all lines."""
    executor = workflow.executor_plugin.name
    on_slurm = executor == "slurm"
    written = {step: json.loads(Path(path).read_text(encoding="utf-8")) for step, path in found.items() if _is(path)}
    jobs = {step: _job(facts["given"].get("SLURM_JOB_ID", "")) if on_slurm else None for step, facts in written.items()}
    findings = [_here()]
    if on_slurm:
        findings += _slurm(workflow, [job for job in jobs.values() if job is not None])
    else:
        findings.append(Line("note", "SLURM", f"not used here: jobs run by the executor {executor}"))
    images = _images(workflow)
    for step in found:
        if step in written:
            findings += lines.of_step(step, written[step], image=images[f"doctor_{step}"], job=jobs[step])
        else:
            findings.append(_failure(step, ear, workflow.execution_settings.latency_wait))
    if written:
        results = Path(next(iter(found.values()))).parents[1]
        login = {"ahead": steps.seconds_ahead(results), "begin": ear.begin, "time": time.time()}
        findings += lines.of_files(written, login, f"{results}/")
    return findings


def _is(path: str) -> bool:
    return Path(path).exists()


def _images(workflow) -> dict[str, str]:
    """Return rule -> the image that its jobs run in, or an empty text."""
    used = containers.are_used(workflow.deployment_settings.deployment_method)
    return {job.rule.name: job.container_img_url or "" if used else "" for job in workflow.dag.jobs}


def _here() -> Line:
    versions = [f"Python {platform.python_version()}"]
    for name in ("snakemake", "snakemake-executor-plugin-slurm"):
        try:
            versions.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            versions.append(f"no {name}")
    return Line("ok", "this machine", f"{', '.join(versions)} on {platform.node()}")


def _failure(step: str, ear: _Ear, latency: int) -> Line:
    """Return the line of a step that wrote nothing."""
    rule = f"doctor_{step}"
    of_job = [record for record in ear.heard if getattr(record, "rule_name", None) == rule]
    if of_job:
        facts = vars(of_job[-1])
        said = _said(facts["rule_msg"] or "")
        last, log = _last_words([path.split(" (")[0] for path in facts["log"]])
        return lines.of_failure(step, ": ".join(filter(None, (said, last))) or "it failed", log)
    if any(f"rule {rule} " in record.getMessage() for record in ear.heard):  # MissingOutputException
        cure = "a slow file system: raise latency-wait in the profile. Or nodes do not see this folder at all"
        return Line("bad", step, f"the job ended well, and its file was not seen here within {latency} s", cure)
    cure = "while it waits, `squeue --me` says why: its last column"
    return Line("bad", step, "the job did not come to its end before Snakemake was stopped", cure)


def _said(message: str) -> str:
    """Return what SLURM says, out of what its plugin and Snakemake make of it."""
    message = message.removesuffix(ADDED)
    if refused := re.search(r"sbatch failed\. The error message was '(.*?)'\.\n", message, re.DOTALL):
        message = f"not submitted: {refused[1]}"
    message = message.replace("Detailed failure reason unavailable (status command is not 'sacct').", "")
    return " ".join(message.split()).rstrip(".")


def _last_words(logs: Sequence[str]) -> tuple[str, str]:
    """Return the line of a job's logs that says most, the later the better, and the log that it is from."""
    said = [
        (line.strip(), str(path))
        for path in map(Path, logs)
        if path.is_file()
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip() and not re.match(NOISE, line.strip())
    ]
    for words in TELLING:
        for line, path in reversed(said):
            if re.search(words, line):
                return line, path
    return "", str(logs[-1]) if logs else ""


def _ask(*command: str) -> tuple[str, str]:
    """Return what a command prints, and what it says where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    return (done.stdout, "") if done.returncode == 0 else ("", done.stderr.strip() or f"exit code {done.returncode}")


def _job(number: str) -> dict[str, str]:
    """Return what SLURM says of a job: key -> value."""
    answer = _ask("scontrol", "show", "job", "-o", number)[0] if number else ""
    pairs = dict(re.findall(r"(\S+?)=(\S*)", answer))
    return {key: value for key, value in pairs.items() if value not in ("", "(null)", "N/A")}


def _slurm(workflow, jobs: Sequence[Mapping[str, str]]) -> list[Line]:
    answer, _ = _ask("scontrol", "show", "config")
    config = dict(re.findall(r"^(\S+)\s*=\s*(.*?)\s*$", answer, re.MULTILINE))
    _, accounting = _ask("sacct", "-n", "-X")
    return [
        lines.of_commands({name: shutil.which(name) for name in COMMANDS}),
        *lines.of_slurm(
            config,
            status=workflow.executor_settings.status_command or "",
            accounting=accounting,
            jobs=int(workflow.resource_settings.nodes or 1),
            limits=[] if accounting else limits(jobs),
        ),
    ]


def limits(jobs: Sequence[Mapping[str, str]]) -> list[str]:
    """Return how many jobs this user may submit, as ``<whose>=<number>``.

    As SLURM has it, the limit of a partition's QOS comes before that of the job's, and that before the association's.

    Args:
        jobs: What SLURM says of each of the doctor's jobs; without any, all associations count.
    """
    user = getpass.getuser()
    of_qos = _table("sacctmgr", "-nP", "show", "qos", "format=Name,MaxSubmitJobsPerUser")
    of_user = ("sacctmgr", "-nP", "show", "assoc", "where", f"user={user}")
    of_account = dict(_table(*of_user, "format=Account,MaxSubmitJobs"))
    found = set()
    for job in jobs or [{}]:
        partition = _ask("scontrol", "show", "partition", "-o", job["Partition"])[0] if "Partition" in job else ""
        names = [*re.findall(r"\bQoS=(\S+)", partition), job.get("QOS", "")]
        ranked = [f"QOS {name}={number}" for wanted in names for name, number in of_qos if name == wanted and number]
        accounts = [job["Account"]] if "Account" in job else list(of_account)
        ranked += [f"account {name}={of_account[name]}" for name in accounts if of_account.get(name)]
        found.update(ranked[:1])
    return sorted(found)


def _table(*command: str) -> list[list[str]]:
    return [line.split("|") for line in _ask(*command)[0].splitlines()]
