"""Two Snakemakes in one working directory: different results folders beside each other, the same one never."""

import contextlib
import os
import signal
import time

import pytest

from tests.workflow.conftest import CONFIG, Bakeoff

CHEAP = "config.yaml"  # the first file of a results folder


class Held:
    """A Snakemake that stands still while it has its lock."""

    def __init__(self, bakeoff, results):
        self.lock = bakeoff.folder / ".snakemake" / "locks" / f"{results.replace('/', '+')}.lock"
        self.process = bakeoff.start(f"{results}/{CHEAP}")
        end = time.monotonic() + 120
        while not self.lock.exists():
            assert self.process.poll() is None, self.process.communicate()[0]
            assert time.monotonic() < end
            time.sleep(0.01)
        os.kill(self.process.pid, signal.SIGSTOP)


@pytest.fixture
def bakeoff(tmp_path):
    return Bakeoff(tmp_path)


@pytest.fixture
def held(bakeoff):
    """A Snakemake that stands still with the lock of ``results/a``."""
    bakeoff.write(CONFIG | {"results": "results/a"})
    found = Held(bakeoff, "results/a")
    yield found
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.process.pid, signal.SIGKILL)
    found.process.wait()


def test_another_results_folder_is_baked_meanwhile_and_the_same_one_is_refused(bakeoff, held):
    bakeoff.write(CONFIG | {"results": "results/b"})
    bakeoff.snakemake(f"results/b/{CHEAP}")
    assert (bakeoff.folder / "results/b" / CHEAP).exists()
    again = bakeoff.snakemake(f"results/b/{CHEAP}")  # with nothing to do
    assert "Nothing to be done" in again.stdout
    assert held.lock.exists()  # Snakemake of its own would have removed it by now

    bakeoff.write(CONFIG | {"results": "results/a"})
    refused = bakeoff.snakemake(f"results/a/{CHEAP}", check=False)
    assert refused.returncode != 0
    assert f"another Snakemake works in results/a: process {held.process.pid} on " in refused.stdout
    assert "need different folders: `results:` in the config" in refused.stdout
    planned = bakeoff.snakemake("--dry-run", f"results/a/{CHEAP}")  # which does not touch anything
    assert "Another Snakemake instance is running" in planned.stdout

    os.kill(held.process.pid, signal.SIGCONT)
    stdout, _ = held.process.communicate()
    assert held.process.returncode == 0, stdout
    assert (bakeoff.folder / "results/a" / CHEAP).exists()
    assert not list(held.lock.parent.iterdir())


def test_after_a_kill_unlock_opens_one_results_folder_and_no_other(bakeoff, held):
    other = held.lock.with_name("results+b.lock")
    other.write_text("{}")  # of one that works meanwhile
    os.kill(held.process.pid, signal.SIGKILL)
    held.process.wait()
    refused = bakeoff.snakemake(f"results/a/{CHEAP}", check=False)
    assert refused.returncode != 0
    assert f"snakemake --unlock --configfile {bakeoff.folder}/bakeoff.yaml" in " ".join(refused.stdout.split())
    bakeoff.snakemake("--unlock")
    assert not held.lock.exists()
    assert other.exists()
    bakeoff.snakemake(f"results/a/{CHEAP}")
    assert (bakeoff.folder / "results/a" / CHEAP).exists()
