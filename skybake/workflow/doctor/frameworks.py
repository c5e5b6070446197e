"""What TensorFlow and JAX see where trainings run.

A process can start one framework only, so each has one of its own: ``python -m skybake.workflow.doctor.frameworks``.
What Snakemake puts on the search path does not reach it, so a framework that is not in the image is not found.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from skybake.plugins import ROOT
from skybake.training import backend

NAMES = ("tensorflow", "jax")
SECONDS = 240  # for the import from a slow file system, and the first kernel's compilation


def look(training: Mapping[str, Any], asked_gpu: str) -> dict[str, dict[str, Any]]:
    """Start each framework as a training would; return framework -> what was found.

    Args:
        training: ``backend``, ``device``, ``precision`` and ``threads`` of the bake-off's ``training``.
        asked_gpu: How the job asked its cluster for a GPU; empty where it did not.
    """
    # A training that may do without a GPU would go on; here the question is whether the GPU is seen.
    device = "auto" if training["device"] == "any" else training["device"]
    found = {}
    for name in NAMES:
        asked = {**training, "backend": name, "device": device, "asked_gpu": asked_gpu}
        found[name] = {**_ask(asked), "wanted": name == training["backend"]}
    return found


def _ask(asked: Mapping[str, Any]) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "skybake.workflow.doctor.frameworks", json.dumps(asked)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"{asked['backend']} did not start within {SECONDS} s"}
    print(done.stdout, done.stderr, sep="\n", flush=True)
    with contextlib.suppress(IndexError, ValueError):
        return json.loads(done.stdout.splitlines()[-1])
    said = (done.stderr.strip() or "it says nothing").splitlines()[-1]
    return {"error": f"{asked['backend']} ended with exit code {done.returncode}: {said}"}


def start(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Start one framework in this process and compute with it."""
    name = asked["backend"]
    missing = [module for module in (name, "keras") if importlib.util.find_spec(module) is None]
    if missing:
        return {"missing": f"no {' and no '.join(missing)} here"}
    try:
        backend.start(**asked)
        found = {"version": importlib.import_module(name).__version__, **backend.hardware()}
        compute()
    except Exception as error:  # whatever it is, it is what the doctor has to tell
        return {"error": f"{error}" or type(error).__name__}
    return found


def compute() -> None:
    """Compute a convolution, which needs more of the driver and its libraries than to be listed.

    Raises:
        BackendError: The result is wrong.
    """
    import keras
    import numpy as np

    ones = keras.ops.ones((1, 8, 8, 1)), keras.ops.ones((3, 3, 1, 1))
    total = float(np.asarray(keras.ops.sum(keras.ops.conv(*ones, padding="valid"))))
    if total != 6 * 6 * 9:
        raise backend.BackendError(f"a convolution of ones gives {total}, and should give 324")


if __name__ == "__main__":
    answer = start(json.loads(sys.argv[1]))
    print(json.dumps(answer, default=str))
