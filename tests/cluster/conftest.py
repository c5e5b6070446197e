"""A real one-node SLURM cluster with two GPUs that have no driver, and real Apptainer."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.debian import script
from tests.workflow.conftest import Bakeoff, copy_checkout

HERE = Path(__file__).parent
FOLDER = Path("/tmp/skybake-cluster")  # not pytest's: every user must be able to walk to it
# In a test, ends of jobs are looked for soon, and nothing needs the time that a network file system takes.
HASTE = ["--slurm-init-seconds-before-status-checks", "5", "--latency-wait", "5", "--local-cores", "1"]
NO_CONTAINERS = ["--software-deployment-method", "env-modules"]  # which no rule has
CONFIG = {
    "title": "A test",
    "datasets": {
        "clusters": {
            "survey": "efeds",
            "mock": {"n_clusters": 150, "seed": 3},
            "split": {"strategy": "group", "test": 0.25, "valid": 0.2, "seed": 40},
        }
    },
    "bakeoffs": {
        "clusters": {
            "datasets": ["clusters"],
            "models": ["deeper_sequential", {"simple_sequential": {"filters": 4}}],
            "losses": ["mse", "gaussian_nll"],
            "baselines": ["constant"],
            "seeds": [1],
            "training": {"epochs": 1, "device": "any"},  # the GPUs of these tests cannot compute
        }
    },
    "figures": {"run": ["loss_curve"], "comparison": ["forest"], "explore": [], "inside": []},
    "statistics": {"draws": 200},
}


class Cluster:
    """The SLURM cluster of the tests."""

    def __init__(self, folder):
        self.folder = folder

    def start(self):
        """Start the daemons that are not running."""
        script(HERE / "slurm.sh", "up", self.folder)

    def kill(self, daemon):
        """End a daemon as a crash would; return when it is gone."""
        pid = int((self.folder / f"{daemon}.pid").read_text())
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not Path(f"/proc/{pid}").exists(), f"{daemon}'s end")

    def processes(self, job):
        """Return the processes of a job, SLURM's own that watch it first."""
        watching, working = [], []
        for folder in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if (folder / "cmdline").read_bytes().startswith(f"slurmstepd: [{job}.".encode()):
                    watching.append(int(folder.name))
                elif f"SLURM_JOB_ID={job}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                    working.append(int(folder.name))
        return [*watching, *working]

    def ask(self, *command):
        """Return the lines that a SLURM command prints."""
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()

    def queue(self, *, rule="", states="PENDING,RUNNING"):
        """Return the ids of the jobs of a rule in the queue."""
        found = [line.split("|") for line in self.ask("squeue", "-h", "-t", states, "-o", "%i|%k")]
        return [int(job) for job, comment in found if f"rule_{rule}" in comment]

    def history(self, since=0):
        """Return the jobs that were submitted after job ``since``, in order: what sacct says of each."""
        fields = ["JobID", "State", "Start", "End", "AllocTRES", "ReqMem", "TimelimitRaw", "Comment"]
        lines = self.ask("sacct", "-X", "-n", "-P", "-S", "now-1day", "-o", ",".join(fields))
        jobs = [dict(zip(fields, line.split("|"), strict=True)) for line in lines]
        return [job for job in jobs if int(job["JobID"]) > since]

    def last(self):
        """Return the id of the last job."""
        return max((int(job["JobID"]) for job in self.history()), default=0)


def wait_until(happened, what, seconds=120):
    """Wait for something to happen, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = happened()
        if found:
            return found
        time.sleep(0.2)
    raise AssertionError(f"waited {seconds} s for {what}")


@pytest.fixture(scope="session")
def cluster():
    """A running cluster without jobs."""
    running = Cluster(FOLDER / "slurm")
    running.start()
    running.ask("scancel", "--partition=all")
    yield running
    subprocess.run([HERE / "slurm.sh", "down", running.folder], check=True)


@pytest.fixture(scope="session")
def checkout(tmp_path_factory):
    """A copy of what runs, so that an edit meanwhile changes nothing."""
    return copy_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="session")
def ingested(checkout, tmp_path_factory):
    """The bake-off with its dataset and split, and nothing trained."""
    bakeoff = Bakeoff(tmp_path_factory.mktemp("ingested"), checkout)
    bakeoff.write(CONFIG)
    bakeoff.snakemake("results/clusters/split-40.h5", "results/clusters/explore.html", "results/config.yaml")
    yield bakeoff
    assert not (bakeoff.folder / "results/clusters/runs").exists(), "a test trained here, not in a branch of it"


def branch(bakeoff, folder, config):
    """Return a bake-off for SLURM with another config, which begins with what a bake-off has made."""
    shutil.copytree(bakeoff.folder, folder)
    other = Bakeoff(folder, bakeoff.checkout, "slurm")
    other.write(config)
    return other


@pytest.fixture(scope="session")
def images(checkout):
    """The folder of the checkout's images, built where definition or lock file is newer."""
    script(HERE / "apptainer.sh")
    base = FOLDER / "base.sif"
    if not base.exists():
        script(HERE / "base-image.sh", base)
    folder = checkout / "containers" / "images"
    (FOLDER / "images").mkdir(exist_ok=True)
    folder.symlink_to(FOLDER / "images")
    bakeoff = Bakeoff(FOLDER / "build", checkout)
    bakeoff.write(CONFIG)
    lent = [path for path in ("/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt") if Path(path).exists()]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKYBAKE_BASE_IMAGE", str(base))
        patch.setenv("APPTAINER_BIND", ",".join(lent))
        bakeoff.snakemake("containers", "--cores", "1")
    gpu = folder / "train-gpu.sif"  # which cannot be used here, and is too large for a test
    if not gpu.exists():
        gpu.symlink_to("train-cpu.sif")
    return folder


@pytest.fixture(scope="session")
def baked(cluster, checkout, images, tmp_path_factory):
    """The bake-off, and its network applied, through profiles/slurm in containers; what SLURM says of its jobs."""
    bakeoff = Bakeoff(tmp_path_factory.mktemp("baked with blanks"), checkout, "slurm")
    bakeoff.write(CONFIG | {"apply": {"night": {"mock": {"n_clusters": 20, "seed": 9}}}})
    before = cluster.last()
    bakeoff.snakemake(*HASTE)
    return bakeoff, cluster.history(before)
