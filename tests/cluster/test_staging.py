"""Jobs on SLURM, in containers, that see copies of their files on their node's own disk."""

import shutil
from pathlib import Path

import pytest

from tests.cluster.conftest import CONFIG, HASTE, branch

NODE = Path("/srv/skybake-node")  # where no container looks by itself
STAGED = [
    *("--default-storage-provider", "fs", "--local-storage-prefix", f"{NODE}/login"),
    *("--remote-job-local-storage-prefix", f"{NODE}/$SLURM_JOB_ID"),
    *("--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache"),
]
RUN = "results/clusters/runs/deeper_sequential/mse/seed-1"
JUDGED = "results/clusters/evaluation/constant/baseline/metrics.json"


@pytest.fixture
def node():
    shutil.rmtree(NODE, ignore_errors=True)
    yield NODE
    shutil.rmtree(NODE, ignore_errors=True)


def test_jobs_work_on_copies_on_their_node(cluster, images, ingested, rsync, node, tmp_path):
    bakeoff, before = branch(ingested, tmp_path / "work", CONFIG), cluster.last()
    bakeoff.snakemake(f"{RUN}/predictions.h5", JUDGED, *HASTE, "--retries", "0", *STAGED)
    jobs = [int(job["JobID"]) for job in cluster.history(before)]
    assert len(jobs) >= 2
    for job in jobs:
        assert (node / f"{job}/fs/results/clusters").is_dir()
    assert not list(node.glob("*/fs/**/*.h5"))  # the copies are gone with the jobs
    alone = branch(ingested, tmp_path / "alone", CONFIG)
    alone.profile = "local"
    alone.snakemake(f"{RUN}/predictions.h5", JUDGED)
    for name in (f"{RUN}/predictions.h5", JUDGED):
        assert (bakeoff.folder / name).read_bytes() == (alone.folder / name).read_bytes()
