"""Monte-Carlo dropout: what a trained network predicts in several passes with dropout, and no other training.

Each pass draws another network from those that dropout trained together; their mean is a prediction of its own, and
what they differ by is its epistemic part (Gal & Ghahramani 2016, arXiv:1506.02142). Nothing but dropout is at work:
batch normalisation keeps the statistics of the training, and noise or augmentation within a network stays off.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from skybake import heads
from skybake.results import ensembles, run_folder
from skybake.results.predictions import Prediction
from skybake.results.run_folder import MODEL, RECORD, Record
from skybake.training import backend, fit, runs
from skybake.training.job import NetworkJob
from skybake.training.prepared import Prepared, prepare

NO_DROPOUT = "no dropout in this network"


class DropoutError(ValueError):
    """A network that does not predict as it was trained."""


def predict(
    dataset: Path, split: Path, passes: int, trained: Mapping[int, Path], seeds: Mapping[int, Path], code: str = ""
) -> None:
    """Write what the networks of a job predict with dropout, on a CPU.

    A network without dropout says so in its log and in ``run.json``, and predicts once: no row is made of it.

    Args:
        dataset, split: Files that they were trained on.
        passes: Of each network.
        trained: Seed -> folder of the run.
        seeds: Seed -> folder to write, as of a run, but without a history.
        code: Digest of the library files that make the result.

    Raises:
        DropoutError: Dataset or split are not those of the runs.
    """
    records = {seed: run_folder.read_record(folder) for seed, folder in trained.items()}
    first = next(iter(records.values()))
    backend.start(first.training["backend"], threads=first.training["threads"], precision="float32", device="cpu")
    import keras

    job = job_of(first)
    data = runs.load(dataset, split, first.label)
    prepared = prepare(data, job)
    for seed, folder in trained.items():
        record = records[seed]
        for name, digest in data.digests.items():
            if record.digests[name] != digest:
                raise DropoutError(f"{folder / RECORD}: trained on another {name} than {dataset}. Hint: train again")
        keras.utils.clear_session()
        network = keras.saving.load_model(folder / MODEL, compile=False)
        layers = wake(network)
        names = [layer.name for layer in layers]
        if names:
            print(f"seed {seed}: {passes} passes with dropout in {', '.join(names)}", flush=True)
        else:
            print(f"seed {seed}: {NO_DROPOUT}, {record.model}: no row is made of it", flush=True)
        found, speed = passes_of(network, layers, prepared, heads.of_dict(record.fitted_head), passes, seed)
        run_folder.write(
            seeds[seed],
            replace(
                record,
                best_epoch=None,
                dropout={"passes": passes, "layers": names},
                digests={**record.digests, "code": code},
            ),
            replace(run_folder.read_timing(folder), predict_objects_per_second=speed),
            (),
            {part: (data.rows[part], prediction) for part, prediction in found.items()},
            data.dataset.digest,
        )


def job_of(record: Record) -> NetworkJob:
    """Return the job that a run's record tells of."""
    told = {name: getattr(record, name) for name in NetworkJob.model_fields if hasattr(record, name)}
    return NetworkJob(**told)


def wake(network: Any) -> list[Any]:
    """Let the dropout of a network work while it predicts; return its layers, those with a rate of 0 left out."""
    import keras

    kinds = (keras.layers.Dropout, keras.layers.AlphaDropout, keras.layers.GaussianDropout)  # spatial ones are Dropout
    found = [layer for layer in network._flatten_layers() if isinstance(layer, kinds) and layer.rate]
    for layer in found:
        layer.call = _awake(layer)
    return found


def _awake(layer: Any) -> Any:
    def call(inputs: Any, training: bool = True) -> Any:
        return type(layer).call(layer, inputs, training=True)

    return call


def passes_of(
    network: Any, layers: list[Any], prepared: Prepared, head: heads.Head, passes: int, seed: int
) -> tuple[dict[str, Prediction], float]:
    """Return the mean of passes of validation and test part, in units of the label, and objects a second.

    What is dropped follows from seed, pass and layer alone: the same ones give the same prediction.

    Args:
        network: As :func:`wake` has left it.
        layers: With dropout; none for a single pass.
        prepared: What it is given.
        head: Of the network, as fitted.
        passes: How many.
        seed: Of the run.
    """
    scale, shift = float(prepared.target_step.std[0]), float(prepared.target_step.mean[0])
    found, speed = {}, 0.0
    for number, part in enumerate(("valid", "test")):
        each = []
        for one in range(passes if layers else 1):
            for place, layer in enumerate(layers):
                state = np.random.SeedSequence([seed, number, one, place]).generate_state(2)
                layer.seed_generator.state.assign(state)
            started = perf_counter()  # the last pass is measured: the first one compiles
            outputs = fit.outputs_of(network, prepared.parts[part])
            seconds = perf_counter() - started
            if not np.isfinite(outputs).all():
                raise DropoutError(f"predictions of {part} are not finite in pass {one + 1}")
            each.append(head.prediction(outputs.astype(np.float64)).rescaled(scale, shift))
        found[part] = ensembles.with_parts(each)
        speed = len(prepared.parts[part]) / (seconds * len(each))
    return found, speed
