"""Whether several seeds of a network are trained faster together than one after the other.

    python benchmarks/seeds_at_once.py [--models simple_sequential dense] [--seeds 5] [--rounds 3]

JAX, one thread of a CPU: a step of each seed, one after the other, against one step of all, vectorised by ``vmap``;
each seed has batches of its own. CPU ms of a step of all seeds, the smallest of all rounds, which take turns.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import training_step  # noqa: E402

from skybake.training import backend, epochs  # noqa: E402

STEPS = 10


def main() -> None:
    """Measure, and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    small = ["empty", "simple_sequential", "dense", "lesson_cnn", "inception_small", "nonsequential"]
    parser.add_argument("--models", nargs="+", choices=training_step.SHAPES, default=small)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    backend.start("jax", threads=1, precision="float32", device="cpu")
    import jax
    import jax.numpy as jnp
    import keras

    print(f"CPU ms of a step of {given.seeds} seeds")
    print("".join(text.ljust(24) for text in ("network", "one after the other", "at once", "ratio")))
    for name in given.models:
        shape, states = training_step.SHAPES[name], []
        for seed in range(given.seeds):
            keras.utils.clear_session()
            keras.utils.set_random_seed(seed)
            model = training_step.build(name, shape)
            model.compile(keras.optimizers.Adam(1e-3), "mse")
            model.optimizer.build(model.trainable_variables)
            epochs.build_metrics(model)
            kinds = [model.trainable_variables, model.non_trainable_variables]
            kinds += [model.optimizer.variables, model.metrics_variables]
            states.append([[jnp.asarray(variable.value) for variable in variables] for variables in kinds])
        rng = np.random.default_rng(0)
        x = jnp.asarray(rng.standard_normal((given.seeds, given.batch_size, *shape), dtype=np.float32))
        y = jnp.asarray(rng.standard_normal((given.seeds, given.batch_size, 1), dtype=np.float32))

        def one(state, image, target, model=model):
            return model.train_step(tuple(state), ({"image": image}, target))[1]

        alone, together = jax.jit(one), jax.jit(jax.vmap(one))
        stacked = jax.tree.map(lambda *values: jnp.stack(values), *states)

        def in_turn(alone=alone, states=states, x=x, y=y):
            return [alone(state, image, target) for state, image, target in zip(states, x, y, strict=True)]

        def at_once(together=together, stacked=stacked, x=x, y=y):
            return together(stacked, x, y)

        best = []
        for way in (in_turn, at_once):
            jax.block_until_ready(way())  # compiles
        for way in (in_turn, at_once) * given.rounds:
            started = time.process_time()
            for _ in range(STEPS):
                jax.block_until_ready(way())
            best.append(1000 * (time.process_time() - started) / STEPS)
        first, second = min(best[::2]), min(best[1::2])
        print(
            "".join(text.ljust(24) for text in (name, f"{first:.1f}", f"{second:.1f}", f"{first / second:.2f}")),
            flush=True,
        )


if __name__ == "__main__":
    main()
