"""What the last line on the terminal says of a run that a Ctrl-C or a removed folder ended."""

import subprocess
import sys

import pytest

from skybake.workflow import endings
from tests.conftest import ROOT

RUN = """
import os, shutil, signal
from skybake.workflow import endings
endings.say_at_exit(["/bin/snakemake", "--configfile", "my file.yaml"])
endings.watch("results")
"""


def _ends(folder, lines):
    command = [sys.executable, "-c", RUN + lines]
    done = subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    return done.stderr.splitlines()


def test_an_interrupted_run_says_how_to_go_on(tmp_path):
    said = _ends(tmp_path, "try: os.kill(os.getpid(), signal.SIGINT)\nexcept KeyboardInterrupt: pass\n")
    assert said == [
        "Interrupted. What is finished is kept, and the state of trainings. To go on:"
        " snakemake --configfile 'my file.yaml'"
    ]


@pytest.mark.parametrize("after", ["", "os.mkdir('results')", "os.mkdir('x'); os.mkdir('results')"])
def test_a_folder_that_was_removed_is_named_also_where_there_is_a_new_one(tmp_path, after):
    said = _ends(tmp_path, f"shutil.rmtree('results')\n{after}\n")
    assert said == [
        f"{tmp_path}/results was removed during this run, so what was in it is lost. To begin anew:"
        " snakemake --configfile 'my file.yaml'"
    ]


def test_an_ordinary_end_says_nothing(tmp_path):
    assert _ends(tmp_path, "open('results/a', 'w').close()\n") == []
    assert (tmp_path / "results/a").exists()


def test_the_command_is_as_a_person_types_it():
    assert endings.command(["/x/.venv/bin/snakemake", "-n"]) == "snakemake -n"
    assert endings.command(["/x/site-packages/snakemake/__main__.py", "-n"]) == "python -m snakemake -n"
