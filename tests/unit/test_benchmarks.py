"""The benchmark of the training loop runs where little is installed; that of a cluster reads SLURM's accounts."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from skybake import plugins
from skybake.training.settings import Training
from skybake.workflow import digests
from tests.conftest import ROOT

PATH = ROOT / "benchmarks" / "gpu.py"


def loaded(name):
    """Import a benchmark, which is a file beside the library."""
    spec = importlib.util.spec_from_file_location(f"benchmark_{name}", ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses look for it
    spec.loader.exec_module(module)
    return module


gpu, cluster, training_step = loaded("gpu"), loaded("cluster"), loaded("training_step")

NEEDED = {"numpy", "h5py", "keras", "pydantic", "pydantic_core"}  # the last comes with pydantic
ASKED_FOR = {  # in functions: the chosen framework, or what this benchmark does not do
    *("tensorflow", "jax"),
    "tqdm",  # which it does without
    *("sklearn", "tensorboardX"),  # of splits that are made, and of `tensorboard: true`
}
REFUSED = ("pandas", "tqdm", "sklearn", "psutil", "yaml", "snakemake", "tensorboardX")


def imported(path, *, everywhere):
    """Return the outside packages that a file imports, in functions too or when it is imported only."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found - {"skybake", "plain_fit", *sys.stdlib_module_names}


