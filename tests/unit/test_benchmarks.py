"""The benchmark of the training loop runs where little is installed."""

import ast
import importlib.util
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from skybake import discovery
from skybake.config import Training
from tests.conftest import ROOT

PATH = ROOT / "benchmarks" / "gpu.py"
SPEC = importlib.util.spec_from_file_location("benchmark_gpu", PATH)
gpu = importlib.util.module_from_spec(SPEC)
sys.modules[SPEC.name] = gpu  # where dataclasses look for it
SPEC.loader.exec_module(gpu)

NEEDED = {"numpy", "h5py", "keras"}
ASKED_FOR = {  # in functions: the chosen framework, or what this benchmark does not do
    *("tensorflow", "jax"),
    "tqdm",  # which it does without
    *("sklearn", "tensorboardX"),  # of splits that are made, and of `tensorboard: true`
}
REFUSED = ("pydantic", "pandas", "tqdm", "sklearn", "psutil", "yaml", "snakemake", "tensorflow", "tensorboardX")


def imported(path, *, everywhere):
    """Return the outside packages that a file imports, in functions too or when it is imported only."""
    tree = ast.parse(path.read_text())
    found = set()
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.add(node.module.split(".")[0])
    return found - {"skybake", *sys.stdlib_module_names}


def test_its_import_graph_holds_few_packages():
    starts = [PATH]
    for case in gpu.CASES:
        modules = [discovery.models()[case.model].module, discovery.losses()[case.loss].module]
        starts += [ROOT.joinpath(*module.split(".")).with_suffix(".py") for module in modules]
    used = discovery.used_files(starts)
    assert ROOT / "skybake" / "training.py" in used
    assert set().union(*(imported(path, everywhere=False) for path in used)) == NEEDED
    assert set().union(*(imported(path, everywhere=True) for path in used)) <= NEEDED | ASKED_FOR


def test_it_trains_with_the_defaults_of_the_config():
    assert Training().model_dump() == gpu.TRAINING


def benchmark(folder, *arguments):
    """Run the benchmark where packages that it may not need cannot be imported."""
    lines = [f"import sys; sys.modules.update(dict.fromkeys({REFUSED!r}))"]
    (folder / "sitecustomize.py").write_text("\n".join(lines))
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    command = [sys.executable, PATH, "--quick", "--models", "nonsequential", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_it_runs_without_the_other_packages(tmp_path):
    file = tmp_path / "measured.json"
    done = benchmark(tmp_path, "--device", "cpu", "--json", str(file))
    assert done.returncode == 0, done.stderr[-3000:]
    (case,) = json.loads(file.read_text())["cases"]
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
    done = benchmark(tmp_path, "--device", "gpu")
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
