"""A bake-off of 500 combinations is planned in seconds."""

import resource

from skybake import plugins
from tests.workflow.conftest import Bakeoff


def test_500_combinations_are_planned_in_20_seconds(tmp_path):
    known = [part.constants for part in plugins.losses().values()]
    losses = sorted({it["function"] for it in known if "regression" in it["tasks"] and it.get("trains", True)})[:20]
    bakeoff = Bakeoff(tmp_path)
    bakeoff.write(
        {
            "datasets": {"clusters": {"survey": "efeds", "mock": {"n_clusters": 150}}},
            "bakeoffs": {
                "large": {
                    "datasets": ["clusters"],
                    "models": [{"simple_sequential": {"filters": number}} for number in range(1, 26)],
                    "losses": losses,
                    "seeds": [1, 2, 3],
                }
            },
        }
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert bakeoff.jobs()["train_large"] == 500
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: the machine may have other things to do.
    assert after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime < 20
