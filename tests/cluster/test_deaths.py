"""What clusters do to jobs: the training goes on where it stopped and ends with the numbers of an undisturbed one."""

import contextlib
import copy
import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.cluster.conftest import CONFIG, HASTE, NO_CONTAINERS, branch, wait_until
from tests.workflow.conftest import Bakeoff

LONG = copy.deepcopy(CONFIG)
LONG["bakeoffs"]["clusters"] |= {"models": [{"simple_sequential": {"filters": 4}}], "losses": ["mse"]}
LONG["bakeoffs"]["clusters"]["training"] = {"epochs": 1000, "device": "any", "checkpoint_seconds": 0}
RUNS = "results/clusters/runs/simple_sequential-filters=4/mse"
LOG = "results/logs/train/clusters/simple_sequential-filters=4/mse.log"
ONLY_TRAINING = ["--until", "train_clusters"]


@pytest.fixture(scope="module")
def undisturbed(ingested, tmp_path_factory):
    """The results of a training that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed") / "work"
    branch(ingested, folder, LONG)
    Bakeoff(folder, ingested.checkout).snakemake(*ONLY_TRAINING)
    return folder


class Disturbed:
    """A bake-off that runs on the cluster while something happens to it."""

    def __init__(self, bakeoff, cluster, *arguments):
        self.bakeoff, self.cluster, self.before = bakeoff, cluster, cluster.last()
        self.output = (bakeoff.folder / "output").open("w+")
        self.process = bakeoff.start(*HASTE, *NO_CONTAINERS, *ONLY_TRAINING, *arguments, output=self.output)

    def at_work(self):
        """Return the job of the training, once it has kept its state."""
        state = self.bakeoff.folder / RUNS / ".work" / "seed-1.npz"
        wait_until(state.exists, "the first checkpoint", 240)
        (job,) = self.cluster.queue(rule="train_clusters", states="RUNNING")
        return job

    def pids(self):
        """Return the processes that run this training's script, and no other's on this machine."""
        found = []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                here = (folder / "cwd").resolve() == self.bakeoff.folder.resolve()
                if here and any(re.search(r"\.snakemake/scripts/tmp\w+\.train\.py$", word) for word in words):
                    found.append(int(folder.name))
        return found

    def end(self, seconds=900):
        """Wait for Snakemake; return its exit code."""
        return self.process.wait(seconds)

    def states(self):
        """Return how the training's jobs ended, in order."""
        return [job["State"].split()[0] for job in self.cluster.history(self.before)]

    def said(self):
        return (self.bakeoff.folder / "output").read_text()


@pytest.fixture
def disturbed(ingested, undisturbed, cluster, tmp_path):
    """Start the bake-off; when the test ends it must be over, complete, and with the undisturbed numbers."""
    started = []

    def start(*arguments):
        bakeoff = branch(ingested, tmp_path / "work", LONG)
        started.append(Disturbed(bakeoff, cluster, *arguments))
        return started[0]

    yield start
    cluster.start()
    for run in started:
        run.process.send_signal(signal.SIGKILL)
        run.process.wait()
    cluster.ask("scancel", "--partition=all")


def assert_same_numbers(run, undisturbed):
    """The workflow ends well, with the bytes of the undisturbed training."""
    assert run.end() == 0, run.said()[-3000:]
    for name in ("predictions.h5", "history.csv", "model.keras"):
        file = f"{RUNS}/seed-1/{name}"
        assert (run.bakeoff.folder / file).read_bytes() == (undisturbed / file).read_bytes(), file


def assert_gone_on(run, undisturbed):
    """And the training did not begin anew."""
    assert_same_numbers(run, undisturbed)
    assert re.search(r"seed 1: going on (after epoch|in epoch) \d+", (run.bakeoff.folder / LOG).read_text())


def test_requeue(disturbed, undisturbed, cluster):
    run = disturbed()
    job = run.at_work()
    cluster.ask("scontrol", "requeue", str(job))
    wait_until(lambda: cluster.queue(rule="train_clusters", states="PENDING"), "the requeued job")
    cluster.ask("scontrol", "update", f"jobid={job}", "StartTime=now")  # SLURM would wait two minutes
    assert_gone_on(run, undisturbed)
    assert run.states() == ["COMPLETED"]


def test_scancel(disturbed, undisturbed, cluster):
    run = disturbed()
    cluster.ask("scancel", str(run.at_work()))
    assert_gone_on(run, undisturbed)
    assert run.states() == ["CANCELLED", "COMPLETED"]


def test_time_limit(disturbed, undisturbed, cluster):
    run = disturbed()
    job = run.at_work()
    minutes, seconds = map(int, cluster.ask("squeue", "-h", "-j", str(job), "-o", "%M")[0].split(":"))
    limit = (60 * minutes + seconds + 30) // 60 + 1  # 30 to 90 s ahead: the warning comes now, and it can end
    cluster.ask("scontrol", "update", f"jobid={job}", f"TimeLimit={limit}")
    assert_gone_on(run, undisturbed)
    assert run.states() == ["FAILED", "COMPLETED"]  # it ended at the warning
    assert "SIGTERM came" in (run.bakeoff.folder / LOG).read_text()


