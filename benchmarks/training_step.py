"""CPU time of a training step: Keras's plain ``fit`` and skybake's own loop, in turns. Both give the same weights.

    python benchmarks/training_step.py [--models empty nonsequential] [--backend tensorflow] [--rounds 3] [--xla]

``empty`` is a network of one layer on a few pixels: what is left is the feeding. Every training is a process of its
own, with one thread and from the same seed; the ways take turns, so that a busy machine is fair to both. Counted is the
CPU time of all threads in the epochs after the first, which compiles; validation on a tenth as many objects is
included. Shown are the smallest of all rounds, and how far the weights of both ways are apart. With ``--xla`` plain
``fit`` is timed with ``jit_compile`` too.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import plain_fit  # noqa: E402

from skybake import plugins  # noqa: E402
from skybake.files import write_json  # noqa: E402
from skybake.training import backend, epochs, feeding  # noqa: E402

SEED = 1
EMPTY, XLA = "empty", "fit with XLA"
THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OMP_NUM_THREADS")
CLUSTERS, GALAXIES, STAMPS, LESSONS = (50, 50, 10), (32, 32, 5), (21, 21, 1), (32, 32, 3)
SHAPES = {  # of the images that a published network was made for
    EMPTY: CLUSTERS,
    **dict.fromkeys(("simple_sequential", "deeper_sequential", "nonsequential", "nonsequential_reference"), CLUSTERS),
    "aperture": CLUSTERS,
    "matched_filters": STAMPS,
    **dict.fromkeys(("inception", "inception_small", "inception_small_reference"), GALAXIES),
    **dict.fromkeys(("dense", "dense_bn", "vgg6", "vgg6_reference", "resnet50", "resnet50_reference"), STAMPS),
    **dict.fromkeys(("lesson_cnn", "lesson_cnn_dropout", "lesson_cnn_dropout_reference"), LESSONS),
}
WAYS = {"fit": plain_fit.train_epochs, "now": epochs.train_epochs, XLA: plain_fit.train_epochs}


def build(name: str, shape: tuple[int, ...]) -> Any:
    """Return a network of one number."""
    import keras

    image = keras.Input(shape, name="image")
    if name == EMPTY:
        features = image[:, 0, 0, :]
    else:
        model = plugins.models()[name]
        features = model.load().build(image, None, **model.parameters)
    return keras.Model({"image": image}, keras.layers.Dense(1, name="head")(features))


def part(n: int, shape: tuple[int, ...], seed: int) -> feeding.Subset:
    """Return objects of noise."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((n, *shape), dtype=np.float32)
    dataset = SimpleNamespace(image_shape=shape, path="noise")
    return feeding.Subset(
        feeding.Images(dataset, np.arange(n), in_memory=images), rng.standard_normal((n, 1), dtype=np.float32)
    )


def child(given: argparse.Namespace) -> None:
    """Train one network one way, and print what was measured."""
    if given.way == XLA:  # which Keras does not allow under TensorFlow's op determinism
        os.environ.update(KERAS_BACKEND=given.backend, CUDA_VISIBLE_DEVICES="-1", **dict.fromkeys(THREADS, "1"))
    else:
        backend.start(given.backend, threads=1, precision="float32", device="cpu")
    import keras

    keras.utils.set_random_seed(SEED)
    shape = SHAPES[given.model]
    model = build(given.model, shape)
    model.compile(keras.optimizers.Adam(1e-3), "mse", jit_compile=True if given.way == XLA else "auto")
    model.optimizer.build(model.trainable_variables)
    clock: list[float] = []
    ticking = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: clock.append(time.process_time()))
    parts = epochs.Parts(part(given.objects, shape, 1), part(given.objects // 10, shape, 2), given.batch_size, SEED)
    WAYS[given.way](model, parts, [ticking], range(given.epochs))
    np.save(given.weights, np.concatenate([values.ravel() for values in model.get_weights()]))
    steps = math.ceil(given.objects / given.batch_size)
    each = [1000 * (after - before) / steps for before, after in itertools.pairwise(clock)]
    print(json.dumps({"milliseconds": min(each)}))


def measure(model: str, way: str, given: argparse.Namespace) -> dict[str, Any]:
    """Train in a process of its own: a framework keeps its threads."""
    words = [f"--child={way}", f"--models={model}", f"--backend={given.backend}", f"--objects={given.objects}"]
    words += [f"--epochs={given.epochs}", f"--batch-size={given.batch_size}"]
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder, "weights.npy")
        command = [sys.executable, __file__, *words, f"--weights={weights}"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return {**json.loads(done.stdout.splitlines()[-1]), "weights": np.load(weights)}


def difference(found: np.ndarray, expected: np.ndarray) -> str:
    """Return the largest difference between weights over their scatter, in words."""
    if np.array_equal(found, expected):
        return "same bytes"
    return f"{np.abs(found - expected).max() / expected.std():.0e}"


def main() -> None:
    """Measure all networks both ways, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=SHAPES, default=[EMPTY, "nonsequential"])
    parser.add_argument("--backend", choices=("tensorflow", "jax"), default="tensorflow")
    parser.add_argument("--objects", type=int, default=1064, help="for training (default: 1064)")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--epochs", type=int, default=4, help="at least 2; the first is not counted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--xla", action="store_true", help="time plain fit with XLA too")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    for name in ("--child", "--weights"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.way = given.child
    if given.way:
        given.model = given.models[0]
        child(given)
        return
    ways = list(WAYS)[: 3 if given.xla else 2]
    found: dict[str, dict[str, list]] = {}
    print(f"CPU ms a step of {given.batch_size}, {given.backend}, smallest of {given.rounds} rounds")
    print("".join(text.ljust(24) for text in ("network", *ways, "fit / now", "weights, fit and now")))
    for model in given.models:
        rounds = found[model] = {way: [] for way in ways}
        for _ in range(given.rounds):
            for way in ways:
                rounds[way].append(measure(model, way, given))
        best = [min(item["milliseconds"] for item in rounds[way]) for way in ways]
        apart = difference(rounds["now"][0]["weights"], rounds["fit"][0]["weights"])
        columns = [model, *(f"{value:.2f}" for value in best), f"{best[0] / best[1]:.2f}", apart]
        print("".join(text.ljust(24) for text in columns), flush=True)
    if given.json:
        milliseconds = {
            model: {way: [item["milliseconds"] for item in items] for way, items in rounds.items()}
            for model, rounds in found.items()
        }
        write_json(given.json, milliseconds)


if __name__ == "__main__":
    main()
