"""The doctor on one machine, without SLURM."""

import copy
import json

from tests.workflow.conftest import CONFIG, Bakeoff, copy_checkout


def lines(bakeoff, done):
    """Return the doctor's lines, which are printed and written; without colour, since nobody looks at a terminal."""
    written = (bakeoff.folder / "results" / "doctor" / "doctor.txt").read_text()
    assert written in done.stdout
    assert "\033" not in written
    return written.splitlines()


def test_a_healthy_machine_is_green_and_examined_anew_at_every_call(tmp_path):
    bakeoff = Bakeoff(tmp_path)
    bakeoff.write(CONFIG)
    done = bakeoff.snakemake("doctor")
    assert {line[:3] for line in lines(bakeoff, done)} == {"ok ", " - "}
    assert [line for line in lines(bakeoff, done) if line.startswith(" - ")] == [
        " -  SLURM:           not used here: jobs run by the executor local"
    ]
    assert "Not finished" not in done.stdout  # that is said of bake-offs
    alike = "train_clusters"  # the other bake-off trains with the same settings
    examined = ["doctor_data", "doctor_mock", f"doctor_{alike}", "doctor_report"]
    assert bakeoff.jobs("doctor") == dict.fromkeys([*examined, "doctor"], 1)
    facts = json.loads((tmp_path / "results" / "doctor" / f"{alike}.json").read_text())
    assert facts["frameworks"]["tensorflow"]["kind"] == "cpu"


def test_what_is_wrong_has_a_cure_and_an_exit_code_and_hides_nothing(tmp_path):
    """One bake-off wants a GPU that is not there, and the jobs without a framework find an environment with a hole."""
    config = copy.deepcopy(CONFIG)
    config["bakeoffs"]["galaxies"]["training"]["device"] = "gpu"
    (tmp_path / "checkout").mkdir()
    bakeoff = Bakeoff(tmp_path / "work", copy_checkout(tmp_path / "checkout"))
    script = bakeoff.checkout / "scripts" / "examine.py"
    whole = script.read_text()
    script.write_text(whole.replace("    steps.write(", "    import no_such_package\n\n    steps.write("))
    assert script.read_text() != whole
    bakeoff.write(config)
    done = bakeoff.snakemake("--retries", "3", "doctor", check=False)
    assert done.returncode == 1
    assert "Trying to restart" not in done.stdout
    said = lines(bakeoff, done)
    wrong = [number for number, line in enumerate(said) if line.startswith("BAD")]
    assert [said[number].split()[1] for number in wrong] == ["data:", "mock:", "train_galaxies:", "report:"]
    assert "No module named 'no_such_package'" in said[wrong[0]]
    assert "tensorflow sees no GPU, and training.device is 'gpu'" in said[wrong[2]]
    assert all(said[number + 1].split()[0] == "cure:" for number in wrong)
    assert any(line.startswith("ok  train_clusters:") and "computes on cpu" in line for line in said)
    assert "The doctor found 4 of" in done.stdout
