"""Ways to ask for a GPU on a real SLURM cluster, and Snakemake itself as one of its jobs."""

import copy
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.conftest import CONFIG, HASTE, NO_CONTAINERS, branch

EXTRA = "--open-mode=append --signal=TERM@90"
WAYS = {  # bake-off -> what the profile gives its trainings
    "short": {"slurm_extra": f"{EXTRA} -G 1"},
    "node": {"slurm_extra": f"{EXTRA} --gpus-per-node=1"},
    "task": {"slurm_extra": f"{EXTRA} --gpus-per-task=1"},
    "gres": {"gres": "gpu:1"},
}
SAID = {"short": "-G 1", "node": "--gpus-per-node=1", "task": "--gpus-per-task=1", "gres": "gres=gpu:1"}
MODELS = {name: {"simple_sequential": {"filters": 2 + place}} for place, name in enumerate([*WAYS, "cpu"])}


@pytest.fixture(scope="module")
def trained(cluster, ingested, tmp_path_factory):
    """A bake-off for each way, all trained by a Snakemake that is a job itself; and what SLURM says of the jobs."""
    config = copy.deepcopy(CONFIG)
    (given,) = config["bakeoffs"].values()
    config["bakeoffs"] = {
        name: {
            **given,
            "models": [model],
            "losses": ["mse"],
            "baselines": [],
            "training": {"epochs": 1, "device": "any"},
        }
        for name, model in MODELS.items()
    }
    config["bakeoffs"]["cpu"]["training"]["device"] = "cpu"
    bakeoff = branch(ingested, tmp_path_factory.mktemp("requests") / "work", config)
    entries = [f"train_{rule}:{key}='{value}'" for rule, way in WAYS.items() for key, value in way.items()]
    entries += ["train_cpu:gpu=1", f"train_cpu:slurm_extra='{EXTRA} --gpus-per-node=1'"]
    rules = [f"train_{name}" for name in MODELS]
    command = bakeoff.command(*HASTE, *NO_CONTAINERS, "--set-resources", *entries, "--until", *rules)
    before = cluster.last()
    job = ["sbatch", "--wait", "--output", "outer.log", "--cpus-per-task=1", "--mem=1000", "--time=10"]
    job += ["--wrap", f"exec {shlex.join(command)}"]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(job, cwd=bakeoff.folder, env=environment, check=False, timeout=400)
    assert done.returncode == 0, (bakeoff.folder / "outer.log").read_text()[-5000:]
    return bakeoff, cluster.history(before)


def of_bakeoff(trained, name):
    """Return the job of a bake-off's only training, and its log."""
    (job,) = [job for job in trained[1] if job["Comment"].startswith(f"rule_train_{name}_wildcards")]
    filters = MODELS[name]["simple_sequential"]["filters"]
    return job, (
        trained[0].folder / f"results/logs/train/clusters/simple_sequential-filters={filters}/mse.log"
    ).read_text()


@pytest.mark.parametrize("name", WAYS)
def test_a_gpu_is_had_and_seen_however_it_is_asked_for(trained, name):
    job, log = of_bakeoff(trained, name)
    assert "gres/gpu=1" in job["AllocTRES"]
    assert f"the job asked for {SAID[name]}; CUDA_VISIBLE_DEVICES is 0" in log


def test_a_training_on_a_cpu_has_no_gpu_however_the_profile_asks(trained):
    job, log = of_bakeoff(trained, "cpu")
    assert "gpu" not in job["AllocTRES"]
    assert "the job asked for no GPU" in log


def test_snakemake_runs_as_a_job(trained):
    outer, *others = trained[1]
    assert not outer["Comment"]
    assert len(others) == len(MODELS)
    assert {job["State"] for job in trained[1]} == {"COMPLETED"}
    assert "You are running snakemake in a SLURM job context" in (trained[0].folder / "outer.log").read_text()
