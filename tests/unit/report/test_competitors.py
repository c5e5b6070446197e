"""Which objects figures to explore show, and which labels the atlas calls suspect."""

from types import SimpleNamespace

import numpy as np

from skybake.report import atlas, competitors
from skybake.report.competitors import Competitor, Field, Objects
from skybake.report.thumbnails import Sheet


def competitor(error: np.ndarray, *, baseline: bool = False) -> Competitor:
    size = np.abs(error)
    return Competitor(
        name="one",
        place=0,
        baseline=baseline,
        shown=True,
        predicted=1 + error,
        error=error,
        size=size,
        sigma=np.full(len(error), np.nan),
        bad=~(size <= 0.3),
        data=SimpleNamespace(outlier_threshold=0.3),
    )


def errors(n: int, seed: int, **far: float) -> np.ndarray:
    found = np.random.default_rng(seed).uniform(-0.05, 0.05, n)
    for place, value in far.items():
        found[int(place[1:])] = value
    return found


def test_all_outliers_of_networks_are_kept_and_said():
    rows = [
        competitor(errors(500, 1, _7=0.9)),
        competitor(errors(500, 2, _400=np.nan)),
        competitor(np.ones(500), baseline=True),
    ]
    kept = competitors.keep(rows, 50)
    assert {7, 400} <= set(kept.places)
    assert (len(kept.places), kept.outliers, kept.outliers_kept) == (50, 2, 2)
    assert kept.said.startswith("50 of 500 test objects with a label are shown: all 2 outliers")
    assert np.array_equal(kept.places, competitors.keep(rows, 50).places)


def test_of_too_many_outliers_the_worst_are_kept():
    error = np.linspace(0.4, 2, 100)
    kept = competitors.keep([competitor(error)], 10)
    assert kept.places.tolist() == list(range(90, 100))
    assert "the 10 worst of 100 outliers" in kept.said


def test_a_label_is_suspect_where_all_networks_miss_it_on_one_side():
    rows = [competitor(errors(40, 1, _3=0.8, _5=0.8)), competitor(errors(40, 2, _3=0.7, _5=-0.7))]
    objects = Objects(np.array([f"o{place}" for place in range(40)]), np.ones(40), {}, {}, {})
    places = np.arange(40)
    found = atlas.make(
        Field(objects, rows, competitors.keep(rows, 100)),
        Sheet("", places, places, ""),
        {"leaks": {"train/test": {"id": {"objects": 1, "examples": [["o9", "o5"]]}, "position": None}}},
    )
    lines = {line.id: line for line in found.lines}
    assert found.suspects == 1
    assert found.lines[0].id == "o3"
    assert lines["o3"].suspect == "all 2 networks predict too high a value"
    assert (lines["o5"].suspect, lines["o5"].leak, lines["o5"].failing) == ("", "train", "2 of 2")
    assert {card.id for card in found.worst[0][:2]} == {"o3", "o5"}
    assert not {card.id for card in found.best[0]} & {"o3", "o5"}
