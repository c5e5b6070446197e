"""Labels beside the first: each has a dataset and runs of its own in the results tree, which what follows reads.

They are those of the first label, with another label to predict: the same objects in the same order and split, and what
the same networks say of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from skybake import hdf5
from skybake.data.dataset import Dataset, DatasetError, load_dataset
from skybake.files import atomic_write
from skybake.results import predictions, run_folder
from skybake.results.run_folder import GRAPH, PREDICTIONS, SUMMARY


def write_dataset(dataset: Path, out: Path, label: str) -> None:
    """Write a dataset again with another of its labels as the one that models predict.

    Args:
        dataset: File of the dataset.
        out: File to write; images are copied as they are packed.
        label: Name of the label.

    Raises:
        DatasetError: The dataset has no such label.
    """
    known = load_dataset(dataset).labels
    if label not in known:
        raise DatasetError(f"{dataset}: no label {label!r}, found {', '.join(known)}")
    with atomic_write(out) as beside:
        shutil.copyfile(dataset, beside)
        with hdf5.write(beside, "r+") as file:
            file.attrs["label"] = label


def write_runs(runs: Mapping[int, Path], seeds: Mapping[int, Path], name: str, dataset: Dataset) -> None:
    """Write the runs of a label beside the first.

    Args:
        runs: Seed -> folder of the run that predicts several labels.
        seeds: Seed -> folder to write.
        name: Of the label's dataset, in the results tree.
        dataset: It, with the label to predict.

    Raises:
        ValueError: A run does not predict the label.
    """
    column = dataset.columns[f"label/{dataset.label}"]
    for seed, folder in seeds.items():
        run = runs[seed]
        record = run_folder.read_record(run)
        parts = {part: predictions.read_further(run / PREDICTIONS, part, dataset.label) for part in ("valid", "test")}
        folder.mkdir(parents=True, exist_ok=True)
        for file in (SUMMARY, GRAPH):  # the layers are the same
            if (run / file).exists():
                shutil.copyfile(run / file, folder / file)
        of_label = replace(
            record,
            dataset=name,
            label=dataset.label,
            units=column.units,
            fitted_head={},  # of the first label
            targets={},
            fingerprint="",
            files={},
        )
        history, timing = run_folder.read_history(run), run_folder.read_timing(run)
        run_folder.write(folder, of_label, timing, history, parts, dataset.digest)