def test_its_import_graph_holds_few_packages():
    starts = [PATH, ROOT / "benchmarks" / "plain_fit.py"]
    for case in gpu.CASES:
        modules = [plugins.models()[case.model].module, plugins.losses()[case.loss].module]
        starts += [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    used = digests.used_files(starts)
    assert ROOT / "skybake" / "training" / "fit.py" in used
    assert set().union(*(imported(path, everywhere=False) for path in used)) == NEEDED
    assert set().union(*(imported(path, everywhere=True) for path in used)) <= NEEDED | ASKED_FOR


def test_it_trains_with_the_defaults_of_the_config():
    given = SimpleNamespace(backend="tensorflow", threads=1)
    told = gpu.job_of(gpu.CASES[0], given, Training().epochs).training
    assert told == Training(batch_size=gpu.CASES[0].batch_size)


def benchmark(folder, backend, *arguments):
    """Run the benchmark where neither the other framework nor packages that it may not need can be imported."""
    other = {"jax": "tensorflow", "tensorflow": "jax"}[backend]
    lines = [f"import sys; sys.modules.update(dict.fromkeys({(*REFUSED, other)!r}))"]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, PATH, "--quick", "--models", "nonsequential", "--backend", backend, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_runs_without_the_other_packages(tmp_path):
    file = tmp_path / "measured.json"
    done = benchmark(tmp_path, "tensorflow", "--device", "cpu", "--json", str(file))
    assert done.returncode == 0, done.stderr[-3000:]
    case, plain = json.loads(file.read_text())["cases"]
    assert (case["way"], plain["way"]) == gpu.WAYS
    assert (case["first_loss"], case["last_loss"]) == (plain["first_loss"], plain["last_loss"])
    assert len(case["epoch_seconds"]) == case["epochs"] == gpu.QUICK_EPOCHS
    assert case["train_seconds"] > sum(case["epoch_seconds"]) > 0
    assert case["first_epoch_seconds"] == case["epoch_seconds"][0] > case["epoch_seconds_median"]
    assert case["steps_per_second"] == pytest.approx(2 / case["epoch_seconds_median"])
    # one device with one number of threads: a network that was loaded, and one trained again, give the same bits
    assert case["agreement"] == {
        "prediction_difference": 0.0,
        "steps": 1,
        "steps_difference": 0.0,
        "steps_loss_relative_difference": 0.0,
    }
    assert "nonsequential, 32" in done.stdout
    assert "published, on another GPU: nonsequential, 32: 30.7 s for 40 epochs" in done.stdout


def test_without_a_gpu_it_says_so(tmp_path):
    done = benchmark(tmp_path, "jax", "--device", "gpu")
    assert done.returncode == 1
    assert "jax sees no GPU" in done.stderr
    assert "Hint: --device cpu times the processor instead" in done.stderr


def test_differences_are_over_the_spread_of_the_outputs():
    expected = np.array([[0.0], [2.0]])
    assert gpu.difference(np.array([[0.0], [2.5]]), expected) == 0.5
    assert gpu.difference(np.array([[0.0], [np.nan]]), expected) == np.inf


def test_a_gpu_is_asked_how_busy_it_is(tmp_path, monkeypatch):
    """By a stand-in for nvidia-smi, which answers as it would."""
    program = tmp_path / "nvidia-smi"
    program.write_text(
        '#!/bin/sh\ncase "$*" in *loop-ms*) while :; do echo 40; sleep 0.01; done;; esac\necho A100, 1, 8.0\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    started = time.perf_counter()
    with gpu.Utilisation() as usage:
        while len(usage.samples) < 3:
            assert time.perf_counter() < started + 60
            time.sleep(0.01)
    assert usage.mean(started, time.perf_counter()) == 40.0
    assert usage.mean(started - 2, started - 1) is None
    assert gpu.graphics_card() == {"name": "A100", "driver_version": "1", "compute_cap": "8.0"}


def test_without_a_driver_there_is_nothing_to_ask(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with gpu.Utilisation() as usage:
        pass
    assert usage.mean(0.0, time.perf_counter()) is None
    assert gpu.graphics_card() == {}


@pytest.mark.parametrize(
    ("text", "seconds"), [("00:00.250", 0.25), ("01:02.500", 62.5), ("01:00:05", 3605), ("2-01:00:00", 176_400)]
)
def test_cpu_times_of_sacct(text, seconds):
    assert cluster.cpu_seconds(text) == seconds


def test_jobs_of_sacct():
    times = "2026-11-01T10:00:00|2026-11-01T10:00:20|2026-11-01T10:01:00"
    job = cluster.job_of(f"7|rule_train_clusters_wildcards_clusters_mse|CANCELLED by 0|{times}|00:12.000")
    assert (job.rule, job.state, job.wall, job.started - job.submitted, job.cpu) == (
        *("train_clusters", "CANCELLED"),
        *(40.0, 20.0, 12.0),
    )
    assert cluster.job_of("8|rule_ingest|RUNNING|2026-11-01T10:00:00|2026-11-01T10:00:20|Unknown|00:00:00") is None


def test_a_job_is_accounted_for_once_and_its_steps_not_beside_it():
    times = "2026-11-01T10:00:00|2026-11-01T10:00:20|2026-11-01T10:01:00"
    lines = [
        f"{number}|{comment}|COMPLETED|{times}|00:0{cpu}.000"
        for number, comment, cpu in [("6", "rule_a", 9), ("7", "rule_b", 5), ("7.batch", "", 1), ("7.0", "", 4)]
    ]
    assert [(job.rule, job.cpu) for job in cluster.accounted(lines, last=6)] == [("b", 5.0)]


def test_the_time_in_which_no_job_runs():
    def job(started, ended):
        return cluster.Job("train", "COMPLETED", submitted=0.0, started=started, ended=ended, cpu=0.0)

    jobs = [job(50.0, 60.0), job(10.0, 30.0), job(12.0, 20.0), job(25.0, 40.0)]
    assert cluster.idle_seconds(jobs, 0.0, 65.0) == 10 + 10 + 5
    assert cluster.idle_seconds([], 0.0, 65.0) == 65


def test_a_checkout_is_copied_without_its_results_and_with_links_to_images(tmp_path, monkeypatch):
    checkout, built = tmp_path / "checkout", tmp_path / "cluster" / "images"
    for path in ("results/a", ".git/a", "skybake/data/a", "skybake/__pycache__/a", "containers/images/data.sif"):
        (checkout / path).parent.mkdir(parents=True)
        (checkout / path).write_text("own")
    built.mkdir(parents=True)
    for name in ("data.sif", "train-cpu.sif"):
        (built / name).write_text("built")
    monkeypatch.setattr(cluster.testing, "FOLDER", tmp_path / "cluster")
    copy = cluster.copied(checkout, tmp_path / "copy")
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file()} == {
        *("skybake/data/a", "containers/images/data.sif"),
        *("containers/images/train-cpu.sif", "containers/images/train-gpu.sif"),
    }
    assert (copy / "containers/images/data.sif").read_text() == "own"
    assert (copy / "containers/images/train-gpu.sif").read_text() == "built"


def test_the_overhead_of_a_training_job_is_what_is_not_training():
    rules = {
        "train_clusters": {"jobs": 2, "failed": 0, "wall_seconds": 100.0, "cpu_seconds": 60.0, "queue_seconds": 9.0},
        "judge": {"jobs": 3, "failed": 0, "wall_seconds": 30.0, "cpu_seconds": 20.0, "queue_seconds": 0.0},
    }
    found = {"jobs": 5, "wall_seconds": 200.0, "no_job_running_seconds": 40.0, "snakemake_cpu_seconds": 7.0}
    numbers = cluster.numbers({**found, "rules": rules, "training_seconds": 16.0, "trainings": 2})
    assert numbers["wall of all jobs, s"] == 130
    assert numbers["CPU of all jobs, s"] == 80
    assert numbers["wall of a training job, s"] == 50
    assert numbers["of which training, s"] == 8
    assert numbers["of which overhead, s"] == 42


def test_plain_fit_and_the_own_loop_give_the_same_weights():
    command = [sys.executable, training_step.__file__, "--models", "simple_sequential", "--rounds", "1"]
    done = subprocess.run(
        [*command, "--objects", "70", "--epochs", "2"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.splitlines()[-1].split()[4:] == ["same", "bytes"]


def test_every_network_has_a_shape_to_be_timed_with():
    alone = {name for name, model in plugins.models().items() if not model.constants.get("MIXED")}
    assert {*training_step.SHAPES} == {training_step.EMPTY, *alone}
