"""The only file that knows TensorFlow from JAX.

:func:`start` must run before anything imports Keras: backend and threads are fixed by then.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from skybake import attempts, provenance
from skybake.training import cuda

BF16_FLAGS = ("amx_bf16", "avx512_bf16", "sve_bf16", "bf16")
BF16_CAPABILITY = (8, 0)  # of the first NVIDIA GPUs that multiply bfloat16 (Ampere)
SHARE_OF_GPU = 0.4  # of its free memory that the images of a part may take; the rest is the network's
LOOP_ON_CPU = False  # many steps of JAX in one call there too, for tests


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
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", f"{cache}/jax")  # the second seed need not compile again
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


def fits(size: int) -> bool:
    """Tell whether so many bytes can lie on the device beside a network: always on a CPU, whose memory they are in."""
    if hardware()["kind"] == "cpu":
        return True
    return size < SHARE_OF_GPU * 1e6 * _free_gpu_memory_mb()


def _free_gpu_memory_mb() -> float:
    import keras

    if keras.backend.backend() == "jax":
        import jax

        found = jax.devices()[0].memory_stats() or {}
        if "bytes_limit" in found:
            return (found["bytes_limit"] - found.get("bytes_in_use", 0)) / 1e6
    return cuda.free_memory_mb()


def put(values: np.ndarray) -> Any:
    """Return an array as a tensor on the device."""
    import keras

    return keras.ops.convert_to_tensor(values)


def put_shared(values: np.ndarray) -> tuple[Any, np.ndarray]:
    """Return an array as a tensor on the device, and as an array: on a CPU the tensor's own memory, only to be read."""
    tensor = put(values)
    if hardware()["kind"] != "cpu":
        return tensor, values
    return tensor, np.from_dlpack(tensor)


def assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    """Give variables their values."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def compile_steps(model, batch: Callable, batch_size: int, *, train: bool) -> Callable[..., None]:
    """Return what takes many steps of a network in one call, and answers when they are done.

    On a CPU JAX's steps are calls of their own: XLA computes what is in a loop more slowly there.

    Args:
        model: Compiled; its optimizer and its metrics are built.
        batch: (objects, places, forms) -> (inputs, targets), made with ``keras.ops``.
        batch_size: Objects a step.
        train: Whether the network learns; else it is only judged.

    Returns:
        A function of objects (name -> tensor (m, ...)), order and forms (both (k,) int32), and of the numbers of the
        first step and of the one after the last: step i takes ``order[i * batch_size : (i + 1) * batch_size]``.
    """
    import keras

    if keras.backend.backend() == "jax":
        return _steps_of_jax(model, batch, batch_size, train)
    return _steps_of_tensorflow(model, batch, batch_size, train)


def _steps_of_tensorflow(model, batch: Callable, batch_size: int, train: bool) -> Callable[..., None]:
    import tensorflow as tf

    step = model.train_step if train else model.test_step

    def loop(objects, order, forms, first, last):
        def one(index):
            places = slice(index * batch_size, tf.minimum((index + 1) * batch_size, tf.size(order)))
            step(batch(objects, order[places], forms[places]))
            return index + 1

        tf.while_loop(lambda index: index < last, one, [first], parallel_iterations=1)

    number, numbers = tf.TensorSpec([], tf.int32), tf.TensorSpec([None], tf.int32)
    compiled: list[Callable] = []

    def run(objects: Mapping[str, Any], order: np.ndarray, forms: np.ndarray, first: int, last: int) -> None:
        if not compiled:  # once for all, however many objects there are
            shapes = {name: tf.TensorSpec([None, *values.shape[1:]], values.dtype) for name, values in objects.items()}
            compiled.append(tf.function(loop, input_signature=[shapes, numbers, numbers, number, number]))
        compiled[0](dict(objects), *map(tf.constant, (order, forms)), tf.constant(first), tf.constant(last))
        model.metrics_variables[0].numpy()  # a GPU answers before it has worked

    return run


def _steps_of_jax(model, batch: Callable, batch_size: int, train: bool) -> Callable[..., None]:
    import jax

    step = model.train_step if train else model.test_step

    def one(state, objects, places, forms):
        return step(state, batch(objects, places, forms))[1]

    def many(state, objects, order, forms, first, last):
        def body(index, state):
            taken = [jax.lax.dynamic_slice(values, (index * batch_size,), (batch_size,)) for values in (order, forms)]
            return one(state, objects, *taken)

        return jax.lax.fori_loop(first, last, body, state)

    one_step = jax.jit(one, donate_argnums=0)
    many_steps = jax.jit(many, donate_argnums=0)
    in_a_loop = LOOP_ON_CPU or hardware()["kind"] != "cpu"

    def run(objects: Mapping[str, Any], order: np.ndarray, forms: np.ndarray, first: int, last: int) -> None:
        kinds = [model.trainable_variables, model.non_trainable_variables, model.metrics_variables]
        if train:
            kinds.insert(2, model.optimizer.variables)
        state = tuple([variable.value for variable in variables] for variables in kinds)
        objects, whole = dict(objects), min(last, len(order) // batch_size)
        if in_a_loop and whole > first:
            state = many_steps(state, objects, order, forms, np.int32(first), np.int32(whole))
            first = whole
        for index in range(first, last):
            places = slice(index * batch_size, (index + 1) * batch_size)
            state = one_step(state, objects, order[places], forms[places])
        jax.block_until_ready(state)
        for variables, values in zip(kinds, state, strict=True):
            assign(variables, values)

    return run


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

    def number(tensors):
        return select(model([tensors[tensor.name] for tensor in model.inputs], training=False))

    return derivatives(number, inputs)


def derivatives(
    number: Callable[[Mapping[str, Any]], Any], values: Mapping[str, np.ndarray]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return a number for each object, and its derivatives by what it is made of.

    Args:
        number: Name -> tensor (n, ...), to (n,), made with ``keras.ops``; no object depends on another.
        values: Name -> (n, ...).

    Returns:
        (n,), and name -> (n, ...).
    """
    import keras

    tensors = {name: keras.ops.convert_to_tensor(array, dtype="float32") for name, array in values.items()}
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
    return np.asarray(found), {name: np.asarray(slope) for name, slope in slopes.items()}
