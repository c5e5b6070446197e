"""The only file that knows TensorFlow from JAX.

:func:`start` must run before anything imports Keras: backend and threads are fixed by then.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skybake import attempts, provenance
from skybake.training import cuda

BF16_FLAGS = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")
BF16_CAPABILITY = (8, 0)  # of the first NVIDIA GPUs that multiply bfloat16 (Ampere)


class BackendError(RuntimeError):
    """A framework that cannot be used as asked."""

    reason = attempts.PERMANENT


def start(backend: str, *, threads: int, precision: str, device: str = "auto", asked_gpu: str = "") -> None:
    """Choose the framework under Keras and make it reproducible.

    Args:
        backend: ``"tensorflow"`` or ``"jax"``.
        threads: Threads of the framework on a CPU; the same number gives the same bits.
        precision: ``"float32"`` or ``"mixed_bfloat16"``.
        device: ``"gpu"`` or ``"cpu"``, ``"any"`` of them, or ``"auto"``: a GPU if one was asked for.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    A job that may go on without the GPU that it asked for, or that its node has, says so loudly; so does
    :func:`hardware`.

    Raises:
        BackendError: Keras runs on another backend already, a GPU should be there and is not, or the hardware would
            crawl at this precision.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    else:
        _share_gpu()
    before = os.environ.get("TF_NUM_INTRAOP_THREADS")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"):
        os.environ[name] = str(threads)
    if backend == "jax" and "jax" not in sys.modules:
        flags = os.environ.get("XLA_FLAGS", "")
        flags += f" --xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
        os.environ["XLA_FLAGS"] = f"{flags} --xla_gpu_deterministic_ops=true".strip()
        os.environ["JAX_DEFAULT_MATMUL_PRECISION"] = "float32"  # else a GPU takes TF32, which has 10 bits
    import keras

    if keras.backend.backend() != backend:
        raise BackendError(f"Keras runs on {keras.backend.backend()} in this process already, {backend} was asked for")
    if backend == "tensorflow":
        import tensorflow as tf

        for gpu in tf.config.list_physical_devices("GPU"):  # several jobs may share it
            tf.config.experimental.set_memory_growth(gpu, True)
        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError as error:  # the framework has worked already: its threads are fixed
            if str(threads) not in (str(tf.config.threading.get_intra_op_parallelism_threads()), before):
                raise BackendError(f"TensorFlow's threads cannot become {threads}: {error}") from None
        tf.config.experimental.enable_op_determinism()
        tf.config.experimental.enable_tensor_float_32_execution(False)  # float32 means float32, on every GPU
    _unused.clear()
    found = hardware()
    if found["kind"] != "gpu" and device != "cpu":
        _check_gpu(backend, device, asked_gpu)
    asked = f"the job asked for {asked_gpu or 'no GPU'}"
    print(f"computing on {found['name']}; {asked}; {cuda.VISIBLE} is {cuda.visible()}", flush=True)
    if precision == "mixed_bfloat16" and not bfloat16_is_fast():
        raise BackendError(
            f"precision 'mixed_bfloat16' would crawl on {hardware()['name']}: expected a GPU of compute capability"
            f" {'.'.join(map(str, BF16_CAPABILITY))} or higher, or a processor with one of {', '.join(BF16_FLAGS)}."
            " Hint: precision: float32"
        )
    keras.config.set_dtype_policy(precision)


_unused: dict[str, str] = {}  # why this process does not compute on a GPU that is there


def _share_gpu() -> None:
    """Let a framework take of a GPU what it needs, and keep what the driver compiles out of the home folder."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # JAX would take three quarters of its memory
    cache = os.environ.get("XDG_CACHE_HOME") or f"{tempfile.gettempdir()}/skybake-cache-{os.getuid()}"
    os.environ.setdefault("CUDA_CACHE_PATH", f"{cache}/cuda")
    cuda.load_libraries()


def _check_gpu(backend: str, device: str, asked_gpu: str) -> None:
    """Fail where a GPU must be computed on and the framework sees none; say so where it only could."""
    required = device == "gpu" or (device == "auto" and asked_gpu)
    if not required and not (device == "any" and (asked_gpu or provenance.nvidia_driver())):
        return
    reason = f"the job asked for one ({asked_gpu})" if asked_gpu else "training.device is 'gpu'"
    found, hint = cuda.diagnosis(backend)
    if required:
        raise BackendError(
            f"{backend} sees no GPU, and {reason}: {cuda.VISIBLE} is {cuda.visible()}, the NVIDIA driver is"
            f" {provenance.nvidia_driver() or 'not found'}. {found}. Hint: {hint}. Or allow a CPU: training:"
            " {device: any}"
        )
    _unused["gpu_not_used"] = found
    line = "!" * 120
    print(f"{line}\nA GPU IS NOT USED: {backend} does not see it, and trains on the CPU. {found}. Hint: {hint}\n{line}")


def bfloat16_is_fast() -> bool:
    """Tell whether the hardware multiplies bfloat16 itself."""
    found = hardware()
    if found["kind"] == "gpu":
        capability = found.get("compute_capability", "")
        return not capability or tuple(map(int, capability.split("."))) >= BF16_CAPABILITY
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return not words.isdisjoint(BF16_FLAGS)


def hardware() -> dict[str, Any]:
    """Return kind (``cpu`` or ``gpu``) and name of the device that Keras computes on.

    Of a GPU its compute capability and software too; of a CPU, why a GPU that is there is not used (``gpu_not_used``).
    """
    import keras

    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        facts = {"kind": "cpu" if first.platform == "cpu" else "gpu", "name": first.device_kind}
        capability = getattr(first, "compute_capability", "")
    else:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        facts, capability = {"kind": "cpu", "name": "cpu"}, ""
        if gpus:
            details = tf.config.experimental.get_device_details(gpus[0])
            facts = {"kind": "gpu", "name": details.get("device_name", "gpu")}
            capability = ".".join(map(str, details.get("compute_capability", ())))
    if facts["kind"] == "gpu":
        return facts | {
            "compute_capability": str(capability),
            "driver": provenance.nvidia_driver(),
            "libraries": provenance.nvidia_libraries(),
        }
    return facts | _unused


def wait(model) -> None:
    """Wait until all that a network in training was asked for is computed: JAX answers before it has worked."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        jax.block_until_ready(getattr(model, "_jax_state", None) or [variable.value for variable in model.variables])


def gradient(
    model, inputs: Mapping[str, np.ndarray], select: Callable[[Any], Any]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a number that a network gives for each object, and its derivatives by what the network is given.

    The network predicts, as it does after training: nothing is dropped out, and no object depends on another.

    Args:
        model: A Keras model with named inputs.
        inputs: Input name -> (n, ...).
        select: Outputs (n, width) as a tensor -> (n,), made with ``keras.ops``.

    Returns:
        (n,), and input name -> (n, ...).
    """
    import keras

    def number(tensors):
        return select(model([tensors[tensor.name] for tensor in model.inputs], training=False))

    tensors = {name: keras.ops.convert_to_tensor(values, dtype="float32") for name, values in inputs.items()}
    if keras.backend.backend() == "jax":
        import jax

        def total(tensors):
            found = number(tensors)
            return found.sum(), found

        slopes, found = jax.grad(total, has_aux=True)(tensors)
    else:
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(tensors)
            found = number(tensors)
            total = keras.ops.sum(found)
        slopes = tape.gradient(total, tensors, unconnected_gradients=tf.UnconnectedGradients.ZERO)
    return np.asarray(found), {name: np.asarray(values) for name, values in slopes.items()}
