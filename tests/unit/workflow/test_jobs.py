"""What jobs ask for."""

import shlex
import subprocess
import sys
from types import SimpleNamespace
from unittest.mock import patch

import pytest
from snakemake.iocontainers import InputFiles
from snakemake_interface_executor_plugins.utils import TargetSpec, encode_target_jobs_cli_args

from skybake import plugins
from skybake.config.combinations import Chosen
from skybake.workflow import jobs
from tests.conftest import ROOT


def test_memory_follows_the_input_up_to_what_is_kept_in_memory():
    asked = jobs.memory(2500, 8, at_most=4000)
    assert [asked(None, SimpleNamespace(size_mb=size), 1) for size in (10, 1e5)] == [2580, 6500]
    assert jobs.memory(2500, 8)(None, SimpleNamespace(size_mb=1e5), 1) == 802_500
    assert jobs.memory(1000, 3, per_process=200)(None, SimpleNamespace(size_mb=10), 1, threads=8) == 2630


def test_an_input_that_is_never_read_whole_does_not_count():
    files = InputFiles(fromdict={"runs": "node/predictions.h5", "dataset": "node/dataset.h5"})
    with patch.object(InputFiles, "size_files_mb", [30, 5000]):  # of files that are staged when the job starts
        assert jobs.memory(2000, 10, in_part=["dataset"])(None, files, 1) == 2300


def test_what_snakemake_starts_has_no_blank_on_its_way(tmp_path, monkeypatch):
    checkout = tmp_path / "the checkout"
    checkout.mkdir()
    assert jobs.without_blank("/opt/venv/bin/python") == "/opt/venv/bin/python"
    monkeypatch.chdir(checkout)
    assert jobs.without_blank(f"{checkout}/.venv/bin/python") == ".venv/bin/python"
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"no programs and no images from a path with a blank.*Hint"):
        jobs.without_blank(f"{checkout}/containers/images")
    assert " " not in jobs.without_blank(f"{checkout}/containers/images", needed=False)


def test_a_container_sees_raw_data_wherever_they_lie(tmp_path, monkeypatch):
    work, elsewhere = tmp_path / "work", tmp_path / "else where"
    for folder in (work / "data", elsewhere / "frames"):
        folder.mkdir(parents=True)
    for file in (work / "data/inside.pkl", elsewhere / "cubes.pkl"):
        file.touch()
    (work / "data/link.pkl").symlink_to(elsewhere / "cubes.pkl")
    monkeypatch.chdir(work)
    bind = f"--bind '{elsewhere}'"
    assert jobs.with_binds("--nv", ["data/inside.pkl", "data", "results"], ["."]) == "--nv"
    assert jobs.with_binds("--nv", ["data/link.pkl"], ["."]) == f"--nv {bind}"
    assert jobs.with_binds("", [str(elsewhere / "frames"), str(tmp_path / "no such/file")], ["."]) == (
        f"--bind '{elsewhere}/frames'"
    )
    beside = f"--bind '{elsewhere}2'"  # begins with the same letters
    assert jobs.with_binds(beside, [str(elsewhere / "cubes.pkl")], ["."]) == f"{beside} {bind}"
    once = jobs.with_binds("--nv", [str(elsewhere / "cubes.pkl")], ["."])
    assert once == f"--nv {bind}"
    assert jobs.with_binds(once, [str(elsewhere / "cubes.pkl")], ["."]) == once  # a job reads the Snakefile again


SNAKEMAKE = """
import os, signal, subprocess, sys, time
from skybake.workflow import sigterm
signal.signal(signal.SIGTERM, lambda *_: None)  # as Snakemake has a handler of its own
sigterm.forward_to_scripts()
script = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(7)); print(1, flush=True); time.sleep(60)"
shell = subprocess.Popen(["bash", "-c", 'set -e; "$0" -c "$1"; true', sys.executable, script], stdout=subprocess.PIPE)
shell.stdout.readline()
os.kill(os.getpid(), signal.SIGTERM)
sys.exit(shell.wait())
"""


def test_sigterm_reaches_the_script_and_spares_the_shell_between():
    done = subprocess.run([sys.executable, "-c", SNAKEMAKE], cwd=ROOT, timeout=50, check=False)
    assert done.returncode == 7


def test_steps_of_a_job_are_read_from_its_command():
    """As Snakemake writes it for SLURM and a shell reads it; a list among the parameters has no comma in its name."""
    chosen = Chosen(plugins.losses()["quantile"], {"levels": [0.1, 0.5, 0.9]})
    specs = [
        TargetSpec("train_first", {"dataset": "d", "model": "m-filters=4", "loss": chosen.name}),
        TargetSpec("judge", {"dataset": "d", "model": "m", "loss": "mse@longer"}),
        TargetSpec("join", {}),
    ]
    line = shlex.join(["snakemake", "--snakefile", "Snakefile"]) + " --target-jobs "
    line += " ".join(encode_target_jobs_cli_args(specs)) + " --allowed-rules train_first judge join --cores all"
    assert jobs.asked_of_this_job(shlex.split(line)) == [(spec.rulename, spec.wildcards_dict) for spec in specs]
    assert jobs.asked_of_this_job(["snakemake", "--profile", "profiles/slurm"]) == []
