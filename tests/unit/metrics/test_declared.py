"""Metrics as declared: a new file is judged, in comparison.csv and on the pages, with nothing else edited."""

import json
import shutil
import subprocess
import sys
import textwrap

import pytest

from skybake import metrics
from skybake.report import rows, tasks
from tests.conftest import ROOT

MINE = '''
    """Extremes of the errors, and a Brier skill."""

    import numpy as np

    from skybake.metrics import metric


    @metric(of="errors", head="Largest", said="largest error", interval=True, in_bins=True, per_seed=True, valid=True)
    def largest_error(errors):
        """Return the largest size of errors (..., n)."""
        return np.max(np.abs(errors), axis=-1)


    @metric(of="classes", head="Sure", said="mean probability of the predicted class", shown="first", order=15)
    def sureness(label, classes):
        """Return the mean confidence."""
        return float(classes.max(axis=1).mean())


    @metric(of="points", head="R", said="correlation", shown="nowhere")
    def correlation(label, point):
        """Return the correlation of labels (n,) and predictions (S, n)."""
        return float(np.corrcoef(np.tile(label, len(point)), point.ravel())[0, 1])
'''
JUDGE = """
import json
from skybake.report import rows, tasks
from tests.unit.evaluation.test_judging import gaussians, judged, parts_of, probabilities, normalised, BOOTSTRAP
from skybake.evaluation import judging
from skybake.results.predictions import Prediction
numbers = judged(*gaussians())
label, classes = probabilities(3, seed=1)
predictions = [Prediction(point=classes.argmax(axis=1).astype(float), classes=normalised(classes))]
kinds = judging.classification(parts_of(label, predictions), BOOTSTRAP)
print(json.dumps({
    "largest": numbers["pooled"]["largest_error"], "correlation": numbers["pooled"]["correlation"],
    "bin": numbers["in_bins"]["log10_m500c"][0]["largest_error"], "sure": kinds["pooled"]["sureness"],
    "columns": [name for name in rows.COLUMNS if "largest" in name or "sure" in name or "correlation" in name],
    "further": [column.head for column in tasks.REGRESSION.further], "seeds": list(tasks.REGRESSION.seeds.values()),
    "first": [column.head for column in tasks.CLASSIFICATION.columns][:3],
}))
"""


@pytest.fixture
def library(tmp_path):
    """A copy of the library and of the tests, to be edited."""
    for name in ("skybake", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def python(library, *words):
    return subprocess.run([sys.executable, *words], cwd=library, capture_output=True, text=True, check=False)


def test_a_new_file_is_judged_and_has_its_columns(library):
    (library / "skybake/metrics/mine.py").write_text(textwrap.dedent(MINE))
    assert python(library, "-m", "skybake", "check", "skybake/metrics/mine.py").stderr == ""
    done = python(library, "-c", JUDGE)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["largest"]["low"] <= found["largest"]["value"] == found["largest"]["high"] >= found["bin"] > 0
    assert 0.8 < found["correlation"]["value"] < 1
    assert "low" not in found["correlation"]
    assert 1 / 3 < found["sure"]["value"] < 1
    assert found["columns"] == [
        *("sureness", "correlation", "largest_error", "largest_error_low", "largest_error_high", "valid_largest_error"),
    ]
    assert found["further"] == [
        *("Validation RMSE", "RMSE", "Conformal coverage [%]", "Conformal width", "Epistemic", "Aleatoric"),
        *("|error| with epistemic", "|error| with aleatoric", "Largest"),
        *("Mean error over seeds", "Std over seeds"),
    ]
    assert found["seeds"][-1] == "Largest"
    assert found["first"] == ["Accuracy", "Sure", "Balanced accuracy"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def mine(", "line 2: '(' was never closed; expected Python"),
        ("@metric(of='errors', head='M', said='m', bins=True)\ndef mine(errors): pass", "keyword argument 'bins'"),
        ("@metric(of='errors', head='M')\ndef mine(errors): pass", "missing 1 required positional argument: 'said'"),
        ("@metric(of='errors', head='M', said=TEXT)\ndef mine(errors): pass", "@metric: said is computed"),
    ],
)
def test_a_file_that_cannot_be_read_is_left_out_with_a_warning(library, text, told):
    (library / "skybake/metrics/mine.py").write_text(f'"""Mine."""\n{text}\n')
    done = python(library, "-c", "from skybake import metrics; print('mine' in metrics.declared(), metrics.modules())")
    assert done.stdout.startswith("False")
    assert "skybake.metrics.mine" not in done.stdout
    assert "skybake/metrics/mine.py is left out: " in done.stderr
    assert told in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('of="errors"', 'of="eros"', "no choice 'eros'; allowed: class_scores, classes, "),
        ("(errors)", "(label, point)", "largest_error(label, point) found; expected largest_error(errors)"),
        ("interval=True, in_bins", 'interval="draws", in_bins', "interval 'draws' found; expected True or False"),
        ("in_bins=True", "in_bin=True", "@metric has no 'in_bin'; "),
        ('shown="first"', 'shown="fürst"', "Did you mean 'first'?"),
        ('shown="first"', "interval=True", "expected the name of a function of draws, since it is of classes"),
        ('shown="first"', 'compared=True, shown="first"', "compared found for classes; expected it for errors, class"),
        ("(errors), axis=-1", "(errors)", "Hint: axis=-1"),
        ("np.max(", "np.nanmax(", "expected NaN: a prediction that is no number must not vanish"),
        (".max(axis=1).mean()", ".max(axis=1)[0] / 0 * 0", "expected finite numbers"),
        (
            "def correlation(",
            "def rmse(",
            "skybake/metrics/regression.py: both have rmse; expected another name",
        ),
        ("def correlation(", "def label(", "comparison.csv has a column label already; expected another name"),
    ],
)
def test_what_is_declared_wrongly_is_told_with_the_cure(library, old, new, told):
    text = textwrap.dedent(MINE)
    assert old in text
    (library / "skybake/metrics/mine.py").write_text(text.replace(old, new, 1))
    done = python(library, "-m", "skybake", "check", "skybake/metrics/mine.py")
    assert done.returncode == 1
    assert told in done.stderr


def test_columns_of_tasks_are_those_that_are_declared():
    heads = [column.head for column in tasks.REGRESSION.columns]
    assert heads[:5] == ["Mean error", "Std", "NMAD", "Outliers [%]", "RAIL outliers [%]"]
    assert heads[5:] == ["CRPS", "NLL", "PIT-KS", "Coverage [%]"]
    further = ["Validation log loss", "Set coverage [%]", "Set size", "Mutual information", "Mean entropy"]
    further += ["Wrong with mutual information", "Wrong with mean entropy", "Accuracy over seeds"]
    assert [column.head for column in tasks.CLASSIFICATION.further] == further
    assert tasks.CLASSIFICATION.compared == {"log_loss": "Log loss", "accuracy": "Accuracy"}
    assert {"error_16", "error_84"} & set(rows.COLUMNS) == set()
    declared = {column for item in metrics.declared().values() for column in item.columns}
    assert declared < set(rows.COLUMNS)
