"""What the next attempt at a job asks for, by what became of those before it."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from snakemake.resources import Resources

from skybake import attempts
from skybake.attempts import MEMORY, OTHER, PERMANENT, TIME, WARNED, Attempt
from skybake.data.dataset import load_dataset
from skybake.training import checkpoints, runs
from skybake.workflow import jobs, logs
from tests.conftest import ROOT

SMALL = SimpleNamespace(size_mb=0)


@pytest.fixture(autouse=True)
def run(tmp_path, monkeypatch):
    """A run of Snakemake whose jobs are no SLURM jobs."""
    monkeypatch.delenv(attempts.FOLDER, raising=False)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    attempts.begin_run(tmp_path / "attempts")
    yield tmp_path
    monkeypatch.delenv(attempts.FOLDER, raising=False)


def step(folder, error=None, rule="ingest", **wildcards):
    """Run a script that ends with an error."""
    snakemake = SimpleNamespace(log=[folder / "step.log"], rule=rule, wildcards=wildcards)
    with logs.of(snakemake):
        if error is not None:
            raise error


def failed(folder, error, **wildcards):
    with pytest.raises(SystemExit):
        step(folder, error, **wildcards)
    return attempts.read(attempts.record_of("ingest", wildcards))


def asked(attempt, rule="ingest", **wildcards):
    memory = jobs.memory(1000)(wildcards, SMALL, attempt, rulename=rule)
    return memory, jobs.minutes(60)(wildcards, attempt, rulename=rule)


def test_memory_grows_for_want_of_memory_only(run):
    assert asked(1, dataset="a") == asked(2, dataset="a") == (1000, 60)
    failed(run, MemoryError(), dataset="a")
    assert asked(2, dataset="a") == (2000, 60)
    failed(run, OSError(5, "the disk is gone"), dataset="a")
    assert asked(3, dataset="a") == (2000, 60)
    failed(run, MemoryError(), dataset="a")
    assert asked(4, dataset="a") == (4000, 60)
    assert asked(2, dataset="b") == (1000, 60)  # another job
    assert asked(1, dataset="a") == (1000, 60)  # another run of Snakemake begins anew


def test_time_grows_after_the_warning_of_a_time_limit(run):
    failed(run, checkpoints.Interrupted("SIGTERM came"), dataset="a")
    assert asked(2, dataset="a") == (1000, 120)


def test_a_failure_that_cannot_pass_asks_for_the_least_and_says_it_again(run):
    snakemake = SimpleNamespace(log=[run / "step.log"], rule="ingest", wildcards={"dataset": "a"})
    with pytest.raises(SystemExit, match=r"DatasetError: .*no such dataset"), logs.of(snakemake):
        load_dataset("not there.h5")
    assert asked(2, dataset="a") == (jobs.HOPELESS_MB, jobs.HOPELESS_MINUTES)
    done = []
    with pytest.raises(SystemExit, match=r"Hopeless: DatasetError: not there.h5: no such"), logs.of(snakemake):
        done.append("work")
    assert not done
    (attempt,) = attempts.read(attempts.record_of("ingest", {"dataset": "a"}))
    assert attempt.message.startswith("DatasetError: not there.h5")  # as it was: a third attempt says the same


def test_a_job_that_ends_well_leaves_no_record(run):
    failed(run, OSError(5, "the disk is gone"), dataset="a")
    step(run, dataset="a")
    assert attempts.read(attempts.record_of("ingest", {"dataset": "a"})) == []


def test_a_job_that_dies_before_its_script_begins_is_known_by_its_id(run, monkeypatch):
    """Snakemake itself, or an import, may be what memory is too small for."""
    step_of = [("ingest", {"dataset": "a"})]
    attempts.note_slurm_job(step_of)
    assert not attempts.record_of(*step_of[0]).exists()  # not in SLURM
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    monkeypatch.setattr(
        attempts, "slurm_states", lambda job: frozenset(["FAILED", "OUT_OF_MEMORY"] if job == "17" else [])
    )
    attempts.note_slurm_job(step_of)
    attempts.note_slurm_job(step_of)  # by the Snakemake of the job's step
    assert [attempt.slurm_job for attempt in attempts.read(attempts.record_of(*step_of[0]))] == ["17"]
    monkeypatch.delenv("SLURM_JOB_ID")
    assert asked(2, dataset="a") == (2000, 60)
    monkeypatch.setenv("SLURM_JOB_ID", "18")
    attempts.note_slurm_job(step_of)
    failed(run, OSError(5, "the disk is gone"), dataset="a")  # its script takes the place of the note
    assert [attempt.slurm_job for attempt in attempts.read(attempts.record_of(*step_of[0]))] == ["17", "18"]
    monkeypatch.delenv("SLURM_JOB_ID")
    assert asked(3, dataset="a") == (2000, 60)


def test_another_run_of_snakemake_does_not_know_of_it(run, monkeypatch):
    failed(run, MemoryError(), dataset="a")
    old = attempts.record_of("ingest", {"dataset": "a"})
    attempts.begin_run(run / "attempts")  # the Snakemake of a job
    assert attempts.record_of("ingest", {"dataset": "a"}) == old
    monkeypatch.delenv(attempts.FOLDER)
    attempts.begin_run(run / "attempts")
    assert asked(2, dataset="a") == (1000, 60)
    attempts.forget_other_runs()
    assert not old.exists()


def test_a_script_by_hand_keeps_no_record(run, monkeypatch):
    monkeypatch.delenv(attempts.FOLDER)
    with pytest.raises(SystemExit):
        step(run, MemoryError(), dataset="a")
    assert not (run / "attempts").exists()


def test_what_a_profile_gives_trainings_follows_the_attempts(run):
    read = Resources.parser_factory(allow_expressions=True)
    profile = read(["mem_mb=8000*attempt", "runtime=100*attempt", "gpu=1", "slurm_partition='gpu'"])
    given = jobs.shared_by_trainings({"train": profile}, read(["slurm_partition='cpu'"]), {"first": "auto"})
    given = given["train_first"]

    def value(name, attempt):
        job = {"wildcards": {"model": "m"}, "input": SMALL, "threads": 1, "rulename": "train_first", "async_run": None}
        return given[name].evaluate(attempt=attempt, **job).value

    def fail(error):
        with pytest.raises(SystemExit):
            step(run, error, rule="train_first", model="m")

    assert [value(name, 1) for name in ("mem_mb", "runtime", "gpu")] == [8000, 100, 1]
    fail(OSError(5, "the disk is gone"))
    assert [value(name, 2) for name in ("mem_mb", "runtime", "gpu")] == [8000, 100, 1]
    fail(MemoryError())
    assert [value(name, 3) for name in ("mem_mb", "runtime", "gpu")] == [16000, 100, 1]
    fail(runs.TrainingFailed({1: ("TrainingDiverged: loss nan", PERMANENT)}))
    assert [value(name, 4) for name in ("mem_mb", "runtime", "gpu")] == [jobs.HOPELESS_MB, jobs.HOPELESS_MINUTES, 0]
    assert value("slurm_partition", 1) == "gpu"
    assert value("slurm_partition", 4) == "cpu"  # a partition of GPUs may refuse a job without


@pytest.mark.parametrize(
    ("reason", "states", "verdict"),
    [
        ("", {"OUT_OF_MEMORY"}, MEMORY),
        ("", {"TIMEOUT"}, TIME),
        ("", {"NODE_FAIL"}, OTHER),
        ("", {"CANCELLED"}, OTHER),
        ("", {"FAILED"}, OTHER),  # kill -9 of the script
        ("", set(), MEMORY),  # killed without a word, and nobody can be asked
        (OTHER, {"FAILED", "OUT_OF_MEMORY"}, MEMORY),
        (WARNED, {"FAILED"}, TIME),
        (WARNED, {"CANCELLED"}, OTHER),
        (WARNED, {"PREEMPTED"}, OTHER),
        (PERMANENT, {"FAILED"}, PERMANENT),
    ],
)
def test_the_verdict_is_slurm_s_where_the_script_had_no_time_for_one(reason, states, verdict, monkeypatch):
    monkeypatch.setattr(attempts, "slurm_states", lambda job: frozenset(states))
    attempt = Attempt(begun=1.0, slurm_job="7", ended=2.0 if reason else 0, reason=reason)
    assert attempts.verdict(attempt) == verdict


def test_only_checks_of_the_library_are_permanent():
    def reason(error):
        try:
            raise error
        except Exception as caught:
            return attempts.reason(caught)

    assert reason(ValueError("from elsewhere")) == OTHER
    assert reason(KeyError("a bug, or a file of another version")) == OTHER
    assert reason(MemoryError()) == MEMORY
    assert attempts.common_reason([PERMANENT, OTHER]) == OTHER  # another seed may pass
    assert attempts.common_reason([PERMANENT, PERMANENT]) == PERMANENT
    assert attempts.common_reason([PERMANENT, MEMORY]) == MEMORY


def test_a_gpu_that_is_not_there_is_permanent(run):
    code = (
        "from types import SimpleNamespace as Of; from skybake.training import backend\n"
        "from skybake.workflow import logs\n"
        f"with logs.of(Of(log=['{run}/step.log'], rule='train_a', wildcards={{'model': 'm'}})):\n"
        "    backend.start('jax', threads=1, precision='float32', device='gpu')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 1
    assert attempts.is_hopeless(attempts.record_of("train_a", {"model": "m"}))
