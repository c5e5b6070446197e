"""Runs that do not end by themselves: a Ctrl-C, and results that are removed."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.workflow.conftest import CONFIG, Bakeoff


@pytest.fixture
def started(tmp_path):
    """A bake-off whose first jobs are at work, as a terminal's foreground group."""
    bakeoff = Bakeoff(tmp_path)
    bakeoff.write(CONFIG)
    process = subprocess.Popen(
        bakeoff.command(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "ingesting" in line:
            break
    else:
        pytest.fail("".join(lines))
    yield bakeoff, process
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_ctrl_c_ends_with_a_line_that_says_how_to_go_on(started):
    bakeoff, process = started
    time.sleep(0.5)
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=600)
    last = output.splitlines()[-1]
    assert process.returncode != 0
    assert last.startswith("Interrupted. What is finished is kept")
    assert last.endswith(f"--configfile {bakeoff.folder / 'bakeoff.yaml'}")
    assert "Not finished" not in output
    assert "Traceback" not in output  # the scripts still import
    assert not list((bakeoff.folder / ".snakemake/locks").glob("*"))


def test_results_that_are_removed_during_a_run_are_named(started):
    bakeoff, process = started
    shutil.rmtree(bakeoff.folder / "results", ignore_errors=True)
    shutil.rmtree(bakeoff.folder / "results", ignore_errors=True)  # a job may have written in between
    output, _ = process.communicate(timeout=600)
    assert process.returncode != 0, output
    assert output.splitlines()[-1].startswith(f"{bakeoff.folder}/results was removed during this run")
