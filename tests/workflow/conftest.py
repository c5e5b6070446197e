"""A small bake-off that runs end to end."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

CONFIG = {
    "title": "A test",
    "datasets": {
        "clusters": {
            "survey": "efeds",
            "mock": {"n_clusters": 90, "seed": 3},
            "split": {"strategy": "group", "test": 0.25, "valid": 0.2, "seed": 40},
        },
        "galaxies": {
            "survey": "sdss",
            "mock": {
                "n_objects": 40,
                "objects_per_field": 20,
                "seed": 3,
                "stars_per_field": 20,
                "neighbours_per_field": 5,
            },
            "split": {"strategy": "fractions", "train": 0.6, "valid": 0.2, "test": 0.2},
        },
    },
    "bakeoffs": {
        "clusters": {
            "datasets": ["clusters"],
            "models": ["deeper_sequential", {"simple_sequential": {"filters": 4}}],
            "losses": ["mse", "gaussian_nll"],
            "baselines": ["constant", "total_flux"],
            "seeds": [1, 2],
            "training": {"epochs": 2},
        },
        "galaxies": {
            "datasets": ["galaxies"],
            "models": ["deeper_sequential"],
            "losses": ["huber"],
            "baselines": ["ridge_bands"],
            "seeds": [1],
            "training": {"epochs": 2},
        },
    },
    "statistics": {"draws": 200},
}


class Bakeoff:
    """A working directory with a config, in which a checkout's workflow runs."""

    def __init__(self, folder, checkout=ROOT, profile="local"):
        self.folder, self.checkout, self.profile = folder, checkout, profile
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, config):
        (self.folder / "bakeoff.yaml").write_text(yaml.safe_dump(config, sort_keys=False))

    def command(self, *arguments):
        """Return the words that run Snakemake with the profile."""
        command = [sys.executable, "-m", "snakemake", "--profile", str(self.checkout / "profiles" / self.profile)]
        command += ["--snakefile", str(self.checkout / "Snakefile"), "--directory", str(self.folder)]
        return [*command, *arguments, "--configfile", str(self.folder / "bakeoff.yaml")]

    def start(self, *arguments, output=subprocess.PIPE):
        """Start Snakemake with the profile."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path}
        return subprocess.Popen(
            self.command(*arguments), stdout=output, stderr=subprocess.STDOUT, text=True, env=environment
        )

    def snakemake(self, *arguments, check=True):
        """Run Snakemake with the profile; return the finished process with its output in ``stdout``."""
        process = self.start(*arguments)
        stdout, _ = process.communicate()
        assert not check or process.returncode == 0, stdout[-5000:]
        return subprocess.CompletedProcess(process.args, process.returncode, stdout)

    def jobs(self, *arguments):
        """Return rule -> number of jobs that a dry run would do."""
        lines = self.snakemake("--dry-run", *arguments).stdout.splitlines()
        starts = [number for number, line in enumerate(lines) if line.startswith("job ")]
        if not starts:
            return {}
        found = {}
        for line in lines[starts[0] + 2 :]:
            if not line.split() or line.startswith("total"):
                break
            name, number = line.split()
            found[name] = int(number)
        return found


def copy_checkout(folder):
    """Copy what a run needs of the checkout, to be edited."""
    folder.mkdir(exist_ok=True)
    folders = ("rules", "scripts", "skybake", "profiles", "report", "envs", "containers", "requirements")
    for name in ("Snakefile", *folders):
        source = ROOT / name
        # Of "containers" the images are left out, of "skybake" nothing: there it is a room.
        ignore = shutil.ignore_patterns("__pycache__", *(["images"] if name == "containers" else []))
        shutil.copytree(source, folder / name, ignore=ignore) if source.is_dir() else shutil.copy(source, folder)
    return folder


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """The small bake-off, run once by a checkout of its own; tests must leave it whole."""
    folder = tmp_path_factory.mktemp("workflow")
    (folder / "checkout").mkdir()
    bakeoff = Bakeoff(folder / "work", copy_checkout(folder / "checkout"))
    bakeoff.write(CONFIG)
    bakeoff.snakemake()
    return bakeoff
