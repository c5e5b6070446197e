"""What keeps two Snakemakes in one working directory apart; tests/workflow/test_locks.py runs them."""

import json
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from skybake.workflow import locks


@pytest.mark.parametrize("results", ["results/mine", "results/mine/", "results/../results/mine", "{here}/results/mine"])
def test_a_results_folder_has_one_lock_however_it_is_written(results, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locks.one_name(results.format(here=tmp_path)) == "results+mine"


def test_a_results_folder_elsewhere_has_its_whole_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert locks.one_name("/scratch/me") == "+scratch+me"


def test_slurms_logs_lie_apart_unless_the_profile_says_where(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = []
    for settings in (SimpleNamespace(logdir=None), SimpleNamespace(logdir=Path("/logs")), SimpleNamespace(), None):
        locks._own_slurm_logs(SimpleNamespace(executor_settings=settings), "results+mine")
        found.append(getattr(settings, "logdir", None))
    assert found == [tmp_path / ".snakemake/slurm_logs/results+mine", Path("/logs"), None, None]


def test_the_lock_of_a_snakemake_at_work_is_known():
    """``--unlock`` keeps it; the process's end, another program and another machine free it."""
    program = [sys.executable, "-c", "import time; print(flush=True); time.sleep(60)"]
    start = partial(subprocess.Popen, stdout=subprocess.PIPE)
    with start([*program, "snakemake"]) as snakemake, start(program) as other:
        for process in (snakemake, other):  # before a program runs, /proc has no command of it
            process.stdout.readline()
        here = {"pid": snakemake.pid, "host": socket.gethostname()}
        assert locks._is_at_work(json.dumps(here))
        assert not locks._is_at_work(json.dumps(here | {"host": "elsewhere"}))
        assert not locks._is_at_work(json.dumps(here | {"pid": other.pid}))
        for process in (snakemake, other):
            process.kill()
            process.wait()
        assert not locks._is_at_work(json.dumps(here))
    assert not locks._is_at_work("")
