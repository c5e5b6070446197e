"""Parts are found by file name, and a code digest covers what a step uses and nothing else."""

import shutil
import subprocess
import sys

import pytest

from skybake import metrics
from tests.conftest import ROOT

DIGEST = "import sys; from skybake.workflow.digests import code_digest as d; print(d(sys.argv[1], sys.argv[2:]))"


@pytest.fixture
def checkout(tmp_path):
    """A copy of library and scripts that a test may edit."""
    for name in ("skybake", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def digest(checkout, *arguments):
    done = subprocess.run(
        [sys.executable, "-c", DIGEST, *arguments], cwd=checkout, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


MODEL, LOSS = "skybake.models.simple_sequential", "skybake.losses.huber"
METRICS = metrics.modules()


@pytest.mark.parametrize(
    ("edited", "step", "modules", "changes"),
    [
        ("skybake/models/simple_sequential.py", "train", [MODEL, LOSS], True),
        ("skybake/models/_blocks.py", "train", [MODEL, LOSS], True),
        ("skybake/models/deeper_sequential.py", "train", [MODEL, LOSS], False),
        ("skybake/losses/huber.py", "train", [MODEL, LOSS], True),
        ("skybake/training/fit.py", "train", [MODEL, LOSS], True),
        ("skybake/figures/loss_curve.py", "train", [MODEL, LOSS], False),
        ("skybake/config/plan.py", "train", [MODEL, LOSS], False),
        ("skybake/raw/efeds/catalogue.py", "ingest", ["skybake.raw.efeds"], True),
        ("skybake/raw/sdss/frames.py", "ingest", ["skybake.raw.efeds"], False),
        ("skybake/data/dataset.py", "split", [], True),
        ("skybake/training/fit.py", "split", [], False),
        ("skybake/training/fit.py", "judge", [], False),
        ("skybake/evaluation/judge.py", "judge", [], True),
        ("skybake/metrics/robust.py", "judge", METRICS, True),
        ("skybake/metrics/robust.py", "judge", [], False),
        ("skybake/metrics/robust.py", "choose", [], False),
        ("skybake/figures/__init__.py", "judge", [], False),
        ("skybake/figures/_style.py", "compare", [], False),
        ("skybake/figures/_style.py", "write_page", [], True),
        ("skybake/report/page.py", "compare", [], False),
        ("skybake/report/templates/parts.html.j2", "write_page", [], True),
        ("skybake/report/templates/style.css", "write_page", [], True),
        ("skybake/report/templates/exploring.html.j2", "write_page", [], False),
        ("skybake/report/templates/comparison.html.j2", "compare", [], False),
    ],
)
def test_a_digest_changes_with_what_the_step_uses(edited, step, modules, changes, checkout):
    before = digest(checkout, step, *modules)
    with (checkout / edited).open("a") as stream:
        stream.write("\n# edited\n")
    assert (digest(checkout, step, *modules) != before) is changes


def test_a_new_file_is_a_new_part(checkout):
    model = '"""Tiny."""\n\ndef build(image, scalars=None, *, rate=0.5):\n    pass\n'
    (checkout / "skybake/models/tiny.py").write_text(model)
    (checkout / "skybake/losses/tiny.py").write_text(
        'from skybake.losses import loss\n@loss(head="point", tasks=("regression",))\ndef tiny(y_true, y_pred, k=2):\n'
        '    """Tiny."""\n'
    )
    script = (
        "from skybake import plugins as d; print(d.in_room('models', 'build')['tiny'].parameters,"
        " d.losses()['tiny'].parameters, d.losses()['tiny'].constants['head'])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "{'rate': 0.5} {'k': 2} point"
