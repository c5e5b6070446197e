"""The doctor on a real SLURM cluster, whose GPUs have no driver."""

import getpass

import pytest

from skybake.workflow.doctor import login
from tests.cluster.conftest import CONFIG, HASTE, HERE, NO_CONTAINERS
from tests.debian import script
from tests.workflow.conftest import Bakeoff, copy_checkout


@pytest.fixture
def bakeoff(checkout, tmp_path):
    """The bake-off, of which nothing is made yet."""
    bakeoff = Bakeoff(tmp_path, checkout, "slurm")
    bakeoff.write(CONFIG)
    return bakeoff


def call(bakeoff, *arguments):
    """Call the doctor; return its lines, each with its cure behind it, and the exit code."""
    done = bakeoff.snakemake("doctor", *HASTE, *arguments, check=False)
    path = bakeoff.folder / "results" / "doctor" / "doctor.txt"
    assert path.exists(), done.stdout[-5000:]
    written = path.read_text()
    assert written in done.stdout
    return written.replace("\n" + " " * 15 + "cure:", " cure:").splitlines(), done.returncode


def test_a_site_without_a_driver(cluster, bakeoff):
    """The GPU is asked for, given and fenced, and no framework sees it; nothing else is wrong."""
    before = cluster.last()
    lines, code = call(bakeoff, *NO_CONTAINERS)
    assert code == 1
    (wrong,) = [line for line in lines if line.startswith("BAD")]
    assert "train_clusters:" in wrong
    assert "tensorflow sees no GPU, and the job asked for one (gpu=1): CUDA_VISIBLE_DEVICES is 0" in wrong
    assert "the NVIDIA driver is not found" in wrong
    assert "training: {device: any}" in wrong[wrong.index("cure:") :]  # the framework's own error has the cure
    good = "\n".join(line for line in lines if line.startswith("ok "))
    for said in (
        "sbatch, squeue, scancel, scontrol are here",
        "squeue remembers a job for 300 s",
        "sacct answers",
        "account root, partition all, asked gpu=1",
        "gres/gpu=1",
        "asked for gpu=1, and CUDA_VISIBLE_DEVICES is 0",
        "HDF5 writes and reads in results/: data, mock, train_clusters, report",
        "the files of data, mock, train_clusters, report were seen here",
    ):
        assert said in good
    jobs = cluster.history(before)
    assert [job["State"] for job in jobs] == ["COMPLETED"] * 4
    assert sum("gpu" in job["AllocTRES"] for job in jobs) == 1


def test_jobs_that_slurm_refuses_do_not_hide_the_others(cluster, bakeoff):
    """A partition that is not there, and more GPUs than a node has; neither is asked for again."""
    before = cluster.last()
    wishes = ["--set-resources", "train:gpu=9", "doctor_data:slurm_partition='nosuch'"]
    lines, code = call(bakeoff, *NO_CONTAINERS, *wishes)
    assert code == 1
    data, train = [line for line in lines if line.startswith("BAD")]
    assert "data:" in data
    assert "sbatch: error: invalid partition specified: nosuch" in data
    assert "cure: slurm_partition" in data
    assert "train_clusters:" in train
    assert "Requested node configuration is not available" in train
    assert any(line.startswith("ok  report:") and "SLURM took it" in line for line in lines)
    # SLURM keeps a record of what it refused for its GPUs; asked for again, there would be two.
    assert sorted(job["State"] for job in cluster.history(before)) == ["COMPLETED", "COMPLETED", "FAILED"]


def test_an_image_that_does_not_start(cluster, tmp_path):
    script(HERE / "apptainer.sh")
    (tmp_path / "checkout").mkdir()
    bakeoff = Bakeoff(tmp_path / "work", copy_checkout(tmp_path / "checkout"), "slurm")
    bakeoff.write(CONFIG)
    (bakeoff.checkout / "containers" / "images").mkdir()
    for kind in ("data", "mock", "train-gpu", "report"):
        (bakeoff.checkout / "containers" / "images" / f"{kind}.sif").write_text("no image")
    lines, code = call(bakeoff)
    assert code == 1
    wrong = [line for line in lines if line.startswith("BAD")]
    assert [line.split()[1] for line in wrong] == ["data:", "mock:", "train_clusters:", "report:"]
    for line in wrong:
        assert "FATAL" in line
        assert "srun apptainer exec" in line


def test_the_submit_limit_that_slurm_has(cluster):
    assert login.limits([]) == []
    job = {"Account": "root", "Partition": "all", "QOS": "normal"}
    user = ("user", getpass.getuser(), "where", "account=root", "set")
    try:
        cluster.ask("sacctmgr", "-i", "modify", *user, "MaxSubmitJobs=7")
        assert login.limits([job]) == login.limits([]) == ["account root=7"]
        cluster.ask("sacctmgr", "-i", "modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=3")
        assert login.limits([job]) == ["QOS normal=3"]
    finally:
        cluster.ask("sacctmgr", "-i", "modify", *user, "MaxSubmitJobs=-1")
        cluster.ask("sacctmgr", "-i", "modify", "qos", "normal", "set", "MaxSubmitJobsPerUser=-1")
    assert login.limits([job]) == []
