"""The sbatch that Snakemake calls: it waits where a refusal passes, and says what the cluster's says otherwise."""

import os
import subprocess

import pytest

from tests.conftest import ROOT

WRAPPER = ROOT / "skybake" / "workflow" / "bin" / "sbatch"
LIMIT = (
    "sbatch: error: QOSMaxSubmitJobPerUserLimit\nsbatch: error: Batch job submission failed: Job violates"
    " accounting/QOS policy (job submit limit, user's size and/or time limits)"
)
# Refuses as often as there are lines in the file `refusals`, and takes the script of the job then.
CLUSTER = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
if [ -s "$here/refusals" ]; then
    head -n 1 "$here/refusals" | tr '|' '\\n' >&2
    sed -i 1d "$here/refusals"
    exit 1
fi
cat >"$here/script"
echo 'a warning' >&2
echo "42;cluster"
"""


@pytest.fixture
def cluster(tmp_path):
    (tmp_path / "sbatch").write_text(CLUSTER)
    (tmp_path / "sbatch").chmod(0o755)
    return tmp_path


def submit(cluster, *refusals, script="#!/bin/sh\necho hello\n"):
    lines = [refusal.replace("\n", "|") + "\n" for refusal in refusals]
    (cluster / "refusals").write_text("".join(lines))
    environment = os.environ | {
        "PATH": f"{WRAPPER.parent}:{cluster}:{os.environ['PATH']}",
        "SKYBAKE_SUBMIT_WAIT": "0",
        "SKYBAKE_MAIN": str(os.getpid()),
    }
    command = ["sbatch", "--parsable", "--job-name", "run", "--comment", "rule_a b", "/dev/stdin"]
    return subprocess.run(command, input=script, capture_output=True, text=True, env=environment, check=False)


def calls(cluster):
    return len((cluster / "calls").read_text().splitlines())


def test_a_job_that_is_taken_at_once(cluster):
    done = submit(cluster)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42;cluster\n", "")
    assert (cluster / "script").read_text() == "#!/bin/sh\necho hello\n"


@pytest.mark.parametrize(
    "refusal",
    [
        LIMIT,
        LIMIT.replace("QOSMaxSubmitJobPerUserLimit", "AssocMaxSubmitJobLimit"),
        "sbatch: error: Batch job submission failed: Unable to contact slurm controller (connect failure)",
        "sbatch: error: Batch job submission failed: Resource temporarily unavailable",
        "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation",
        "sbatch: error: Slurm temporarily unable to accept job, sleeping and retrying",
    ],
)
def test_a_refusal_that_passes_is_waited_for(refusal, cluster, capfd):
    done = submit(cluster, *[refusal] * 3)
    assert (done.returncode, done.stdout, done.stderr) == (0, "42;cluster\n", "")
    assert calls(cluster) == 4
    assert (cluster / "script").read_text() == "#!/bin/sh\necho hello\n"
    said = capfd.readouterr().err
    assert said.count("skybake: ") == 1  # once, on Snakemake's terminal
    assert refusal.split("\n")[0] in said


@pytest.mark.parametrize(
    "refusal",
    [
        "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified",
        "sbatch: error: invalid partition specified: gpus\nsbatch: error: Batch job submission failed",
        "sbatch: error: Batch job submission failed: Requested node configuration is not available",
    ],
)
def test_any_other_refusal_passes_through_at_once(refusal, cluster):
    done = submit(cluster, refusal)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.strip() == refusal
    assert calls(cluster) == 1


def test_a_job_that_was_taken_though_no_answer_came_is_not_submitted_twice(cluster):
    (cluster / "squeue").write_text("#!/bin/sh\necho '40 rule_a other'\necho '41 rule_a b'\n")
    (cluster / "squeue").chmod(0o755)
    done = submit(cluster, "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation")
    assert (done.returncode, done.stdout) == (0, "41\n")
    assert calls(cluster) == 1
