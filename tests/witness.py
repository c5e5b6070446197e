"""Digest what small bake-offs of every survey contain, so that two versions of skybake can be compared by number.

    python tests/witness.py run --out before.json [--checkout FOLDER] [--only small sweep] [--work FOLDER] [--cores 2]
    python tests/witness.py compare before.json after.json [--all]

``run`` runs the bake-offs of ``witness_cases.py`` with a checkout, by default the one it lies in, and writes one JSON
file: the arrays of datasets and splits, the weights of every network, predicted values with the ids they belong to,
every history, run record, sweep and look inside, and every number of ``metrics.json`` and ``comparison.csv``.
``compare`` prints what differs, grouped, and exits with 1 if anything does. A run takes minutes, less than ten on two
cores.

Contents are kept by what they are (station, row, field), not by where a file keeps them:

- Weights go by their shape. Layers may be named or ordered anew: weights of one shape are sorted by their values.
- Predicted values are sorted by id. A file may name an object by its id or by its row in the dataset.
- A split is the ids of its parts, in the order of training.

Where a new version keeps files in another way, only ``witness_files.py`` needs to learn it; it fails on a layout that
it does not know. Left out by name: how long something took and how much memory
(``TIMING``), and the machine, versions and code that made it (``PROVENANCE``). No other number is.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:  # run as a script
    sys.path.insert(0, str(ROOT))

from tests.witness_files import (  # noqa: E402
    BASELINE,
    SHARED,
    WitnessError,
    dataset_files,
    ids_of,
    of_rows,
    read_dataset,
    read_inside,
    read_predictions,
    read_split,
    read_table,
    read_weights,
    runs,
    split_files,
)

FORMAT = "skybake-witness"
VERSION = 1
PACKAGES = ("h5py", "jax", "keras", "numpy", "scikit-learn", "scipy", "tensorflow-cpu")
TIMING = (
    *("train_seconds", "epoch_seconds", "predict_objects_per_second", "peak_memory_mb"),
    "train_seconds_change_percent",
)
# Of metrics.json ``predictions`` are the digests of files, and ``device`` is what a training ran on.
PROVENANCE = ("device", "digests", "files", "fingerprint", "hardware", "predictions", "versions")
SHOWN = 3  # rows that are named of each field that differs
FIELDS = 12  # fields that are named of each station

Contents = dict[str, dict[str, dict[str, Any]]]  # station -> row -> field -> value


# ---- The digest ----------------------------------------------------------------------------------------------------


def digest(values: np.ndarray) -> dict[str, Any]:
    """Return a digest of an array that does not depend on how it is stored; ``mean`` is for people.

    Numbers count as float64, of which all NaN are one; texts as UTF-8.
    """
    values = np.asarray(values)
    if values.dtype.kind in "OUS":
        content = json.dumps([str(value) for value in values.ravel()]).encode()
        facts = {}
    else:
        numbers = values.astype("<f8")
        numbers = np.where(np.isnan(numbers), np.nan, numbers + 0.0)  # -0 is 0
        content = numbers.tobytes()
        facts = {"mean": plain(float(numbers.mean()))} if numbers.size else {}
    return {"shape": list(values.shape), "digest": hashlib.sha256(content).hexdigest()[:24], **facts}


def plain(value: Any) -> Any:
    """Return a value that JSON can hold; numbers that are not finite as texts."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def leaves(node: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of a JSON document with its place, but for timing and provenance; lists of values whole."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key not in (*TIMING, *PROVENANCE):
                yield from leaves(value, f"{place}/{key}" if place else str(key))
    elif isinstance(node, list) and not any(isinstance(value, Mapping | list) for value in node):
        yield place, [plain(value) for value in node]
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from leaves(value, f"{place}/{number}")
    else:
        yield place, plain(node)


def number_or_text(text: str) -> Any:
    """Return the field of a CSV as a number if it is one."""
    try:
        return plain(float(text))
    except ValueError:
        return text


def weights(arrays: Sequence[np.ndarray]) -> dict[str, Any]:
    """Return digests of a network's weights by shape; those of one shape in the order of their values."""
    by_shape = defaultdict(list)
    for array in arrays:
        by_shape["x".join(map(str, array.shape)) or "number"].append(np.asarray(array))
    return {
        f"{shape}/{place}": digest(array)
        for shape, same in by_shape.items()
        for place, array in enumerate(sorted(same, key=lambda array: array.ravel().tolist()))
    }


