"""Small bake-offs that the tests of this room compare."""

import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np

from skybake.data import rejections, splits
from skybake.data.dataset import load_dataset
from skybake.evaluation.judge import judge
from skybake.figures.runs import draw_run
from skybake.report import choosing
from skybake.report.comparison import compare
from skybake.report.dataset_page import write_page
from skybake.report.rows import Row
from tests.unit._synthetic_runs import read_part, write_dataset, write_run

STATISTICS = {"draws": 300, "level": 0.95, "seed": 0}


SEEDS = (1, 2, 3)


MODELS = ("simple_sequential", "nonsequential")


LOSSES = ("mean_squared_error", "huber-delta=0.3", "gaussian_nll")


COMBINATIONS = [
    *((model, loss) for model in MODELS for loss in LOSSES),
    ("constant", "baseline"),
    ("ridge", "baseline"),
]


FAILED, DIVERGED = ("simple_sequential", "gaussian_nll"), ("simple_sequential", "huber-delta=0.3")


HOLDOUT = {"strategy": "holdout", "test": 0.1, "valid": 0.1, "seed": 40}


FIGURES = ["forest", "accuracy_against_time"]


REFERENCE = {
    **{"dataset": "efeds_mock", "split": "holdout-40", "training": "mocks"},
    **{"model": "simple_sequential", "loss": "mean_squared_error", "prediction": "seeds"},
}


def row_of(
    folder: Path, model: str, loss: str, dataset: str = "efeds_mock", seeds=SEEDS, prediction: str = "seeds"
) -> Row:
    here = folder / "evaluation" / model / (loss if prediction == "seeds" else f"{loss}@{prediction}")
    return Row(
        dataset=dataset,
        split="holdout-40",
        training="mocks",
        model=model,
        loss=loss,
        prediction=prediction,
        seeds=seeds,
        runs={seed: folder / "runs" / model / loss / f"seed-{seed}" for seed in seeds},
        metrics=here / "metrics.json",
        figures=here / "figures",
        log=folder / "logs" / model / f"{loss}.log",
        baseline=loss == "baseline",
    )


def bake(folder: Path, *, dataset="efeds_mock", mock=True, combinations=COMBINATIONS, figures=("error_histogram",)):
    made = []
    opened = load_dataset(write_dataset(folder / "dataset.h5", n=1000, tested=120, mock=mock))
    more = {"dataset": dataset, "mock": mock, "n": 120, "data": opened.path}
    for model, loss in combinations:
        row = row_of(folder, model, loss, dataset)
        row.log.parent.mkdir(parents=True, exist_ok=True)
        row.log.write_text("starts\n")
        if (model, loss) == FAILED:
            row.log.write_text("".join(f"line {number}\n" for number in range(40)) + "ValueError: <a> & b\n")
        else:
            for seed in SEEDS:
                bad = (model, loss) == DIVERGED and seed == 2
                write_run(row.runs[seed], model=model, loss=loss, seed=seed, diverged=bad, **more)
            judge(row.runs, opened, row.metrics, STATISTICS)
            draw_run(row.runs, opened, row.metrics, row.figures, figures)
        made.append(row)
    splits.write(folder / "split-40.h5", splits.make(opened, HOLDOUT))
    rejected = [rejections.Rejection(3, "x", "mass not positive"), rejections.Rejection(5, "y", "mass not positive")]
    rejections.write_rejected(folder / "rejected.csv", [*rejected, rejections.Rejection(7, "z", "frame <missing>")])
    return made


def in_table(made, folder: Path, out: Path, *, reference=REFERENCE, limit=None) -> None:
    """Choose and compare, without a page."""
    choosing.choose(made, out / "chosen.json")
    compare(
        made,
        chosen=out / "chosen.json",
        csv=out / "comparison.csv",
        tex=out / "comparison.tex",
        found=out / "comparison.json",
        reached=out / "verdict.json",
        dataset=load_dataset(folder / "dataset.h5"),
        statistics=STATISTICS,
        reference=reference,
        limit=limit,
    )


def compared(
    made, folder: Path, out: Path, *, title="Masses & <more>", names=FIGURES, reference=REFERENCE, told=(), limit=None
) -> Path:
    in_table(made, folder, out, reference=reference, limit=limit)
    write_page(
        made,
        chosen=out / "chosen.json",
        comparison=out / "comparison.json",
        verdict=out / "verdict.json",
        html=out / "report.html",
        folder=out / "figures",
        names=names,
        title=title,
        dataset=folder / "dataset.h5",
        split=folder / "split-40.h5",
        rejected=folder / "rejected.csv",
        audit=folder / "audit-40.json",
        config_text="title: Masses & <more>\nseeds: [1, 2, 3]\n",
        told=told,
        apply={"block": "apply:\n  new_objects:\n    dataset: efeds_mock\n", "results": "results/masses"},
        published=out / "published.csv",
        limit=limit,
    )
    return out


def pooled(folder: Path, model: str, loss: str, part: str = "test") -> np.ndarray:
    """Errors (S, n), as a person would compute them."""
    found = []
    for seed in SEEDS:
        here = read_part(folder / "runs" / model / loss / f"seed-{seed}", part, folder / "dataset.h5")
        keep = ~np.isnan(here.label) & (here.label != -9999)
        found.append((here.prediction.point - here.label)[keep])
    return np.array(found)


class Document(HTMLParser):
    """The text of a page, its addresses, its tags."""

    def __init__(self, text: str):
        super().__init__()
        self.words, self.addresses, self.tags, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [value for name, value in attributes if name in ("src", "href", "srcset", "action", "data")]
        self.ids += [value for name, value in attributes if name == "id"]

    def handle_data(self, data):
        if data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.words)


def compile_tex(table: Path, folder: Path) -> None:
    shutil.copy(table, folder)
    preamble = r"\documentclass{article}\usepackage{booktabs}\setlength{\textwidth}{17cm}"  # a journal's two columns
    (folder / "main.tex").write_text(preamble + r"\begin{document}\input{comparison.tex}\end{document}")
    ended = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"], cwd=folder, capture_output=True
    )
    assert ended.returncode == 0, ended.stdout.decode()[-2000:]
    assert b"Overfull \\hbox" not in ended.stdout
