"""Jobs, wall and CPU time of a bake-off on the test cluster, and how much of it is training.

    python benchmarks/cluster.py [--no-containers] [--against CHECKOUT] [--json FILE]
    python benchmarks/cluster.py --models simple_sequential --losses mse --baselines constant    # a small one

As root on Debian, like `make cluster`, whose cluster it starts and stops: one node with two GPUs that cannot compute,
so the trainings take a processor. 30 combinations (25 networks and 5 baselines) on 150 simulated clusters, one epoch,
go through `profiles/slurm` as it is. The images are those of the checkout (`containers/images`), else those that
`make cluster` has built; in place of a missing train-gpu.sif, which could not be used here, stands train-cpu.sif.

Of each rule: its jobs, their wall and CPU time as SLURM accounts for them, and their time in the queue. Training is
`train_seconds` of all runs of networks (timing.json); all else that a training job takes is its overhead: starting
Snakemake twice, the container, the framework, predictions, files. "No job running" is the part of the whole in which
Snakemake or SLURM had nothing at work. With --against, another checkout runs the same bake-off first, with the same
Python; an even number of --rounds is fair to both. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import copy
import csv
import re
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from skybake.files import write_json  # noqa: E402
from skybake.results import run_folder  # noqa: E402
from tests.cluster import conftest as testing  # noqa: E402
from tests.workflow.conftest import Bakeoff  # noqa: E402

MODELS = ("simple_sequential", "deeper_sequential", "nonsequential", "dense", "lesson_cnn")
LOSSES = ("mse", "mae", "huber", "gaussian_nll", "quantile")
BASELINES = ("constant", "redshift_only", "total_flux", "ridge_bands", "nearest_neighbours")
NOT_COPIED = {".git", ".venv", ".snakemake", "results", "data"}  # of a checkout's own folder
OURS, THEIRS = "this checkout", "the other checkout"
FIELDS = ("JobID", "Comment", "State", "Submit", "Start", "End", "TotalCPU")


@dataclass(frozen=True)
class Job:
    """A job as SLURM accounts for it.

    Attributes:
        rule: Of the workflow; the group's name for a group of jobs.
        state: How it ended.
        submitted, started, ended: Seconds since 1970.
        cpu: Seconds, of all its processes.
    """

    rule: str
    state: str
    submitted: float
    started: float
    ended: float
    cpu: float

    @property
    def wall(self) -> float:
        """Seconds from its start to its end."""
        return self.ended - self.started


def config(given: argparse.Namespace) -> dict[str, Any]:
    """Return the bake-off's config."""
    found = copy.deepcopy(testing.CONFIG)
    found["datasets"]["clusters"]["mock"]["n_clusters"] = given.clusters
    found["bakeoffs"]["clusters"] = {
        "datasets": ["clusters"],
        "models": list(given.models),
        "losses": list(given.losses),
        "baselines": list(given.baselines),
        "seeds": [1],
        "training": {"epochs": 1, "device": "any"},
    }
    return found


def copied(checkout: Path, folder: Path) -> Path:
    """Copy a checkout, so that an edit meanwhile changes nothing, with links to its images."""

    def left_out(source: str, _: list[str]) -> set[str]:
        here = {checkout: NOT_COPIED, checkout / "containers": {"images"}}
        return {"__pycache__", *here.get(Path(source), ())}

    shutil.copytree(checkout, folder, symlinks=True, ignore=left_out)
    images = folder / "containers" / "images"
    images.mkdir()
    for source in (checkout / "containers" / "images", testing.FOLDER / "images"):
        for image in source.glob("*.sif"):
            if not (images / image.name).exists():
                (images / image.name).symlink_to(image.resolve())
    gpu = images / "train-gpu.sif"
    if not gpu.exists() and (images / "train-cpu.sif").exists():
        gpu.symlink_to("train-cpu.sif")
    return folder


