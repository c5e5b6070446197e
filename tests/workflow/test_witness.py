"""The witness knows where the files of a finished bake-off lie, and what they hold."""

from tests import witness


def test_a_finished_bakeoff_is_digested(finished):
    found = witness.contents(finished.folder / "results")
    # Another test leaves a seed more behind, which the config does not ask for.
    asked = {station: [row for row in rows if not row.endswith("seed-7")] for station, rows in found.items()}
    assert {station: len(rows) for station, rows in asked.items()} == {
        **{"dataset": 2, "split": 2, "rejected": 2},
        **{"predictions": 12, "history": 12, "run": 12, "weights": 9},
        **{"metrics": 8, "comparison": 8, "joined comparison": 8},
    }
    row = found["predictions"]["clusters/deeper_sequential/gaussian_nll/seed-2"]
    assert {"valid/point", "valid/std", "test/id", "test/point", "test/std"} <= set(row)
    assert found["history"]["clusters/deeper_sequential/mse/seed-1"]["epoch"] == [1, 2]
    assert found["comparison"] == found["joined comparison"]
