"""What a bake-off is doing now, for a second terminal: ``make watch``."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

SHOWN = 20  # trainings, those whose logs were written last
TAIL = 65536  # bytes of a log that are looked at
QUEUE = "%i|%T|%M|%R|%k"  # of squeue: id, state, time, reason or node, comment
# Lines of the frameworks, of warnings, and the inner lines of a traceback: they do not say where a training is.
NOISE = re.compile(
    r"\s|$|WARNING|I\d{4} |[WEF]\d{4} |\d{4}-\d\d-\d\d [\d:.]+: [IWEF] |To enable the following|Skipping registering"
    r"|\S+: \w*Warning: |Traceback |AttributeError: 'MessageFactory'"
)


def main(arguments: list[str]) -> None:
    """Print the queue, and where each training is."""
    results = Path(arguments[0] if arguments else "results")
    width = shutil.get_terminal_size((160, 24)).columns
    for line in [*queue(), "", *trainings(results)]:
        print(line[:width])


def queue() -> list[str]:
    """Return a line for each job of this user in SLURM's queue; none where there is no SLURM."""
    command = ["squeue", "--noheader", "--user", str(os.getuid()), "--format", QUEUE]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return []
    if done.returncode != 0:
        return [f"squeue: {done.stderr.strip()}"]
    return [job_line(line) for line in done.stdout.splitlines()] or ["no job in the queue"]


def job_line(line: str) -> str:
    """Return how a job is shown: its rule and names, not the name by which Snakemake finds it."""
    job, state, time, where, comment = line.split("|", 4)
    what = comment.removeprefix("rule_").replace("_wildcards_", ": ", 1)
    return f"{job:>10} {state:<10} {time:>11}  {what}  {where}"


def trainings(results: Path) -> list[str]:
    """Return a line for each training that wrote last: its names, and the last line of its log that tells something."""
    folder = results / "logs" / "train"
    logs = {path: path.stat().st_mtime for path in folder.glob("**/*.log") if not path.name.startswith(".")}
    newest = sorted(logs, key=logs.__getitem__, reverse=True)[:SHOWN]
    named = [(path.relative_to(folder).with_suffix("").parts, last_line(path)) for path in newest]
    label = max((len("/".join(names)) for names, _ in named), default=0)
    return [f"{'/'.join(names):<{label}}  {said.removeprefix(' '.join(names)).lstrip()}" for names, said in named]


def last_line(log: Path) -> str:
    """Return the last line of a log that is not noise of a framework; empty where there is none."""
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - TAIL))
        lines = stream.read().decode(errors="replace").splitlines()
    return next((line for line in reversed(lines) if not NOISE.match(line)), "")


if __name__ == "__main__":
    main(sys.argv[1:])
