"""NVIDIA's libraries: loaded before a framework looks for them, and what is wrong where it sees no GPU.

No framework is imported here; what one says is asked of it in a process of its own.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from contextlib import suppress
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[2]
VISIBLE = "CUDA_VISIBLE_DEVICES"
# What TensorFlow and JAX open, by the folders of NVIDIA's packages; what one needs of another stands before it.
LIBRARIES = {
    "cuda_runtime": ("libcudart",),
    "nvjitlink": ("libnvJitLink",),
    "cuda_nvrtc": ("libnvrtc",),
    "cublas": ("libcublasLt", "libcublas"),
    "cusparse": ("libcusparse",),
    "cusolver": ("libcusolver",),
    "cufft": ("libcufft",),
    "curand": ("libcurand",),
    "cudnn": ("libcudnn",),
    "cuda_cupti": ("libcupti",),
    "nccl": ("libnccl",),
}
SMALL_GPU_MB = 6000.0
PATIENCE = 300  # seconds: a framework without bytecode, on a slow file system
ASKED = {  # each prints its devices, and what it has against others on stderr
    "tensorflow": "import tensorflow as tf; print(tf.config.list_physical_devices('GPU'))",
    "jax": "import jax; print(jax.devices('cuda'))",
}
# A line of TensorFlow's or JAX's log: severity, date, time, process, file and line.
LOGGED = re.compile(r"^(?:(?P<level>[WE])\d{4} |(?P<old>\d{4}-\d\d-\d\d .*: [WE] )).*?[\w/]+\.cc:\d+\] (?P<text>.*)")


def load_libraries() -> list[Path]:
    """Load NVIDIA's libraries that are installed as Python packages; return those that were loaded.

    A library that is loaded already is found by its name. TensorFlow's own search path lacks folders of them
    (tensorflow 2.21: ``nvidia/cusolver/lib``), and then it registers no GPU at all: tensorflow issue 117538.
    """
    loaded = []
    for path in library_files():
        with suppress(OSError):  # the framework says what it misses
            ctypes.CDLL(str(path))
            loaded.append(path)
    return loaded


def free_memory_mb() -> float:
    """Return the free memory of this process's first GPU; a small one's where the driver's program does not tell."""
    first = os.environ.get(VISIBLE, "").split(",")[0] or "0"
    command = ["nvidia-smi", f"--id={first}", "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    with suppress(OSError, subprocess.SubprocessError, ValueError, IndexError):
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return float(done.stdout.split()[0]) * 1.048576  # MiB
    return SMALL_GPU_MB


def library_files() -> list[Path]:
    """Return the libraries of :data:`LIBRARIES` that are installed as Python packages."""
    spec = find_spec("nvidia")
    roots = [Path(root) for root in (spec.submodule_search_locations or ())] if spec else []
    return [
        path
        for root in roots
        for folder, names in LIBRARIES.items()
        for name in names
        for path in sorted((root / folder / "lib").glob(f"{name}.so.*"))
    ]


def visible() -> str:
    """Return which GPUs SLURM lets this process see."""
    return os.environ.get(VISIBLE, "not set")


def driver_error() -> str:
    """Return why this process cannot use NVIDIA's driver; empty if it can.

    Of a driver without a device it is ``"no device"``.
    """
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as error:
        return str(error)
    status = driver.cuInit(0)
    number = ctypes.c_int(0)
    if status == 0 and driver.cuDeviceGetCount(ctypes.byref(number)) == 0 and number.value > 0:
        return ""
    return "no device" if status in (0, 100) else f"cuInit failed with error {status}"  # 100: CUDA_ERROR_NO_DEVICE


def diagnosis(backend: str) -> tuple[str, str]:
    """Return what is wrong where a framework sees no GPU, in its own words too, and what to do about it."""
    if not is_for_gpus(backend):
        hint = "train in the image or environment train-gpu (software-deployment-method: apptainer, or conda)"
        return f"The {backend} that is installed is made for CPUs ({_versions(backend)})", hint
    error, words = driver_error(), framework_words(backend)
    said = f"{backend} says: {words}" if words else f"{backend} says nothing of it"
    if error and not error.startswith(("no device", "cuInit")):
        in_container = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
        if in_container:
            hint = 'does the profile have apptainer-args: "--nv"? If so, the node has no driver: tell who runs it'
        else:
            hint = "the node has no NVIDIA driver, or it is not where libraries are looked for: tell who runs it"
        return f"The driver cannot be loaded ({error}); {said}", hint
    if error == "no device":
        return (
            f"The driver is there and shows no GPU ({VISIBLE} is {visible()}); {said}",
            "does the job ask for a GPU in the way of this cluster? docs/cluster.md, What to edit",
        )
    if error:
        return (
            f"The driver is there and does not start ({error}); {said}",
            "is the driver new enough (docs/cluster.md, Images), and is the GPU of this node healthy (nvidia-smi)?",
        )
    return (
        f"The driver shows a GPU, and {backend} does not take it; {said}",
        "is the image the one of requirements/train-gpu.lock? Build it anew: snakemake --profile ... containers",
    )


def is_for_gpus(backend: str) -> bool:
    """Tell whether the installed framework can compute on an NVIDIA GPU at all."""
    if backend == "jax":
        return _has_distribution("jax-cuda12-plugin") or _has_distribution("jax-cuda13-plugin")
    return not _has_distribution("tensorflow-cpu") and _has_distribution("nvidia-cuda-runtime-cu12")


def framework_words(backend: str) -> str:
    """Return what a framework says when it looks for GPUs: its warnings, errors and exception."""
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "0", "PYTHONPATH": str(ROOT)}
    environment.pop("JAX_PLATFORMS", None)
    code = f"from skybake.training import cuda; cuda.load_libraries(); {ASKED[backend]}"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
            env=environment,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"(it could not be asked: {error})"
    lines = [match["text"] for match in map(LOGGED.match, done.stderr.splitlines()) if match]
    if done.returncode != 0:
        lines += done.stderr.strip().splitlines()[-1:]
    return " | ".join(dict.fromkeys(line.strip() for line in lines if _is_about_gpus(line)))[:1500]


def _is_about_gpus(line: str) -> bool:
    return bool(re.search(r"cuda|gpu|dlopen|dynamic library|driver|cuinit|plugin|backend", line, re.IGNORECASE))


def _has_distribution(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _versions(backend: str) -> str:
    names = ("tensorflow-cpu", "tensorflow") if backend == "tensorflow" else ("jax", "jax-cuda12-plugin")
    return ", ".join(f"{name} {metadata.version(name)}" for name in names if _has_distribution(name)) or "none"
