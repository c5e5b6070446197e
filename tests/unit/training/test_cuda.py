"""What is said where a framework sees no GPU. The libraries themselves: ``make gpu-libraries``."""

import subprocess
import sys

import pytest

from skybake.training import backend, cuda
from tests.conftest import ROOT

START = (
    "from skybake.training import backend;"
    "backend.start({!r}, threads=1, precision='float32', device={!r}, asked_gpu='gpu=1');"
    "print(backend.hardware())"
)

TF32 = "config.experimental.tensor_float_32_execution_enabled"


def started(framework, device):
    command = [sys.executable, "-c", START.format(framework, device)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_a_framework_for_cpus_is_named(framework):
    done = started(framework, "auto")
    assert done.returncode == 1
    message = done.stderr.strip().splitlines()[-1]
    assert f"{framework} sees no GPU, and the job asked for one (gpu=1): CUDA_VISIBLE_DEVICES is" in message
    assert f"The {framework} that is installed is made for CPUs" in message
    assert "Hint: train in the image or environment train-gpu" in message
    assert message.endswith("Or allow a CPU: training: {device: any}")


def test_a_gpu_that_a_job_has_and_does_not_use_is_said_loudly_and_recorded():
    done = started("jax", "any")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.strip().splitlines()
    assert lines[-4].startswith("A GPU IS NOT USED: jax does not see it, and trains on the CPU.")
    assert set(lines[-3]) == {"!"}
    assert lines[-2].startswith("computing on cpu; the job asked for gpu=1; CUDA_VISIBLE_DEVICES is")
    assert "'gpu_not_used': 'The jax that is installed is made for CPUs" in lines[-1]


@pytest.mark.parametrize(
    ("error", "said", "hint"),
    [
        (
            "libcuda.so.1: cannot open shared object file",
            "The driver cannot be loaded (libcuda",
            "has no NVIDIA driver",
        ),
        ("no device", "shows no GPU (CUDA_VISIBLE_DEVICES is 3)", "ask for a GPU in the way of this cluster"),
        ("cuInit failed with error 803", "does not start (cuInit failed with error 803)", "new enough"),
        ("", "The driver shows a GPU, and tensorflow does not take it", "Build it anew"),
    ],
)
def test_hints_suit_what_was_found(error, said, hint, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    monkeypatch.setattr(cuda, "is_for_gpus", lambda _: True)
    monkeypatch.setattr(cuda, "driver_error", lambda: error)
    monkeypatch.setattr(cuda, "framework_words", lambda _: "Cannot dlopen some GPU libraries.")
    found, cure = cuda.diagnosis("tensorflow")
    assert said in found
    assert found.endswith("tensorflow says: Cannot dlopen some GPU libraries.")
    assert hint in cure


def test_in_a_container_a_missing_driver_hints_at_the_arguments_of_apptainer(monkeypatch):
    monkeypatch.setattr(cuda, "is_for_gpus", lambda _: True)
    monkeypatch.setattr(cuda, "driver_error", lambda: "libcuda.so.1: cannot open shared object file")
    monkeypatch.setattr(cuda, "framework_words", lambda _: "")
    monkeypatch.setenv("APPTAINER_CONTAINER", "/images/train-gpu.sif")
    found, cure = cuda.diagnosis("jax")
    assert found.endswith("jax says nothing of it")
    assert "--nv" in cure


def test_the_words_of_a_framework_are_its_warnings_about_gpus():
    logged = [
        "W0000 00:00:1795848593.158687   23565 gpu_device.cc:2365] Cannot dlopen some GPU libraries.",
        "2026-11-28 06:50:37.315678: E external/xla/cuda_dnn.cc:407] Could not load dynamic library 'libcudnn.so.9'",
        "I0000 00:00:1795848596.425442   23625 port.cc:153] oneDNN custom operations are on.",
        "To enable the following instructions: AVX2, rebuild TensorFlow.",
    ]
    found = [match["text"] for match in map(cuda.LOGGED.match, logged) if match]
    assert found == ["Cannot dlopen some GPU libraries.", "Could not load dynamic library 'libcudnn.so.9'"]


@pytest.mark.parametrize(("capability", "fast"), [("7.5", False), ("8.0", True), ("9.0", True), ("12.0", True)])
def test_bfloat16_needs_a_gpu_that_multiplies_it(capability, fast, monkeypatch):
    monkeypatch.setattr(backend, "hardware", lambda: {"kind": "gpu", "name": "a", "compute_capability": capability})
    assert backend.bfloat16_is_fast() is fast


def test_what_a_driver_compiles_stays_out_of_the_home_folder(monkeypatch):
    for name in ("CUDA_CACHE_PATH", "XLA_PYTHON_CLIENT_PREALLOCATE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/scratch/cache")
    backend._share_gpu()
    assert backend.os.environ["CUDA_CACHE_PATH"] == "/scratch/cache/cuda"
    assert backend.os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"


@pytest.mark.parametrize(
    ("framework", "question", "answer"),
    [
        (
            "tensorflow",
            "import tensorflow as tf; print(tf.config.experimental.tensor_float_32_execution_enabled())",
            "False",
        ),
        ("jax", "import jax, os; print(jax.config.jax_default_matmul_precision, os.environ['XLA_FLAGS'])", "float32"),
    ],
)
def test_float32_is_no_other_arithmetic_on_a_gpu(framework, question, answer):
    """Else a GPU from Ampere on takes TF32, and its networks differ from those of other machines in the third digit."""
    start = f"backend.start({framework!r}, threads=1, precision='float32')"
    code = f"from skybake.training import backend; {start}; {question}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    words = done.stdout.split()
    assert answer in words
    assert framework != "jax" or "--xla_gpu_deterministic_ops=true" in words
