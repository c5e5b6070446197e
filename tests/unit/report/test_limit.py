"""The limit in tables and on pages."""

import csv as csvfile
import re

import numpy as np
import pytest

from skybake.data import limit
from skybake.data.dataset import load_dataset
from skybake.data.limit import SIGMA, Limit, Limits
from skybake.report import tables
from tests.unit._synthetic_runs import sample
from tests.unit.report.small_bakeoffs import compared


@pytest.fixture(scope="module")
def limited(baked, tmp_path_factory):
    out = tmp_path_factory.mktemp("limited") / "efeds_mock"
    dataset = load_dataset(baked[0] / "dataset.h5")
    ids = np.array(sample("test", 120, 3).ids[3:])
    lines = (Limit("clutter <unknown>", SIGMA, "by heart", np.full(117, 0.1)),)
    limit.write(out / "limit.json", out / "limit.csv", Limits(dataset.label, ids, 117, lines))
    return compared(baked[1], baked[0], out, limit=out / "limit.json")


def test_tables_have_efficiency_where_there_is_a_limit_alone(out, limited):
    with_it, without = (
        list(csvfile.DictReader((folder / "comparison.csv").open(newline=""))) for folder in (limited, out)
    )
    for one, other in zip(with_it, without, strict=True):
        told = [one.pop(name) for name in ("efficiency", "efficiency_low", "efficiency_high")]
        assert one == other
        if one["status"] == "ok":
            value, low, high = map(float, told)
            assert low < value < high
            assert value == pytest.approx(0.1 / np.hypot(float(one["std_error"]), float(one["mean_error"])), rel=1e-3)
        else:
            assert told == ["", "", ""]


def test_csv_with_efficiency_reads_back_and_joins_with_others(out, limited, tmp_path):
    both = [*tables.read_csv(limited / "comparison.csv"), *tables.read_csv(out / "comparison.csv")]
    tables.write_csv(tmp_path / "joined.csv", both)
    assert tables.read_csv(tmp_path / "joined.csv") == both


def test_page_shows_the_limit_and_how_it_was_found(limited, html):
    page = (limited / "report.html").read_text(encoding="utf-8")
    assert "clutter &lt;unknown&gt;" in page
    assert "by heart" in page
    assert "of 117 of the 117 test objects" in page
    assert "Efficiency" in page
    assert "Efficiency" not in html
    assert "tells none of this label" in html


def test_page_of_real_objects_says_why_there_is_none(joined):
    page = (joined / "real_field" / "report.html").read_text(encoding="utf-8")
    assert re.search(r"of real objects nobody knows what was drawn", page)
