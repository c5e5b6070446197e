"""TensorFlow and JAX of requirements/train-gpu.lock find NVIDIA's libraries: ``make gpu-libraries``. No GPU is needed.

Each check runs in the environment that GPU_VENV names, and in the image train-gpu.sif where it has been built.
"""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.gpu import driver

IMAGE = ROOT / "containers" / "images" / "train-gpu.sif"
DRIVERS = "/.singularity.d/libs"  # where --nv puts the driver's libraries, which is on the search path of images
# The question that TensorFlow asks itself before it registers a GPU; the status comes back through a pointer, 1 is OK.
CAN_OPEN = """
import ctypes, importlib.util, sys
sys.path.append(sys.argv[1])
from skybake.training import cuda
loaded = cuda.load_libraries() if sys.argv[2] == "loaded" else []
folder = importlib.util.find_spec("tensorflow").submodule_search_locations[0]
library = ctypes.CDLL(f"{folder}/libtensorflow_framework.so.2")
status = (ctypes.c_void_p * 4)()
ask = library._ZN3tsl8internal9DsoLoader22TryDlopenCUDALibrariesEv
ask.restype = None
ask(ctypes.byref(status))
print(status[0])
"""
LOADED = """
import json, sys
sys.path.append(sys.argv[1])
from skybake.training import cuda
print(json.dumps([[path.name for path in paths] for paths in (cuda.library_files(), cuda.load_libraries())]))
"""
REGISTERED = """
import json, sys
sys.path.append(sys.argv[1])
from skybake.training import backend
backend.start("tensorflow", threads=1, precision="mixed_bfloat16", device="auto", asked_gpu="gpu=1")
import tensorflow as tf
gpus = tf.config.list_physical_devices("GPU")
print(json.dumps([backend.hardware(), [tf.config.experimental.get_memory_growth(gpu) for gpu in gpus]]))
"""
REFUSED = """
import sys
sys.path.append(sys.argv[1])
from skybake.training import backend
backend.start(sys.argv[2], threads=1, precision="float32", device="auto", asked_gpu="gpu=1")
"""
OF_JAX = """
import jax_plugins.xla_cuda12 as plugin
plugin._import_extensions()
plugin._load_nvidia_libraries()
plugin._check_cuda_versions(raise_on_first_error=True)
print(sorted({line.split("/")[-1].strip() for line in open("/proc/self/maps") if "/nvidia/" in line}))
"""


class Place:
    """An environment with the packages of train-gpu.lock, in which code runs with or without the stand-in driver."""

    def __init__(self, name, folder):
        self.name, self.folder, self.drivers = name, folder, None

    def run(self, code, *arguments, driver=True):
        command, environment = [], {**os.environ, "CUDA_VISIBLE_DEVICES": "0"}
        checkout = str(ROOT)
        if self.name == "image":
            command = ["apptainer", "exec", "--no-home", "--contain", "--bind", f"{ROOT}:/checkout"]
            files = [f"{file}:{DRIVERS}/{file.name}" for file in sorted(self.drivers.glob("*.so.1"))] if driver else []
            command += [word for file in files for word in ("--bind", file)] + [str(IMAGE), "python"]
            checkout = "/checkout"
        else:
            command = [str(self.folder / "bin" / "python")]
            environment["LD_LIBRARY_PATH"] = str(self.drivers) if driver else ""
        return subprocess.run(
            [*command, "-c", code, checkout, *arguments], capture_output=True, text=True, check=False, env=environment
        )

    def answer(self, code, *arguments, **options):
        done = self.run(code, *arguments, **options)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def environment():
    folder = Path(os.environ.get("GPU_VENV", "")).absolute()
    if not os.environ.get("GPU_VENV") or not (folder / "bin" / "python").exists():
        pytest.fail("GPU_VENV names no environment with requirements/train-gpu.lock. Hint: make gpu-libraries")
    return folder


@pytest.fixture(scope="session")
def drivers(environment, tmp_path_factory):
    (tensorflow,) = environment.glob("lib/python3*/site-packages/tensorflow")
    return driver.build(tensorflow, tmp_path_factory.mktemp("driver"))


@pytest.fixture(params=["environment", "image"])
def place(request, environment, drivers):
    if request.param == "image" and not IMAGE.exists():
        pytest.skip("no image train-gpu.sif. Hint: snakemake --profile profiles/slurm containers")
    found = Place(request.param, environment)
    found.drivers = drivers
    return found


def test_tensorflow_opens_all_libraries_once_they_are_loaded(place):
    assert place.answer(CAN_OPEN, "loaded", driver=False) == "1"


def test_tensorflow_alone_does_not(place):
    """If this fails, the wheel's search path is whole, and the libraries need not be loaded for it any more."""
    assert place.answer(CAN_OPEN, "alone", driver=False) != "1"


def test_every_library_is_there_and_loads(place):
    there, loaded = json.loads(place.answer(LOADED, driver=False))
    assert there == loaded
    assert len({name.split(".")[0] for name in there}) == len(there) == 12


def test_jax_opens_all_libraries(place):
    """Its plug-in asks each for its version, with the driver's help; what it opens only later it loads before."""
    opened = place.answer(OF_JAX)
    for name in ("cudart", "cublas", "cublasLt", "cudnn", "cufft", "cusolver", "cusparse", "cupti", "nccl", "nvrtc"):
        assert f"lib{name}.so" in opened
    assert "libnvshmem_host.so" in opened


def test_a_training_registers_the_gpu_and_shares_it(place):
    hardware, growth = json.loads(place.answer(REGISTERED))
    assert (hardware["kind"], hardware["name"], hardware["compute_capability"]) == ("gpu", "STAND-IN", "8.0")
    assert hardware["libraries"]["nvidia-cusolver-cu12"]
    assert growth == [True]


@pytest.mark.parametrize("framework", ["tensorflow", "jax"])
def test_without_a_driver_the_error_says_so_in_the_framework_s_words(framework, place):
    done = place.run(REFUSED, framework, driver=False)
    assert done.returncode != 0
    message = done.stderr.strip().splitlines()[-1]
    assert f"{framework} sees no GPU, and the job asked for one (gpu=1): CUDA_VISIBLE_DEVICES is 0" in message
    assert "The driver cannot be loaded (libcuda.so.1" in message
    assert {"tensorflow": "cuInit", "jax": "cuda"}[framework] in message.split("says:")[1]
    assert ("--nv" if place.name == "image" else "no NVIDIA driver") in message
