"""A small form of a bake-off: every network and every loss trains a few steps. ``make studies`` runs it.

Of each bake-off those models and losses are left that no bake-off before it has, on its first dataset, with one seed
and one epoch; a bake-off without any is left out, and so are sweeps. Simulated surveys become small, and raw files that
are not there are simulated.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from skybake import plugins
from skybake.config import make_plan, yaml_files
from skybake.config.paths import expanded
from skybake.files import atomic_write

OBJECTS = 100  # of a simulated survey, of each kind
SAID = "this is the reduced form: {epochs} epoch, few objects, one seed"
_SIZES = {"n_clusters", "n_objects", "n_sources", "n_noise", "n_train", "n_test"}
FIGURES = {"run": [], "explore": ["example_cutouts"]}  # of one epoch there is nothing to see


def reduced(given: Mapping[str, Any], results: str) -> dict[str, Any]:
    """Return the small form of a config, as read from YAML, with its results in another folder."""
    config = copy.deepcopy(dict(given))
    bakeoffs = dict(_bakeoffs(config["bakeoffs"]))
    used = {name for bakeoff in bakeoffs.values() for name in bakeoff["datasets"]}
    config["title"] = f"{config.get('title', 'A bake-off')}, reduced"
    config["results"] = results
    config["datasets"] = {name: _dataset(block) for name, block in config["datasets"].items() if name in used}
    config["bakeoffs"] = bakeoffs
    config["figures"] = FIGURES
    config["statistics"] = {**(config.get("statistics") or {}), "draws": 200}
    return config


def _dataset(block: dict[str, Any]) -> dict[str, Any]:
    mock = block.get("mock") or {}
    if not all(Path(expanded(path)).exists() for path in (block.get("raw") or {}).values()):
        block = {key: value for key, value in block.items() if key not in ("raw", "fetch", "download")}
        options = plugins.in_room("mock", "simulate")[block["survey"]].load().Options
        mock = dict.fromkeys(options.model_fields.keys() & _SIZES, OBJECTS)
    small = {key: min(value, OBJECTS) if key in _SIZES else value for key, value in mock.items()}
    return {**block, "mock": small} if small else block


def _bakeoffs(given: Mapping[str, dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    models: list[Any] = []
    losses: list[Any] = []
    judged: set[str] = set()  # datasets that have a baseline
    for name, bakeoff in given.items():
        new = {
            "models": [item for item in bakeoff["models"] if item not in models],
            "losses": [item for item in bakeoff["losses"] if item not in losses],
        }
        if not any(new.values()):
            continue
        kept = {key: items or bakeoff[key][:1] for key, items in new.items()}
        dataset = bakeoff["datasets"][0]
        trivial = [] if dataset in judged else bakeoff.get("baselines", [])[:1]
        judged |= {dataset} if trivial else set()
        models, losses = models + kept["models"], losses + kept["losses"]
        training = bakeoff.get("training") or {}
        training = {"preset": training} if isinstance(training, str) else training
        more = {key: value for key, value in bakeoff.items() if key not in ("sweep", "inside")}
        yield (
            name,
            {
                **more,
                **kept,
                "datasets": [dataset],
                "baselines": trivial,
                "seeds": bakeoff.get("seeds", [1])[:1],
                "training": {**training, "epochs": 1},
                "published": [_published(row) for row in bakeoff.get("published", ()) if _is_left(row, kept)],
            },
        )


def _is_left(row: Mapping[str, Any], kept: Mapping[str, list[Any]]) -> bool:
    return "name" in row or (row["model"] in kept["models"] and row["loss"] in kept["losses"])


def _published(row: Mapping[str, Any]) -> dict[str, Any]:
    if "name" in row:
        return dict(row)
    why = "; ".join(filter(None, [SAID.format(epochs=1), row.get("may_explain", "")]))
    return {**row, "may_explain": why}


def main() -> None:
    """Write the small form of a config."""
    parser = argparse.ArgumentParser(prog="python -m skybake.config.reduced", description=__doc__)
    parser.add_argument("config", type=Path)
    parser.add_argument("written", type=Path)
    parser.add_argument("--results", required=True, help="folder of the small form's results")
    given = parser.parse_args()
    small = reduced(yaml_files.read(given.config), given.results)
    make_plan(small)
    given.written.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(given.written) as beside:
        beside.write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")


if __name__ == "__main__":
    main()