def predictions(parts: Mapping[str, tuple[np.ndarray, Mapping[str, np.ndarray]]]) -> dict[str, Any]:
    """Return digests of the ids of each part and of the values predicted for them, in the order of the ids."""
    found = {}
    for part, (ids, values) in parts.items():
        order = np.argsort(ids, kind="stable")
        found[f"{part}/id"] = digest(ids[order])
        for name, array in values.items():
            found[f"{part}/{name}"] = digest(array if name in SHARED else array[order])
    return found


def contents(results: Path) -> Contents:
    """Return what a finished bake-off contains: station -> row -> field -> value.

    Raises:
        WitnessError: A row of the comparison has no runs or metrics where they are looked for.
    """
    found: Contents = defaultdict(dict)
    ids = {}
    for name, path in dataset_files(results).items():
        ids[name] = ids_of(path)
        arrays = read_dataset(path).items()
        found["dataset"][name] = {key: digest(v) if isinstance(v, np.ndarray) else v for key, v in arrays}
        found["rejected"][name] = rejected(read_table(path.parent / "rejected.csv"))
        splits = split_files(path.parent)
        for split in splits:
            row = name if len(splits) == 1 else f"{name}/{split.stem}"
            found["split"][row] = {part: digest(named) for part, named in read_split(split, ids[name]).items()}
    for run in runs(results):
        row = f"{run.row}/{run.seed}"
        found["predictions"][row] = predictions(read_predictions(run.folder / "predictions.h5", ids[run.dataset]))
        found["history"][row] = history(read_table(run.folder / "history.csv"))
        found["run"][row] = dict(leaves(json.loads((run.folder / "run.json").read_text(encoding="utf-8"))))
        if (run.folder / "model.keras").exists():
            found["weights"][row] = weights(read_weights(run.folder / "model.keras"))
    for station, name in (("metrics", "metrics.json"), ("sweep", "sweep.json")):
        for row, path in of_rows(results, name).items():
            found[station][row] = dict(leaves(json.loads(path.read_text(encoding="utf-8"))))
    for row, path in of_rows(results, "inside.h5").items():
        parts = read_inside(path).items()
        found["inside"][row] = {key: digest(v) if isinstance(v, np.ndarray) else v for key, v in parts}
    for name in ids:
        found["comparison"] |= comparison(results / name / "comparison.csv")
    found["joined comparison"] = comparison(results / "comparison.csv")
    check(found, results)
    return dict(found)


