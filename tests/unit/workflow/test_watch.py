"""What make watch shows."""

import os

from skybake.workflow import watch
from tests.conftest import ROOT

RUNNING = """\
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
I0000 00:00:1795846027.137047   25872 port.cc:153] oneDNN custom operations are on.
computing on gpu; the job asked for gpu=1; CUDA_VISIBLE_DEVICES is 0

clusters dense mse seed 1:  50%|#####     | 20/40 [00:10<00:10, loss=1.2]
W0000 00:00:1795846041.062445   25872 gpu_device.cc:2342] something about cards
2026-11-28 06:00:00.123456: I tensorflow/core/util/port.cc:153] more about cards
/usr/lib/python3/site-packages/keras/src/saving.py:12: UserWarning: something about saving
  warnings.warn(
"""
FAILED = """\
Traceback (most recent call last):
  File "train.py", line 11, in <module>
TrainingDiverged: the loss is not finite. Hint: a smaller learning rate
"""


def write(results, name, text, age):
    path = results / "logs/train" / f"{name}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (1e9 - age, 1e9 - age))


def test_each_training_is_named_and_says_where_it_is(tmp_path):
    write(tmp_path, "clusters/dense/mse", RUNNING, age=1)
    write(tmp_path, "clusters/dense/huber-delta=0.3", FAILED, age=2)
    write(tmp_path, "clusters/constant/baseline", "finished\n", age=3)
    write(tmp_path, "clusters/dense/mse/batch_size=32", "", age=4)
    write(tmp_path, "clusters/dense/.mse.log.unfinished", FAILED, age=0)
    assert watch.trainings(tmp_path) == [
        "clusters/dense/mse                seed 1:  50%|#####     | 20/40 [00:10<00:10, loss=1.2]",
        "clusters/dense/huber-delta=0.3    TrainingDiverged: the loss is not finite. Hint: a smaller learning rate",
        "clusters/constant/baseline        finished",
        "clusters/dense/mse/batch_size=32  ",
    ]


def test_the_trainings_that_wrote_last_come_first_and_no_more_than_fit_a_screen(tmp_path):
    for number in range(30):
        write(tmp_path, f"clusters/dense/mse-{number}", "finished\n", age=number)
    lines = watch.trainings(tmp_path)
    assert len(lines) == watch.SHOWN
    assert lines[0].startswith("clusters/dense/mse-0 ")


def test_only_the_end_of_a_long_log_is_read(tmp_path):
    write(tmp_path, "clusters/dense/mse", "noise\n" * watch.TAIL + "clusters dense mse seed 2: 10%\n", age=0)
    assert watch.trainings(tmp_path) == ["clusters/dense/mse  seed 2: 10%"]


def test_a_job_is_shown_by_rule_and_names():
    line = watch.job_line("12|PENDING|0:00|(Resources)|rule_train_first_wildcards_clusters_dense_mse")
    assert line == "        12 PENDING           0:00  train_first: clusters_dense_mse  (Resources)"
    assert "  evaluations_draw_judge  node7" in watch.job_line("13|RUNNING|1:00|node7|rule_evaluations_draw_judge")


def test_the_queue_is_asked_for_and_a_machine_without_slurm_shows_none(tmp_path, monkeypatch, capsys):
    write(tmp_path / "results", "clusters/dense/mse", "finished\n", age=0)
    monkeypatch.setenv("PATH", str(tmp_path))
    watch.main([str(tmp_path / "results")])
    assert capsys.readouterr().out.split() == ["clusters/dense/mse", "finished"]
    squeue = tmp_path / "squeue"
    squeue.write_text('#!/bin/sh\necho "7|RUNNING|0:10|node1|rule_simulate_wildcards_clusters"\n')
    squeue.chmod(0o755)
    watch.main([str(tmp_path / "results")])
    assert "simulate: clusters  node1" in capsys.readouterr().out


def test_make_watch_is_this():
    assert "-m skybake.workflow.watch $(RESULTS)" in (ROOT / "Makefile").read_text()