def cpu_seconds(text: str) -> float:
    """Return the seconds of a time as sacct writes it: ``[days-][hours:]minutes:seconds``."""
    days, _, clock = text.rpartition("-")
    parts = [float(part) for part in clock.split(":")]
    return 86400 * int(days or 0) + sum(part * 60**place for place, part in enumerate(reversed(parts)))


def job_of(line: str) -> Job | None:
    """Return the job of a line of sacct; None if it is not over."""
    facts = dict(zip(FIELDS, line.split("|"), strict=True))
    try:
        times = [datetime.fromisoformat(facts[name]).timestamp() for name in ("Submit", "Start", "End")]
    except ValueError:  # Unknown
        return None
    rule = re.sub(r"_wildcards_.*", "", facts["Comment"].removeprefix("rule_"))
    return Job(rule, facts["State"].split()[0], *times, cpu=cpu_seconds(facts["TotalCPU"]))


def jobs_since(cluster: testing.Cluster, last: int) -> list[Job]:
    """Return the jobs after job ``last``, when SLURM has accounted for all of them.

    Raises:
        AssertionError: It has not after two minutes.
    """

    def over() -> list[Job] | None:
        # With --allocations sacct would not add up the CPU time of a job's steps.
        lines = cluster.ask("sacct", "-n", "-P", "-S", "now-1day", "-o", ",".join(FIELDS))
        found = accounted(lines, last)
        return found if all(job and (job.cpu or job.state != "COMPLETED") for job in found) else None

    return testing.wait_until(over, "the account of all jobs, with their CPU time")


def accounted(lines: Iterable[str], last: int) -> list[Job | None]:
    """Return the jobs after job ``last`` among lines of sacct, in which a job's steps have lines of their own."""
    numbered = [(line.split("|")[0], line) for line in lines]
    return [job_of(line) for number, line in numbered if number.isdigit() and int(number) > last]


def idle_seconds(jobs: Iterable[Job], first: float, last: float) -> float:
    """Return how long between two times no job ran."""
    idle, busy_until = 0.0, first
    for job in sorted(jobs, key=lambda job: job.started):
        idle += max(0.0, job.started - busy_until)
        busy_until = max(busy_until, job.ended)
    return idle + max(0.0, last - busy_until)


def trained(results: Path, models: Sequence[str]) -> list[float]:
    """Return the seconds of training of all runs of networks."""
    found = []
    for folder in sorted(results.glob("*/runs/*/*/seed-*")):
        if folder.parents[1].name in models:
            found.append(run_folder.read_timing(folder).train_seconds)
    return found