def rejected(rows: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Return how many objects were rejected for which reason, and digests of which and with what detail."""
    reasons = [row["reason"] for row in rows]
    found: dict[str, Any] = {f"reason/{reason}": reasons.count(reason) for reason in sorted(set(reasons))}
    for column in ("row", "id", "reason", "detail"):
        found[column] = digest(np.array([row[column] for row in rows], dtype=object))
    return found


def history(rows: Sequence[Mapping[str, str]]) -> dict[str, list[Any]]:
    """Return the columns of a history; a baseline has none."""
    return {name: [number_or_text(row[name]) for row in rows] for name in (rows[0] if rows else ())}


def comparison(path: Path) -> dict[str, dict[str, Any]]:
    """Return the fields of each row of a comparison that are not empty, but for timing and provenance.

    Raises:
        WitnessError: Two rows have the same dataset, model and loss.
    """
    found: dict[str, dict[str, Any]] = {}
    for row in read_table(path):
        name = f"{row['dataset']}/{row['model']}/{row['loss']}"
        if name in found:
            raise WitnessError(f"{path}: {name} stands twice; the row's other names are not known here")
        found[name] = {
            key: number_or_text(text) for key, text in row.items() if text and key not in (*TIMING, *PROVENANCE)
        }
    return found


def check(found: Contents, results: Path) -> None:
    """Raise WitnessError if something that the comparison speaks of was not found."""
    if not found["joined comparison"]:
        raise WitnessError(f"{results}: no row compared")
    seeds = {station: {row.rsplit("/", 1)[0] for row in found[station]} for station in ("predictions", "weights")}
    for row, fields in found["joined comparison"].items():
        network = not row.endswith(f"/{BASELINE}")
        missing = [
            what
            for what, there in (
                ("dataset", row.split("/")[0] in found["dataset"]),
                ("split", any(name.split("/")[0] == row.split("/")[0] for name in found["split"])),
                ("predictions", row in seeds["predictions"]),
                ("weights", not network or row in seeds["weights"]),
                ("metrics", row in found["metrics"]),
                ("row in its dataset's comparison", row in found["comparison"]),
            )
            if not there
        ]
        if missing or fields["status"] != "ok":
            raise WitnessError(
                f"{results}: {row} is {fields['status']}; not found: {', '.join(missing) or 'nothing'}."
                " Hint: a new layout must be told to tests/witness.py"
            )


# ---- The run -------------------------------------------------------------------------------------------------------


def run(out: Path, checkout: Path, names: Sequence[str], work: Path, cores: int) -> None:
    """Run bake-offs with a checkout and write their digest.

    Raises:
        WitnessError: One of them failed, or there is none of a name.
    """
    from tests.witness_cases import cases
    from tests.workflow.conftest import Bakeoff

    known = cases()
    if unknown := [name for name in names if name not in known]:
        raise WitnessError(f"no bake-off {unknown[0]!r}; there are {', '.join(known)}")
    chosen = {name: case for name, case in known.items() if not names or name in names}
    found: Contents = defaultdict(dict)
    for name, case in chosen.items():
        started = time.monotonic()
        bakeoff = Bakeoff(work / name, checkout)
        case.prepare(bakeoff.folder)
        bakeoff.write(case.config)
        done = bakeoff.snakemake("--cores", str(cores), check=False)
        if done.returncode:
            raise WitnessError(f"the bake-off {name!r} in {bakeoff.folder} failed:\n{done.stdout[-5000:]}")
        for station, rows in contents(bakeoff.folder / "results").items():
            found[station] |= {f"{name}/{row}": fields for row, fields in rows.items()}
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
    document = {
        "format": FORMAT,
        "version": VERSION,
        "made": made_with(checkout),
        "configs": {name: case.config for name, case in chosen.items()},
        "contents": found,
    }
    out.write_text(json.dumps(document, indent=1, sort_keys=True, allow_nan=False) + "\n", encoding="utf-8")
    print(f"{out}: {', '.join(f'{count} {station}' for station, count in counts(found).items())}")


def counts(found: Contents) -> dict[str, int]:
    """Return how many values each station has."""
    return {station: sum(map(len, rows.values())) for station, rows in sorted(found.items())}


def made_with(checkout: Path) -> dict[str, str]:
    """Return the commit, versions and processor, which explain differences and are none."""
    commit = subprocess.run(
        ["git", "-C", str(checkout), "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True
    )
    installed = {item.metadata["Name"].lower(): item.version for item in metadata.distributions()}
    return {
        "commit": commit.stdout.strip(),
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: installed[name] for name in PACKAGES if name in installed},
    }


# ---- The comparison ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Difference:
    """A value that is not the same in both; None where it is in one only.

    Attributes:
        station, row, field: What it is.
        kind: ``different``, ``gone`` or ``new``.
        before, after: Values.
    """

    station: str
    row: str
    field: str
    kind: str
    before: Any = None
    after: Any = None

    @property
    def change(self) -> float | None:
        """The largest relative change of a number; None where there is none to tell."""
        old, new = numbers(self.before), numbers(self.after)
        if len(old) != len(new):
            return None
        pairs = zip(old, new, strict=True)
        return max((abs(y - x) / max(abs(x), abs(y)) for x, y in pairs if x != y), default=None)


def numbers(value: Any) -> list[float]:
    """Return the numbers of a value: itself, those of a list, or the mean of an array."""
    if isinstance(value, Mapping):
        value = value.get("mean")
    values = value if isinstance(value, list) else [value]
    return [float(item) for item in values if isinstance(item, int | float) and not isinstance(item, bool)]


def differences(before: Contents, after: Contents) -> list[Difference]:
    """Return all that differs between two digests."""
    found = []
    for station in sorted({*before, *after}):
        old_rows, new_rows = before.get(station, {}), after.get(station, {})
        for row in sorted({*old_rows, *new_rows}):
            old, new = old_rows.get(row, {}), new_rows.get(row, {})
            for field in sorted({*old, *new}):
                what = (station, row, field)
                if field not in new:
                    found.append(Difference(*what, "gone", before=old[field]))
                elif field not in old:
                    found.append(Difference(*what, "new", after=new[field]))
                elif same(old[field]) != same(new[field]):
                    found.append(Difference(*what, "different", old[field], new[field]))
    return found


def same(value: Any) -> Any:
    """Return what must be equal of a value: of an array its shape and digest; true is not 1."""
    if isinstance(value, Mapping):
        return value["shape"], value["digest"]
    return isinstance(value, bool), value


def report(before: Mapping[str, Any], after: Mapping[str, Any], *, everything: bool = False) -> tuple[list[str], bool]:
    """Return lines that tell what differs between two documents, and whether anything does."""
    lines = [
        f"note: {key} {before['made'].get(key)} before, {after['made'].get(key)} after"
        for key in sorted({*before["made"], *after["made"]})
        if before["made"].get(key) != after["made"].get(key)
    ]
    for name in sorted({*before["configs"], *after["configs"]}):
        if before["configs"].get(name) != after["configs"].get(name):
            lines.append(f"note: the bake-off {name!r} has not the same config in both, or is in one only")
    found = differences(before["contents"], after["contents"])
    by_station = defaultdict(list)
    for item in found:
        by_station[item.station].append(item)
    totals = [counts(document["contents"]) for document in (before, after)]
    for station in sorted({*totals[0], *totals[1]}):
        old, new = (total.get(station, 0) for total in totals)
        size = f"{old} values" if old == new else f"{old} values before, {new} after"
        differing = by_station[station]
        lines.append(f"{station}: {size}, {len(differing)} differ" if differing else f"{station}: {size}, all equal")
        lines += _grouped(differing, everything)
    return lines, bool(found)


def _grouped(found: Sequence[Difference], everything: bool) -> Iterator[str]:
    """Yield lines about the differences of a station, together for fields of one name."""
    groups = defaultdict(list)
    for item in found:
        groups[item.kind, re.sub(r"(?<=/)\d+(?=/|$)", "*", item.field)].append(item)
    shown = list(groups.items())[: None if everything else FIELDS]
    for (kind, field), items in shown:
        rows = len({item.row for item in items})
        changes = [item.change for item in items if kind == "different" and item.change is not None]
        what = "means by" if isinstance(items[0].before, Mapping) else "by"
        largest = f", {what} at most {max(changes):.1g} of the value" if changes else ""
        yield f"  {field}: {len(items)} {kind} in {rows} rows{largest}"
        for item in items if everything else items[:SHOWN]:
            yield f"    {item.row} {item.field}: {_brief(item.before)} -> {_brief(item.after)}"
        if len(items) > SHOWN and not everything:
            yield f"    ... and {len(items) - SHOWN} more"
    if len(groups) > len(shown):
        yield f"  ... and {len(groups) - len(shown)} more fields (--all)"


def _brief(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Mapping):
        mean = f", mean {value['mean']}" if "mean" in value else ""
        return f"{value['digest'][:8]} ({'x'.join(map(str, value['shape']))}{mean})"
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def load(path: Path) -> dict[str, Any]:
    """Read a digest.

    Raises:
        WitnessError: It is missing, is none, or is one of another version.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WitnessError(f"{path}: {error}") from None
    if not isinstance(document, dict) or (document.get("format"), document.get("version")) != (FORMAT, VERSION):
        raise WitnessError(f"{path}: not a digest of version {VERSION}. Hint: python tests/witness.py run --out {path}")
    return document


def main(arguments: Sequence[str] | None = None) -> int:
    """Run or compare; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="run the bake-offs and digest them")
    running.add_argument("--out", type=Path, required=True, help="JSON file to write")
    running.add_argument("--checkout", type=Path, default=ROOT, help="what is run; by default where this script lies")
    running.add_argument("--only", nargs="+", default=[], help="bake-offs by name; by default all")
    running.add_argument("--work", type=Path, help="folder to run in, which stays; the same run can go on in it")
    running.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)), help="by default all")
    comparing = commands.add_parser("compare", help="print what differs; exit with 1 if anything does")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--all", action="store_true", help="every value that differs")
    given = parser.parse_args(arguments)
    try:
        if given.command == "compare":
            lines, differ = report(load(given.before), load(given.after), everything=given.all)
            print("\n".join(lines))
            return int(differ)
        with tempfile.TemporaryDirectory() as scratch:
            run(given.out, given.checkout.resolve(), given.only, (given.work or Path(scratch)).resolve(), given.cores)
    except WitnessError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
