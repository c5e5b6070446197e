"""How a GPU is asked for decides the image, and what SLURM would not get stops before any job."""

import re

import pytest

from tests.workflow.conftest import CONFIG, Bakeoff


@pytest.fixture
def bakeoff(tmp_path):
    found = Bakeoff(tmp_path, profile="slurm")
    found.write(CONFIG)
    return found


@pytest.mark.parametrize(
    ("entries", "images"),
    [
        (["train:slurm_extra=--gpus-per-node=nvidia_a100-sxm4-40gb:1"], {"train-gpu"}),
        (["train_galaxies:gres=shard:1"], {"train-gpu", "train-cpu"}),
        (["train:runtime=60"], {"train-cpu"}),  # in place of the profile's block
    ],
)
def test_the_image_follows_the_request(bakeoff, entries, images):
    done = bakeoff.snakemake("containers", "--dry-run", "--forcerun", "build_image", "--set-resources", *entries)
    assert set(re.findall(r"images/(train-[a-z]+)\.sif", done.stdout)) == images


def test_a_request_that_slurm_would_not_get_is_refused_before_any_job(bakeoff):
    done = bakeoff.snakemake("--set-resources", "train:gpus=1", "ingest:slurm_extra='--qos=long'", check=False)
    assert done.returncode != 0
    assert "set-resources: train: gpus: 1 is not passed on to SLURM; expected gpu: 1" in done.stdout
    assert "set-resources: ingest: slurm_extra: '--qos=long' is refused" in done.stdout
    assert not (bakeoff.folder / "results").exists()