def measure(checkout: Path, given: argparse.Namespace, cluster: testing.Cluster) -> dict[str, Any]:
    """Run the bake-off with a checkout, and return what it took.

    Raises:
        SystemExit: It failed; its output is printed.
    """
    with tempfile.TemporaryDirectory(dir=testing.FOLDER, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        bakeoff = Bakeoff(folder / "work", copied(checkout, folder / "checkout"), "slurm")
        bakeoff.write(config(given))
        last, here = cluster.last(), resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.time()
        with (folder / "output").open("w+") as output:
            failed = bakeoff.start(*([] if given.containers else testing.NO_CONTAINERS), output=output).wait()
        ended = time.time()
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if failed:
            sys.exit((folder / "output").read_text()[-5000:])
        jobs = jobs_since(cluster, last)
        with (folder / "work/results/comparison.csv").open(newline="", encoding="utf-8") as stream:
            statuses = [row["status"] for row in csv.DictReader(stream)]
        training = trained(folder / "work/results", given.models)
    return {
        "combinations": statuses.count("ok"),
        "jobs": len(jobs),
        "wall_seconds": ended - started,
        "no_job_running_seconds": idle_seconds(jobs, started, ended),
        "snakemake_cpu_seconds": after.ru_utime + after.ru_stime - here.ru_utime - here.ru_stime,
        "training_seconds": sum(training),
        "trainings": len(training),
        "rules": {
            rule: {
                "jobs": len(of_rule),
                "failed": sum(job.state != "COMPLETED" for job in of_rule),
                "wall_seconds": sum(job.wall for job in of_rule),
                "cpu_seconds": sum(job.cpu for job in of_rule),
                "queue_seconds": sum(job.started - job.submitted for job in of_rule),
            }
            for rule in dict.fromkeys(job.rule for job in jobs)
            for of_rule in [[job for job in jobs if job.rule == rule]]
        },
    }


def numbers(found: dict[str, Any]) -> dict[str, float]:
    """Return the numbers that ways are compared by, by what people call them."""
    rules = found["rules"].values()
    trainings = [facts for rule, facts in found["rules"].items() if rule.startswith("train")]
    jobs, wall = (sum(facts[key] for facts in trainings) for key in ("jobs", "wall_seconds"))
    return {
        "jobs": found["jobs"],
        "wall, s": found["wall_seconds"],
        "no job running, s": found["no_job_running_seconds"],
        "wall of all jobs, s": sum(facts["wall_seconds"] for facts in rules),
        "CPU of all jobs, s": sum(facts["cpu_seconds"] for facts in rules),
        "CPU of Snakemake, s": found["snakemake_cpu_seconds"],
        "wall of a training job, s": wall / jobs,
        "of which training, s": found["training_seconds"] / found["trainings"],
        "of which overhead, s": wall / jobs - found["training_seconds"] / jobs,
    }


def rules_table(found: dict[str, Any]) -> str:
    """Return what each rule took, for people."""
    lines = [f"  {'rule':28s} {'jobs':>5s} {'failed':>6s} {'wall s':>8s} {'CPU s':>8s} {'in the queue s':>14s}"]
    for rule, facts in found["rules"].items():
        lines.append(
            f"  {rule:28s} {facts['jobs']:5d} {facts['failed']:6d} {facts['wall_seconds']:8.0f}"
            f" {facts['cpu_seconds']:8.1f} {facts['queue_seconds']:14.0f}"
        )
    return "\n".join(lines)


def arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=MODELS)
    parser.add_argument("--losses", nargs="+", default=LOSSES)
    parser.add_argument("--baselines", nargs="*", default=BASELINES)
    parser.add_argument("--clusters", type=int, default=150, help="simulated objects")
    parser.add_argument("--no-containers", dest="containers", action="store_false")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT", help="run it with another checkout too")
    parser.add_argument("--rounds", type=int, default=1, help="of each checkout, in turns; the median counts")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    return parser.parse_args()


def main() -> None:
    """Start the cluster, run the bake-off with each checkout, print."""
    given = arguments()
    ways = {OURS: ROOT}
    if given.against:
        ways = {THEIRS: given.against.resolve(), **ways}
    cluster = testing.Cluster(testing.FOLDER / "slurm")
    cluster.start()
    try:
        if cluster.queue():
            sys.exit("the test cluster has jobs: something else uses it")
        found: dict[str, list[dict[str, Any]]] = {way: [] for way in ways}
        for turn in range(given.rounds):
            for way, checkout in list(ways.items())[:: -1 if turn % 2 else 1]:  # the first finds nothing in caches
                found[way].append(measure(checkout, given, cluster))
                print(
                    f"\n{way}: {found[way][-1]['combinations']} combinations\n{rules_table(found[way][-1])}", flush=True
                )
    finally:
        subprocess.run([testing.HERE / "slurm.sh", "down", cluster.folder], check=True)
    medians = {}
    for way, measured in found.items():
        rounds = [numbers(one) for one in measured]
        medians[way] = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    print(f"\n{'in containers' if given.containers else 'without containers'}: {', '.join(reversed(ways))}")
    for name, ours in medians[OURS].items():
        theirs = medians[THEIRS][name] if given.against else None
        compared = "" if theirs is None else f" {theirs:10.1f}" + (f"   / ours {theirs / ours:.2f}" if ours else "")
        print(f"  {name:28s} {ours:10.1f}{compared}")
    if given.json:
        write_json(given.json, {"containers": given.containers, "ways": found, "medians": medians})


if __name__ == "__main__":
    main()