def test_out_of_memory(disturbed, undisturbed, cluster):
    run = disturbed("--set-resources", "train:gpu=1", "train:mem_mb=300*attempt**3")
    assert_same_numbers(run, undisturbed)
    states = run.states()
    assert states[-1] == "COMPLETED"
    assert {*states[:-1]} <= {"FAILED", "OUT_OF_MEMORY"}
    assert len(states) >= 2
    memory = [float(job["ReqMem"].removesuffix("M")) for job in cluster.history(run.before)]
    assert memory == [300.0 * attempt**3 for attempt in range(1, len(states) + 1)]


def test_script_killed(disturbed, undisturbed, cluster):
    run = disturbed()
    run.at_work()
    for pid in run.pids():
        os.kill(pid, signal.SIGKILL)
    assert_gone_on(run, undisturbed)
    assert run.states() == ["FAILED", "COMPLETED"]
    first, second = cluster.history(run.before)
    assert (first["ReqMem"], first["TimelimitRaw"]) == (second["ReqMem"], second["TimelimitRaw"])  # nothing was lacking


def test_a_failure_that_cannot_pass_asks_for_a_gpu_once(ingested, cluster, tmp_path):
    """Its later attempts wait for no GPU, and end at once with the same words."""
    config = copy.deepcopy(LONG)
    config["bakeoffs"]["clusters"]["training"] = {"epochs": 300}  # the GPUs of these tests cannot compute
    bakeoff = branch(ingested, tmp_path / "work", config)
    before = cluster.last()
    done = bakeoff.snakemake(*HASTE, *NO_CONTAINERS, "--retries", "2", check=False)
    assert done.returncode != 0
    jobs = [job for job in cluster.history(before) if "rule_train_clusters" in job["Comment"]]
    assert [job["State"] for job in jobs] == ["FAILED"] * 3
    assert ["gres/gpu=1" in job["AllocTRES"] for job in jobs] == [True, False, False]
    assert [job["TimelimitRaw"] for job in jobs[1:]] == ["5", "5"]
    assert [float(job["ReqMem"].removesuffix("M")) for job in jobs[1:]] == [1000, 1000]
    log = (bakeoff.folder / LOG).read_text()
    assert log.count("BackendError: tensorflow sees no GPU") >= 1
    assert log.count("Hopeless: BackendError: tensorflow sees no GPU") == 2
    assert "sees no GPU" in (bakeoff.folder / "results/clusters/report.html").read_text()


def test_a_limit_of_jobs_in_the_queue_costs_no_retry(ingested, cluster, tmp_path):
    """SLURM refuses the second job of a user; all are done in the end, each at its first attempt."""
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["clusters"]["models"] = [{"simple_sequential": {"filters": filters}} for filters in (1, 2, 3)]
    config["bakeoffs"]["clusters"]["losses"] = ["mse"]
    bakeoff = branch(ingested, tmp_path / "work", config)
    before = cluster.last()
    cluster.ask("sacctmgr", "-i", "modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=1")
    try:
        done = bakeoff.snakemake(*HASTE, *NO_CONTAINERS, *ONLY_TRAINING, "--retries", "0")
    finally:
        cluster.ask("sacctmgr", "-i", "modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=-1")
    jobs = cluster.history(before)
    assert [job["State"] for job in jobs] == ["COMPLETED"] * 3
    assert done.stdout.count("skybake: the limit of jobs in the queue is reached") >= 1
    assert "sbatch failed" not in done.stdout


def test_slurmctld_restarted(disturbed, undisturbed, cluster):
    run = disturbed()
    run.at_work()
    cluster.kill("slurmctld")
    time.sleep(30)  # for a while no command of SLURM gets an answer
    cluster.start()
    assert_same_numbers(run, undisturbed)
    assert run.states() == ["COMPLETED"]  # it did not notice


def test_node_lost_and_back(disturbed, undisturbed, cluster):
    run = disturbed()
    job = run.at_work()
    cluster.kill("slurmd")
    for pid in cluster.processes(job):  # as the node's end would
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "down" in cluster.ask("sinfo", "-hN", "-o", "%T")[0], "the node's end")
    cluster.start()
    wait_until(lambda: cluster.queue(rule="train_clusters"), "the job in the queue again")
    time.sleep(10)  # this SLURM's controller may crash where a job starts in the second in which its node returns
    cluster.ask("scontrol", "update", f"jobid={job}", "StartTime=now")
    assert_gone_on(run, undisturbed)
    assert run.states() == ["COMPLETED"]  # the same job, requeued
