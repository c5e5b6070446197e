"""What keeps two Snakemakes in one working directory apart; tests/workflow/test_locks.py runs them."""

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
