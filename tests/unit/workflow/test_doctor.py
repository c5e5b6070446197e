"""What the doctor finds, and the lines that it makes of it."""

import errno
import json
import logging
import os
import platform
import stat
from types import SimpleNamespace

import pytest
from snakemake.resources import Resources

from skybake.config.blocks import Bakeoff
from skybake.workflow import jobs
from skybake.workflow.doctor import frameworks, lines, login, steps

LOGIN = {"ahead": 0.0, "begin": 100.0, "time": 200.0}
CONFIG = {"MinJobAge": "300 sec", "AccountingStorageEnforce": "associations,limits"}
ASKED = {"backend": "tensorflow", "device": "auto", "precision": "float32", "threads": 1}


def found(**changed):
    """What a training's job wrote on a cluster where all is well."""
    good = {"version": "2.21.0", "kind": "gpu", "name": "NVIDIA A100", "driver": "575.1", "compute_capability": "8.0"}
    facts = {
        "asked": {"gpu": 1, "mem_mb": 4000},
        "given": {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"},
        "node": "node1",
        "image": "/checkout/train-gpu.sif",
        "prefix": "/usr",
        "python": "3.11.2",
        "compiled": True,
        "locks": "",
        "free": {"/tmp": 100.0, "results": 1000.0},
        "ahead": 0.0,
        "time": 150.0,
        "asked_gpu": "gpu=1",
        "frameworks": {"tensorflow": {**good, "wanted": True}},
    }
    return {**facts, **changed}


def of_slurm(config=CONFIG, status="squeue", accounting="", jobs=100, limits=()):
    return lines.of_slurm(config, status=status, accounting=accounting, jobs=jobs, limits=limits)


def bad(findings):
    """Return what is bad, each with a cure."""
    wrong = [line for line in findings if line.mark == "bad"]
    assert all(line.cure for line in wrong)
    return wrong


def test_all_is_well():
    job = {"Account": "astro", "Partition": "gpu", "TRES": "cpu=1,gres/gpu=1"}
    findings = lines.of_step("train_a", found(), image="train-gpu.sif", job=job)
    findings += lines.of_files({"train_a": found()}, LOGIN, "results/")
    findings += of_slurm(limits=["QOS normal=100"])
    assert {line.mark for line in findings} == {"ok"}
    text = lines.text(findings, colour=False)
    assert "account astro, partition gpu, asked gpu=1, mem_mb=4000; it gave cpu=1,gres/gpu=1" in text
    assert "tensorflow 2.21.0 computes on NVIDIA A100 (driver 575.1, compute capability 8.0)" in text


def test_lines_are_coloured_on_a_terminal_only():
    (line,) = bad(of_slurm({"MinJobAge": "30 sec"}))
    assert "\033[31mBAD\033[0m" in lines.text([line], colour=True)
    assert "\033" not in lines.text([line], colour=False)
    assert lines.text([line], colour=False).splitlines()[1].split() == ["cure:", *line.cure.split()]


def test_min_job_age_matters_where_squeue_is_asked():
    (line,) = bad(of_slurm({**CONFIG, "MinJobAge": "119 sec"}))
    assert (line.about, "119 s" in line.text, "MinJobAge=300" in line.cure) == ("MinJobAge", True, True)
    assert not bad(of_slurm({**CONFIG, "MinJobAge": "120 sec"}))
    assert not bad(of_slurm({**CONFIG, "MinJobAge": "2 sec"}, status="sacct"))


def test_accounting_matters_where_sacct_is_asked():
    assert not bad(of_slurm(accounting="Slurm accounting storage is disabled"))
    (line,) = bad(of_slurm(accounting="Slurm accounting storage is disabled", status="sacct"))
    assert "squeue" in line.cure


def test_the_least_submit_limit_counts_where_it_is_enforced():
    limits = ["QOS normal=99", "account astro=500"]
    (line,) = bad(of_slurm(limits=limits))
    assert line.text == "QOS normal may submit 99 jobs, the profile's jobs are 100"
    assert line.cure.startswith("jobs: 98")
    assert not bad(of_slurm(limits=limits, jobs=99))
    assert not bad(of_slurm({**CONFIG, "AccountingStorageEnforce": "none"}, limits=limits))


def test_a_refused_lock_and_a_full_disk():
    files = {
        "data": found(),
        "report": found(locks="unable to lock file, errno = 37", free={"/tmp": 0.2, "results": 4}),
    }
    locks, tmp, results = bad(lines.of_files(files, LOGIN, "results/"))
    assert "report: HDF5 cannot write and read in results/: unable to lock file" in locks.text
    assert "HDF5_USE_FILE_LOCKING=FALSE" in locks.cure
    assert "0.2 GB in /tmp on node1" in tmp.text
    assert "4.0 GB in results/ on node1" in results.text


@pytest.mark.parametrize("changed", [{"ahead": -60.0}, {"time": 260.0}, {"time": 40.0}])
def test_a_clock_that_is_wrong(changed):
    """Seen by the clock of the file system, or by a job that ended before the call began or after it was over."""
    (line,) = bad(lines.of_files({"data": found(), "report": found(**changed)}, LOGIN, "results/"))
    assert "differ by 60.0 s" in line.text
    assert not bad(lines.of_files({"report": found(ahead=-4.0, time=203.0)}, LOGIN, "results/"))


def test_a_job_outside_its_image():
    (line,) = bad(lines.of_step("data", found(image=""), image="data.sif", job={}))
    assert "data.sif" in line.cure
    assert not bad(lines.of_step("data", found(image=""), job={}))


def test_a_gpu_that_is_not_seen_or_not_fenced():
    seen_none = {"error": "tensorflow sees no GPU: no driver. Hint: --nv", "wanted": True}
    (line,) = bad(lines.of_step("train_a", found(frameworks={"tensorflow": seen_none}), job={}))
    assert (line.text, line.cure) == ("tensorflow sees no GPU: no driver.", "--nv")
    on_cpu = {"version": "2.21.0", "kind": "cpu", "name": "cpu", "wanted": True}
    (line,) = bad(lines.of_step("train_a", found(frameworks={"tensorflow": on_cpu}), job={}))
    assert "asked for a GPU (gpu=1)" in line.text
    assert not bad(lines.of_step("train_a", found(frameworks={"tensorflow": on_cpu}, asked_gpu=""), job={}))
    (line,) = bad(lines.of_step("train_a", found(given={}), job={}))
    assert "CUDA_VISIBLE_DEVICES is not set" in line.text


def test_a_framework_that_no_bakeoff_uses_is_no_fault():
    for facts in ({"missing": "no jax here"}, {"error": "jax sees no GPU"}):
        line = lines.of_step("train_a", found(frameworks={"jax": {**facts, "wanted": False}}), job={})[2]
        assert line.mark == "note"
        assert bad(lines.of_step("train_a", found(frameworks={"jax": {**facts, "wanted": True}}), job={}))


@pytest.mark.parametrize(
    ("said", "cure"),
    [
        ("sbatch: error: invalid partition specified: gpuu", "slurm_partition"),
        ("Invalid account or account/partition combination specified", "slurm_account"),
        ("Batch job submission failed: Invalid qos specification", "resource `qos`"),
        ("QOSMaxSubmitJobPerUserLimit (job violates accounting/QOS policy)", "fewer `jobs`"),
        ("Requested node configuration is not available", "%G"),
        ("Memory specification can not be satisfied", "mem_mb"),
        ("FATAL: while loading image: no such file or directory", "srun apptainer exec"),
        ("No module named 'h5py'", "build the images"),
        ("slurmstepd: error: couldn't chdir to `/home/me': No such file or directory", "every node sees"),
    ],
)
def test_what_slurm_says_has_a_cure(said, cure):
    assert cure in lines.of_failure("data", said).cure


def test_a_failure_that_nobody_knows_names_its_log():
    assert lines.of_failure("data", "it failed", "logs/data.log").cure == "see logs/data.log"


def test_a_job_looks_around(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    (tmp_path / "doctor").mkdir()
    steps.write(tmp_path / "doctor" / "data.json", {"gpu": 1, "mem_mb": 10, "_cores": 1, "qos": None}, more=1)
    (path,) = (tmp_path / "doctor").iterdir()
    facts = json.loads(path.read_text())
    assert facts["asked"] == {"gpu": 1, "mem_mb": 10}
    assert (facts["given"]["SLURM_JOB_ID"], facts["locks"], facts["more"]) == ("7", "", 1)
    assert facts["free"]["results"] > 0
    assert abs(facts["ahead"]) < 1
    assert [file.name for file in tmp_path.iterdir()] == ["doctor"]  # nothing is left behind


def test_hdf5_says_why_a_lock_is_refused(tmp_path, monkeypatch):
    def refuse(*_):
        raise BlockingIOError(errno.ENOLCK, "unable to lock file, errno = 37, error message = 'No locks available'")

    monkeypatch.setattr(steps.hdf5.h5py, "File", refuse)
    assert "No locks available" in steps.lock_error(tmp_path)


def test_frameworks_start_in_processes_of_their_own():
    answers = frameworks.look({**ASKED, "device": "any"}, asked_gpu="gpu=1")
    assert answers["tensorflow"]["wanted"]
    assert "tensorflow sees no GPU, and the job asked for one (gpu=1)" in answers["tensorflow"]["error"]
    assert not answers["jax"]["wanted"]
    assert answers["jax"]["error"]


def test_a_framework_that_dies_or_hangs_is_told(monkeypatch, tmp_path):
    script = tmp_path / "python"
    script.write_text("#!/bin/sh\necho 'Illegal instruction' >&2; exit 132\n")
    script.chmod(0o755)
    monkeypatch.setattr(frameworks.sys, "executable", str(script))
    error = frameworks.look(ASKED, "")["jax"]["error"]
    assert error == "jax ended with exit code 132: Illegal instruction"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setattr(frameworks, "SECONDS", 0.2)
    assert "did not start within 0.2 s" in frameworks.look(ASKED, "")["tensorflow"]["error"]


def test_a_framework_that_is_not_installed_is_missing(monkeypatch):
    monkeypatch.setattr(frameworks.importlib.util, "find_spec", lambda name: None if name == "jax" else name)
    assert frameworks.start({**ASKED, "backend": "jax", "asked_gpu": ""}) == {"missing": "no jax here"}


REFUSED = """SLURM sbatch failed. The error message was 'sbatch: error: invalid partition specified: nosuch
sbatch: error: Batch job submission failed: Invalid partition name specified'.
    sbatch call:
        sbatch --parsable -p nosuch --wrap="it's long"
"""


def failed(rule, message, log=()):
    record = logging.makeLogRecord({"msg": f"Error in rule {rule}, jobid: 1"})
    record.rule_name, record.rule_msg, record.log = (
        rule,
        message,
        [f"{path} (check log file(s) for error details)" for path in log],
    )
    return record


def test_a_refused_submission_is_told_in_the_words_of_slurm():
    ear = SimpleNamespace(heard=[failed("doctor_data", REFUSED + login.ADDED)])
    line = login._failure("data", ear, 60)
    assert line.text == (
        "not submitted: sbatch: error: invalid partition specified: nosuch sbatch: error: Batch job submission failed:"
        " Invalid partition name specified"
    )
    assert "slurm_partition" in line.cure


def test_the_last_words_of_a_job_are_told(tmp_path):
    (tmp_path / "7.log").write_text("host: node1\nFATAL: could not open image data.sif\nProlog done\n")
    message = "SLURM-job '7' failed, SLURM status is: 'FAILED'. Detailed failure reason unavailable (status command is"
    message += " not 'sacct')."
    ear = SimpleNamespace(heard=[failed("doctor_data", message, [tmp_path / "no.log", tmp_path / "7.log"])])
    line = login._failure("data", ear, 60)
    assert line.text == "SLURM-job '7' failed, SLURM status is: 'FAILED': FATAL: could not open image data.sif"


def test_snakemake_does_not_have_the_last_word(tmp_path):
    (tmp_path / "data.log").write_text("oneDNN custom operations are on\n")
    (tmp_path / "7.log").write_text(
        "slurmstepd: error: Detected 1 oom-kill event(s)\nError in rule doctor_data:\nWorkflowError:\n"
        "At least one job did not complete successfully.\nsrun: error: vm: task 0: Exited with exit code 1\n"
    )
    logs = [str(tmp_path / name) for name in ("data.log", "7.log")]
    assert login._last_words(logs) == ("slurmstepd: error: Detected 1 oom-kill event(s)", logs[1])
    assert login._last_words(logs[:1]) == ("oneDNN custom operations are on", logs[0])
    assert login._last_words([str(tmp_path / "none.log")]) == ("", str(tmp_path / "none.log"))


def test_a_file_that_is_never_seen_and_a_job_that_never_runs():
    missing = logging.makeLogRecord({"msg": "MissingOutputException in rule doctor_data in file Snakefile"})
    line = login._failure("data", SimpleNamespace(heard=[missing]), 60)
    assert "not seen here within 60 s" in line.text
    assert "latency-wait" in line.cure
    assert "squeue --me" in login._failure("report", SimpleNamespace(heard=[missing]), 60).cure


def commands(folder, monkeypatch, answers):
    """Put commands on the path that answer as SLURM's."""
    for name, answer in answers.items():
        (folder / name).write_text(f'#!/bin/sh\ncase "$*" in\n{answer}\nesac\n')
        (folder / name).chmod(0o755 | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_the_partition_limits_before_the_job_and_that_before_the_account(tmp_path, monkeypatch):
    qos, accounts = "*qos*) printf 'normal|50\\nlong|20\\nfree|\\n' ;;", "*assoc*) printf 'astro|9\\nphys|\\n' ;;"
    partition = "*gpu) echo 'PartitionName=gpu QoS=long' ;;\n*) echo 'PartitionName=cpu QoS=N/A' ;;"
    commands(tmp_path, monkeypatch, {"sacctmgr": f"{qos}\n{accounts}", "scontrol": partition})
    job = {"Account": "astro", "Partition": "cpu", "QOS": "normal"}
    assert login.limits([job]) == ["QOS normal=50"]
    assert login.limits([job, {**job, "Partition": "gpu"}]) == ["QOS long=20", "QOS normal=50"]
    assert login.limits([{**job, "QOS": "free"}]) == ["account astro=9"]
    assert login.limits([{**job, "QOS": "free", "Account": "phys"}]) == []
    assert login.limits([]) == ["account astro=9"]


def test_what_slurm_says_of_a_job(tmp_path, monkeypatch):
    answer = "JobId=7 Account=(null) QOS=normal TRES=cpu=1,mem=200M,gres/gpu=1 Command=(null)"
    commands(tmp_path, monkeypatch, {"scontrol": f"*) echo '{answer}' ;;"})
    assert login._job("7") == {"JobId": "7", "QOS": "normal", "TRES": "cpu=1,mem=200M,gres/gpu=1"}
    assert login._job("") == {}


def test_bakeoffs_that_train_alike_are_examined_together():
    def bakeoff(**training):
        return Bakeoff(datasets=["a"], models=["dense"], losses=["mse"], training=training)

    bakeoffs = {"a": bakeoff(), "b": bakeoff(epochs=3), "c": bakeoff(backend="jax"), "d": bakeoff(device="cpu")}
    assert jobs.train_differently({}, bakeoffs) == ["a", "c", "d"]
    given = {"train_b": Resources({"gpu": 2})}
    assert jobs.train_differently(given, bakeoffs) == ["a", "b", "c", "d"]


def test_the_doctor_asks_for_what_a_training_asks_for_but_not_for_long():
    given = {"train": {"gpu": 1, "slurm_partition": "gpu", "runtime": 480, "mem_mb": 8000}}
    given = jobs.shared_by_trainings(given, {}, {"a": "auto", "b": "cpu"})
    shared = jobs.shared_by_doctors(given, ["a", "b"])
    found = {rule: jobs.first_values(shared[rule], shared[rule]) for rule in ("doctor_train_a", "doctor_train_b")}
    assert found["doctor_train_a"] == {"gpu": 1, "slurm_partition": "gpu"}
    assert found["doctor_train_b"] == {"gpu": 0, "slurm_partition": "gpu"}
    assert jobs.shared_by_doctors({}, ["a"]) == {}


def test_this_machine_is_named():
    assert platform.node() in login._here().text
