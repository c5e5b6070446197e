"""Every path of the results tree."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from skybake.results import identity

BASELINE_FILES = ("history.csv", "predictions.h5", "timing.json", "run.json")
ARCHITECTURE_FILES = ("summary.csv", "architecture.dot")  # of a network
POINT_FILES = (*BASELINE_FILES, "model.keras")  # of a network, in a sweep
NETWORK_FILES = (*POINT_FILES, "predictor.keras", *ARCHITECTURE_FILES)
CHOSEN = "chosen.json"
TRUTH = "truth.npz"  # beside simulated raw files
LIMIT_FILES = ("limit.json", "limit.csv")  # of a simulated dataset
APPLIED = "apply"  # the folder of what a network was applied to
APPLIED_FILES = (  # of new objects
    *("catalogue.fits", "catalogue.parquet", "catalogue.csv"),
    *("distributions.h5", "distributions_qp.hdf5", "report.html", "figures"),
)
COMPARISON_FILES = (  # of a dataset
    *(CHOSEN, "comparison.csv", "comparison.tex", "comparison.json"),
    *("verdict.json", "report.html", "published.csv", "figures"),
)


def expanded(path: str) -> str:
    """Return a path of the config with ``~`` and environment variables replaced.

    Raises:
        ValueError: There is no such user or variable, or it has braces, which Snakemake takes for wildcards.
    """
    try:
        found = str(Path(os.path.expandvars(path)).expanduser())
    except RuntimeError:
        raise ValueError(f"{path!r}: there is no such user. Hint: ./{path} is a folder of that name") from None
    if unknown := re.search(r"\$\{?\w+\}?", found):
        raise ValueError(f"{path!r}: the environment has no variable {unknown[0]}")
    if re.search(r"[{}]", found):
        raise ValueError(f"{path!r} found; expected a path without braces, which Snakemake takes for wildcards")
    return found


def network_file(path: str) -> str:
    """Return the file of a trained network that the config names: a ``.keras`` file, or that of a run's folder.

    Raises:
        ValueError: As :func:`expanded`.
    """
    found = expanded(path)
    return found if found.endswith(".keras") else f"{found}/model.keras"


@dataclass(frozen=True)
class Paths:
    """Every path of the results tree; ``{dataset}`` and the like may be wildcards of a rule."""

    results: str = "results"

    def config(self) -> str:
        """The merged config."""
        return f"{self.results}/config.yaml"

    def raw(self, dataset: str = "{dataset}") -> str:
        """Folder of simulated raw files."""
        return f"{self.results}/{dataset}/raw"

    def dataset(self, dataset: str = "{dataset}", name: str = "dataset.h5") -> str:
        """A file of a dataset: the dataset itself, ``rejected.csv``, ``report.html``, ..."""
        return f"{self.results}/{dataset}/{name}"

    def chosen(self, dataset: str = "{dataset}") -> str:
        """Which row of a dataset is best on the validation part."""
        return self.dataset(dataset, CHOSEN)

    def applied(self, name: str, apply: str = "{apply}") -> str:
        """A file of what a network was applied to: ``dataset.h5``, ``parts/0.h5``, ``catalogue.fits``, ..."""
        return f"{self.results}/{APPLIED}/{apply}/{name}"

    def difference(self, name: str) -> str:
        """A file of what changed since earlier results: ``report.html``, ``difference.csv``, ``figures``."""
        return f"{self.results}/difference/{name}"

    def sample(self, row: str, dataset: str = "{dataset}") -> str:
        """What new objects are compared with: the training part as a network sees it, of a row or the choice."""
        return f"{self.results}/{dataset}/samples/{row}.h5"

    def split(self, dataset: str = "{dataset}", seed: int | str = "{split_seed}") -> str:
        """The split of a dataset."""
        return f"{self.results}/{dataset}/split-{seed}.h5"

    def audit(self, dataset: str = "{dataset}", seed: int | str = "{split_seed}") -> str:
        """What was found on both sides of a split, and the dataset's warnings."""
        return f"{self.results}/{dataset}/audit-{seed}.json"

    def job(self, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """Folder of a training job, with a folder for each seed."""
        return f"{self.results}/{dataset}/runs/{model}/{loss}"

    def run(self, name: str, seed: int | str, **names: str) -> str:
        """A file of a run, e.g. ``model.keras``, ``predictions.h5`` or ``run.json``."""
        return f"{self.job(**names)}/seed-{seed}/{name}"

    def ensemble(self, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """The predictor of all seeds of a training job together."""
        return f"{self.job(dataset, model, loss)}{identity.MARK}{identity.ENSEMBLE}/predictor.keras"

    def dropout(self, name: str, seed: int | str) -> str:
        """A file of what a run predicts with dropout, e.g. ``predictions.h5``."""
        return f"{self.job()}{identity.MARK}{identity.DROPOUT}/seed-{seed}/{name}"

    def sweep(self, point: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """The folder of a point of a sweep, or a file of the sweep: ``sweep.json``, ``sweep.csv``."""
        return f"{self.results}/{dataset}/sweeps/{model}/{loss}/{point}"

    def evaluation(self, name: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """A file of an evaluation: ``metrics.json``, ``figures``."""
        return f"{self.results}/{dataset}/evaluation/{model}/{loss}/{name}"

    def inside(self, name: str, dataset: str = "{dataset}", model: str = "{model}", loss: str = "{loss}") -> str:
        """A file of what was found inside a network: ``inside.h5``, ``figures``."""
        return f"{self.results}/{dataset}/inside/{model}/{loss}/{name}"

    def log(self, step: str, *names: str) -> str:
        """The log of a job."""
        return f"{self.results}/logs/{'/'.join([step, *names])}.log"

    def benchmark(self, step: str, *names: str) -> str:
        """Snakemake's record of a job's time and memory."""
        return f"{self.results}/benchmarks/{'/'.join([step, *names])}.tsv"
