"""The page of a first look at one dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skybake import figures as drawings
from skybake.data import exploration
from skybake.data.pixels import PERCENTILES
from skybake.report import page

TEMPLATE = "exploring.html.j2"
# What the page tells, in its order, and the figures that show it; others stand at its end.
SECTIONS = {
    "Objects": ("colour_composites", "class_galleries", "example_cutouts"),
    "Centring": ("centring", "band_images"),
    "Noise and units": ("band_noise", "band_light"),
    "Labels and scalars": ("labels_and_scalars",),
    "Rows and groups": ("rejected_rows", "group_sizes"),
}


def write_page(
    dataset: str,
    path: Path,
    rejected: Path,
    *,
    html: Path,
    figures: Path,
    figure_names: Sequence[str],
    title: str,
    config_text: str,
) -> None:
    """Look at a dataset and write its figures and one self-contained page.

    Args:
        dataset: Its name in the config.
        path, rejected: Its file and its ``rejected.csv``.
        html: File to write. It is written last: where it exists, the figures do.
        figures: Folder for ``<name>.pdf`` and ``<name>.png``.
        figure_names: Files of ``skybake/figures/`` with ``SCOPE = "explore"``.
        title: Heads the page.
        config_text: What the config says of the dataset, as YAML.

    Raises:
        DatasetError: The dataset or ``rejected.csv`` cannot be read.
    """
    data = exploration.explore(dataset, path, rejected)
    Path(figures).mkdir(parents=True, exist_ok=True)
    for name in figure_names:
        drawings.draw(name, data, Path(figures))
    bands = exploration.bands(data)
    page.write(
        html,
        TEMPLATE,
        title=title,
        mock=data.mock,
        warnings=data.file.warnings,
        data=data,
        file=data.file,
        bands=bands,
        pixels=data.pixels.bands(data.file.bands),
        percentiles=PERCENTILES,
        off_centre=[band.name for band in bands if band.off_centre],
        other_units=[band.name for band in bands if band.other_units],
        unjudged=[band.name for band in bands if not band.judged],
        least=exploration.JUDGED,
        compared=any(band.magnitude is not None for band in bands),
        columns=exploration.column_facts(data.file),
        groups=exploration.group_sizes(data.file),
        padded=_padded(data),
        rejected=sum(data.rejected.values()),
        sections=_sections(figure_names, Path(figures)),
        examples=_examples(data),
        config_text=config_text,
    )


def _sections(names: Sequence[str], folder: Path) -> dict[str, tuple[page.Picture, ...]]:
    """Return heading -> pictures of the figures that were drawn."""
    placed = {name for section in SECTIONS.values() for name in section}
    sections = {**SECTIONS, "More": tuple(name for name in names if name not in placed)}
    pictures = {
        head: page.pictures(folder, [name for name in section if name in names]) for head, section in sections.items()
    }
    return {head: found for head, found in pictures.items() if found}


def _padded(data: exploration.Exploration) -> Mapping[str, Any] | None:
    """Return how many objects have padded pixels and the largest share of them; None where that is not known."""
    names = data.file.scalars_of("padded_fraction")
    if not names:
        return None
    share = data.file.scalars[names[0]]
    return {"objects": int((share > 0).sum()), "largest": float(share.max())}


def _examples(data: exploration.Exploration) -> list[dict[str, Any]]:
    rows = data.examples.rows
    return [
        {"number": place + 1, "id": data.file.ids[row], "group": data.file.groups[row], "label": label}
        for place, (row, label) in enumerate(zip(rows, data.examples.labels.tolist(), strict=True))
    ]
