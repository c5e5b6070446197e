"""The only file that knows TensorFlow from JAX.

:func:`start` must run before anything imports Keras: backend and threads are fixed by then.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skybake import provenance

BF16_FLAGS = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")


class BackendError(RuntimeError):
    """A framework that cannot be used as asked."""


def start(backend: str, *, threads: int, precision: str, device: str = "auto", asked_gpu: str = "") -> None:
    """Choose the framework under Keras and make it reproducible.

    Args:
        backend: ``"tensorflow"`` or ``"jax"``.
        threads: Threads of the framework on a CPU; the same number gives the same bits.
        precision: ``"float32"`` or ``"mixed_bfloat16"``.
        device: ``"gpu"`` or ``"cpu"``, ``"any"`` of them, or ``"auto"``: a GPU if one was asked for.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.

    Raises:
        BackendError: Keras runs on another backend already, a GPU should be there and is not, or the hardware would
            crawl at this precision.
    """
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    before = os.environ.get("TF_NUM_INTRAOP_THREADS")
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "NPROC"):
        os.environ[name] = str(threads)
    if backend == "jax" and "jax" not in sys.modules:
        flags = os.environ.get("XLA_FLAGS", "")
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}".strip()
    import keras

    if keras.backend.backend() != backend:
        raise BackendError(f"Keras runs on {keras.backend.backend()} in this process already, {backend} was asked for")
    if backend == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError as error:  # the framework has worked already: its threads are fixed
            if str(threads) not in (str(tf.config.threading.get_intra_op_parallelism_threads()), before):
                raise BackendError(f"TensorFlow's threads cannot become {threads}: {error}") from None
        tf.config.experimental.enable_op_determinism()
    found, visible = hardware(), os.environ.get("CUDA_VISIBLE_DEVICES", "not set")
    asked = f"the job asked for {asked_gpu or 'no GPU'}"
    print(f"computing on {found['name']}; {asked}; CUDA_VISIBLE_DEVICES is {visible}", flush=True)
    if found["kind"] != "gpu" and (device == "gpu" or (device == "auto" and asked_gpu)):
        reason = f"the job asked for one ({asked_gpu})" if asked_gpu else "training.device is 'gpu'"
        raise BackendError(
            f"{backend} sees no GPU, and {reason}: CUDA_VISIBLE_DEVICES is {visible}, the NVIDIA driver is"
            f" {provenance.nvidia_driver() or 'not found'}. Hint: is it the environment or image for GPUs, does the"
            " profile's apptainer-args have --nv, does the node have a driver? Or allow a CPU: training: {device: any}"
        )
    if precision == "mixed_bfloat16" and not bfloat16_is_fast():
        raise BackendError(
            "precision 'mixed_bfloat16' would crawl here: no GPU, and the processor has none of"
            f" {', '.join(BF16_FLAGS)}. Hint: precision: float32"
        )
    keras.config.set_dtype_policy(precision)


def bfloat16_is_fast() -> bool:
    """Tell whether the hardware multiplies bfloat16 itself."""
    if hardware()["kind"] != "cpu":
        return True
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return not words.isdisjoint(BF16_FLAGS)


def hardware() -> dict[str, Any]:
    """Return kind (``cpu`` or ``gpu``) and name of the device that Keras computes on; of a GPU, its software too."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        facts = {"kind": "cpu" if first.platform == "cpu" else "gpu", "name": first.device_kind}
    else:
        import tensorflow as tf

        gpus = tf.config.list_physical_devices("GPU")
        facts = {"kind": "cpu", "name": "cpu"}
        if gpus:
            name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")
            facts = {"kind": "gpu", "name": name}
    if facts["kind"] == "gpu":
        facts |= {"driver": provenance.nvidia_driver(), "libraries": provenance.nvidia_libraries()}
    return facts


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
