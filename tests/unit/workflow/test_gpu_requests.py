"""How jobs ask for a GPU, however a site wants it."""

import pytest

from skybake.workflow import gpu_requests, jobs


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ({"gpu": 1}, "gpu=1"),
        ({"gpu": 2, "gpu_model": "a100"}, "gpu=2, gpu_model=a100"),
        ({"gpu_model": "a100"}, "gpu_model=a100"),
        ({"gres": "gpu"}, "gres=gpu"),
        ({"gres": "gpu:1"}, "gres=gpu:1"),
        ({"gres": "gpu:a100:2"}, "gres=gpu:a100:2"),
        ({"gres": "gpu:1g.10gb:1"}, "gres=gpu:1g.10gb:1"),
        ({"gres": "shard:2"}, "gres=shard:2"),
        ({"gres": "mps:50"}, "gres=mps:50"),
        ({"slurm_extra": "-G2"}, "-G2"),
        ({"slurm_extra": "--open-mode=append -G 2 --signal=TERM@90"}, "-G 2"),
        ({"slurm_extra": "-G a100:1"}, "-G a100:1"),
        ({"slurm_extra": "--gpus-per-node=nvidia_a100-sxm4-40gb:1"}, "--gpus-per-node=nvidia_a100-sxm4-40gb:1"),
        ({"slurm_extra": "--exclusive --gpus-per-task 1"}, "--gpus-per-task 1"),
        ({"slurm_extra": "--gpus-per-socket=1 --sockets-per-node=1"}, "--gpus-per-socket=1"),
        ({"slurm_extra": "--tres-per-task=cpu:2,gres/gpu:1"}, "--tres-per-task=cpu:2,gres/gpu:1"),
        ({"slurm_extra": "--tres-per-node gres/gpu=1"}, "--tres-per-node gres/gpu=1"),
        ({"slurm_extra": "--tres-per-job=gres:gpu:a100:1"}, "--tres-per-job=gres:gpu:a100:1"),
        ({"slurm_extra": "--tres-per-socket=gres/shard:1"}, "--tres-per-socket=gres/shard:1"),
        ({"gpu": 1, "slurm_extra": "--gpus-per-node=1"}, "gpu=1, --gpus-per-node=1"),
    ],
)
def test_a_request_for_a_gpu_is_recognised(resources, said):
    assert jobs.asked_gpu(resources) == said


@pytest.mark.parametrize(
    "resources",
    [
        {},
        {"gpu": 0, "gpu_model": "", "gres": "", "slurm_extra": ""},
        {"gpu": None, "gres": None, "slurm_extra": None},
        {"gres": "gpu:0"},
        {"gres": "tmp:100G"},
        {"gres": "gpufs:1"},
        {"slurm_extra": "--open-mode=append --signal=TERM@90"},
        {"slurm_extra": "-G 0"},
        {"slurm_extra": "--gpus-per-node=0"},
        {"slurm_extra": "--tres-per-task=cpu:2"},
        {"slurm_extra": "--nodelist='gpu1 -G 2'"},
        {"slurm_extra": "--gpu-bind=closest"},
    ],
)
def test_what_asks_for_none_is_not_taken_for_a_request(resources):
    assert jobs.asked_gpu(resources) == ""


@pytest.mark.parametrize(
    ("extra", "left"),
    [
        ("--open-mode=append --signal=TERM@90", "--open-mode=append --signal=TERM@90"),
        ("--open-mode=append -G 2 --signal=TERM@90", "--open-mode=append --signal=TERM@90"),
        ("-Ga100:1 --exclude=node7", "--exclude=node7"),
        ("--gpus-per-node 1 --exclusive", "--exclusive"),
        ("--gpus-per-task=1 --gpu-bind=closest --mem-per-gpu=4G --nice=5", "--nice=5"),
        ("--tres-per-task=cpu:2,gres/gpu:1 --nice=5", "--tres-per-task=cpu:2 --nice=5"),
        ("--tres-per-node=gres/gpu:1", ""),
        ("--gpus-per-node=1 --nodelist='a b'", "'--nodelist=a b'"),
    ],
)
def test_a_training_on_a_cpu_keeps_all_other_options(extra, left):
    assert gpu_requests.without(extra) == left
    assert not gpu_requests.asked({"slurm_extra": left})
