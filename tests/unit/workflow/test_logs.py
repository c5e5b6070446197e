"""The log of a step."""

import logging
import os
import shutil
import signal
import subprocess
import sys

import pytest
from snakemake.shell import shell

from skybake.workflow import endings, logs
from tests.conftest import ROOT


def test_a_log_holds_output_errors_and_every_state_of_a_bar(tmp_path, capfd):
    path = tmp_path / "logs" / "step.log"
    with (
        pytest.raises(SystemExit, match=r"(?s)ValueError: row 3 is bad\nThe whole log: .*step.log"),
        logs.to_file(path),
    ):
        print("begun")
        print("\r1 of 2\r2 of 2")
        raise ValueError("row 3 is bad")
    lines = path.read_text().splitlines()
    assert lines[0] == "begun"
    assert {"1 of 2", "2 of 2", "ValueError: row 3 is bad"} <= set(lines)
    assert capfd.readouterr().out == ""


def test_the_log_of_an_attempt_that_did_not_finish_is_kept_until_one_does(tmp_path):
    path = tmp_path / "step.log"
    with pytest.raises(SystemExit), logs.to_file(path):
        print("attempt 1")
        raise SystemExit
    first = path.read_text()
    path.unlink()  # as Snakemake does
    with logs.to_file(path):
        print("attempt 2")
    assert path.read_text() == f"{first}{logs.AGAIN}attempt 2\nfinished\n"
    assert list(tmp_path.iterdir()) == [path]
    with logs.to_file(path):
        print("attempt 3")
    assert path.read_text() == "attempt 3\nfinished\n"


def test_an_exit_is_logged_and_handed_on(tmp_path):
    with pytest.raises(SystemExit, match="stopping after epoch 3"), logs.to_file(tmp_path / "step.log"):
        raise SystemExit("stopping after epoch 3")
    assert "stopping after epoch 3" in (tmp_path / "step.log").read_text()


def test_a_ctrl_c_is_logged_and_ends_the_process_without_a_traceback(tmp_path):
    with pytest.raises(SystemExit) as caught, logs.to_file(tmp_path / "step.log"):
        raise KeyboardInterrupt
    assert caught.value.code == 130
    assert (tmp_path / "step.log").read_text() == "interrupted\n"
    assert not logs.finished(tmp_path / "step.log")


def test_a_folder_of_logs_that_was_removed_is_named(tmp_path):
    path = tmp_path / "logs" / "step.log"
    with pytest.raises(SystemExit, match=r"logs: this folder was removed while step was at work"), logs.to_file(path):
        shutil.rmtree(path.parent)
        (path.parent / "figure.png").write_bytes(b"")


def test_what_the_library_logs_is_in_the_log_and_its_warnings_are_seen(tmp_path, capfd):
    """Whether a reader logs in this process's name or below; other libraries are not listened to."""
    library, reader = logging.getLogger("skybake"), logging.getLogger("skybake.raw.somewhere")
    before = (library.level, list(library.handlers))
    with logs.to_file(tmp_path / "step.log", step="ingest clusters"):
        reader.info("%d images, %d rejected", 3, 1)
        reader.warning("2 images have no row")
        reader.debug("not said")
        logging.getLogger("another.library").info("of no interest")
    text = (tmp_path / "step.log").read_text()
    assert text == "3 images, 1 rejected\nwarning: 2 images have no row\nfinished\n"
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "warning: ingest clusters: 2 images have no row\n")
    assert (library.level, list(library.handlers)) == before


def test_the_counts_of_long_work_are_seen(tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(logs, "LONG_SECONDS", -1.0)
    with logs.to_file(tmp_path / "clusters.log"):
        logging.getLogger("skybake.raw.somewhere").info("3 images, 1 rejected")
    assert capfd.readouterr().err == "clusters: 3 images, 1 rejected\n"


def test_an_error_takes_the_handlers_along(tmp_path):
    with pytest.raises(SystemExit), logs.to_file(tmp_path / "step.log"):
        raise ValueError("row 3 is bad")
    assert not logging.getLogger("skybake").handlers


def test_a_ctrl_c_that_comes_before_the_log_begins_says_nothing_on_the_terminal(tmp_path, monkeypatch):
    monkeypatch.setattr(shell, "_process_prefix", None)
    lines = [
        "import os, signal",
        "os.kill(os.getpid(), signal.SIGINT)  # while a script imports",
        "from skybake.workflow import logs",
        "with logs.to_file('step.log'):",
        "    open('made', 'w').close()",
    ]
    endings.hold_for_scripts()
    done = subprocess.run(
        ["bash", "-c", f'{shell._process_prefix} "$0" "$@"', sys.executable, "-c", "\n".join(lines)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests may run where a Ctrl-C is ignored
    )
    assert (done.returncode, done.stdout, done.stderr) == (logs.INTERRUPTED, "", "")
    assert not (tmp_path / "made").exists()
    assert (tmp_path / "step.log").read_text() == "interrupted\n"
