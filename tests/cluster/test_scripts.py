"""The scripts that make the cluster of these tests."""

import fcntl
import subprocess
import threading

import pytest

from tests.cluster.conftest import HERE
from tests.debian import script

FOLDERS = {"update": "Dir::State::Lists", "autoclean": "Dir::Cache::Archives"}  # which a command of apt locks


def test_a_script_that_fails_is_a_failure_and_no_skip():
    with pytest.raises(pytest.fail.Exception, match=r"usage: slurm\.sh up"):
        script(HERE / "slurm.sh", "sideways")


def apt_get(command, folder, wait):
    """Run the scripts' apt-get on a folder of its own, so that nothing of the machine is touched."""
    (folder / "partial").mkdir(exist_ok=True)
    options = f"-o {FOLDERS[command]}={folder} -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts=/dev/null"
    line = f"source {HERE}/apt.sh; APT_WAIT={wait} apt_get {options} {command}"
    return subprocess.run(["bash", "-ec", line], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", sorted(FOLDERS))
def test_apt_waits_for_another_programs_lock(command, tmp_path):
    script(HERE / "apt.sh")  # or skip where there is no apt
    with (tmp_path / "lock").open("w") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        done = apt_get(command, tmp_path, wait=0)
        assert done.returncode != 0
        assert "Could not get lock" in done.stdout
        threading.Timer(3, fcntl.lockf, (lock, fcntl.LOCK_UN)).start()
        done = apt_get(command, tmp_path, wait=60)
    assert done.returncode == 0, done.stdout
