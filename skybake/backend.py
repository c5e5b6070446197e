"""The only file that knows TensorFlow from JAX.

:func:`start` must run before anything imports Keras: backend and threads are fixed by then.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

BF16_FLAGS = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")


class BackendError(RuntimeError):
    """A framework that cannot be used as asked."""


def start(backend: str, *, threads: int, precision: str) -> None:
    """Choose the framework under Keras and make it reproducible.

    Args:
        backend: ``"tensorflow"`` or ``"jax"``.
        threads: Threads of the framework on a CPU; the same number gives the same bits.
        precision: ``"float32"`` or ``"mixed_bfloat16"``.

    Raises:
        BackendError: Keras runs on another backend already, or the hardware would crawl at this precision.
    """
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
    if precision == "mixed_bfloat16" and not bfloat16_is_fast():
        raise BackendError(
            "precision 'mixed_bfloat16' would crawl here: no GPU, and the processor has none of"
            f" {', '.join(BF16_FLAGS)}. Hint: precision: float32"
        )
    keras.config.set_dtype_policy(precision)


def bfloat16_is_fast() -> bool:
    """Tell whether the hardware multiplies bfloat16 itself."""
    if device()["kind"] != "cpu":
        return True
    try:
        words = set(Path("/proc/cpuinfo").read_text(encoding="utf-8").split())
    except OSError:
        return False
    return not words.isdisjoint(BF16_FLAGS)


def device() -> dict[str, str]:
    """Return kind (``cpu`` or ``gpu``) and name of the device that Keras computes on."""
    import keras

    if keras.backend.backend() == "jax":
        import jax

        first = jax.devices()[0]
        return {"kind": "cpu" if first.platform == "cpu" else "gpu", "name": first.device_kind}
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return {"kind": "cpu", "name": "cpu"}
    return {"kind": "gpu", "name": tf.config.experimental.get_device_details(gpus[0]).get("device_name", "gpu")}
