"""CPU time of ingesting SDSS frames, against the obvious way and against decompression alone, on the same files.

    python benchmarks/ingest.py [--fields 8] [--objects 1 5 20] [--budget 24]
    python benchmarks/ingest.py --raw FOLDER    # a catalogue (*.csv) and frames of one's own, at any depth

The obvious way opens the .fits.bz2 with astropy for each object and band, asks its WCS where the object is, and slices;
astropy decompresses such a file twice. Ours is the whole of ingest, from the catalogue to the dataset. The floor is to
decompress each frame once, up to the last row that an object needs, and nothing else; it depends on how far up the
frames the objects lie, so the share of the pixels is printed. All take turns on the same objects, ours and the floor
three times, of which the lowest counts: ratios of CPU time say more than seconds on a busy machine. Beside them the
reader `frames` cuts the same objects, by their positions alone, and its images are compared with ours. Last,
all fields are ingested with one process and with two.

Should be: obvious / ours at least 3.5, 10 and 35 at 1, 5 and 20 objects a field; ours / floor at most 1.25; frames /
ours at most 1.1; two processes at least 1.7 times one.
"""

from __future__ import annotations

import argparse
import bz2
import os
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from skybake.data.dataset import load_dataset  # noqa: E402
from skybake.mock import sdss as mock  # noqa: E402
from skybake.raw import frames, sdss  # noqa: E402
from skybake.raw import ingest as common  # noqa: E402
from skybake.raw.sdss.frames import BANDS, COLUMNS, ROWS, find_frames, frame_name  # noqa: E402

SIZE = 32
REPEATS = 3  # of ours and the floor, in turn; the lowest of each is taken, as others on the machine only add to it
FIELD = ["run", "camcol", "field"]


def obvious(objects: pd.DataFrame, frames: dict[str, list[Path]]) -> list[list[np.ndarray]]:
    """Open, decompress, WCS and slice for each object and band; the rounding is that of ``centring: nearest``."""
    cutouts = []
    for row in objects.itertuples():
        bands = []
        for band in BANDS:
            with fits.open(frames[frame_name(band, row.run, row.camcol, row.field)][0]) as hdus:
                header, pixels = hdus[0].header, hdus[0].data
            x, y = WCS(header).all_world2pix(row.ra, row.dec, 0)
            left, bottom = int(np.ceil(x - SIZE / 2)), int(np.ceil(y - SIZE / 2))
            bands.append(pixels[bottom : bottom + SIZE, left : left + SIZE])
        cutouts.append(bands)
    return cutouts


def needed(objects: pd.DataFrame, frames: dict[str, list[Path]]) -> list[tuple[Path, int]]:
    """Return each frame of the objects and the bytes up to the last row that is needed, header included."""
    parts = []
    for field, members in objects.groupby(FIELD):
        for band in BANDS:
            path = frames[frame_name(band, *field)][0]
            header = fits.getheader(path)
            _, y = WCS(header).all_world2pix(members["ra"], members["dec"], 0)
            rows = min(ROWS, int(np.ceil(y.max() - SIZE / 2)) + SIZE)
            parts.append((path, 2880 * -(-len(header.tostring()) // 2880) + 4 * COLUMNS * rows))
    return parts


def decompress(parts: list[tuple[Path, int]]) -> None:
    """Decompress the first bytes of files."""
    for path, size in parts:
        with bz2.open(path) if path.suffix == ".bz2" else path.open("rb") as stream:
            stream.read(size)


def ingest(objects: pd.DataFrame, folder: Path, label: str, scratch: Path, threads: int = 1) -> Path:
    """Ingest the objects with the library; return the dataset."""
    catalogue, out = scratch / "catalogue.csv", scratch / "dataset.h5"
    objects.to_csv(catalogue, index=False)
    options = sdss.Options(label=label, size=SIZE, centring="nearest")
    raw = {"catalogue": catalogue, "frames": folder}
    common.ingest(sdss, raw, out, scratch / "rejected.csv", options, mock=True, threads=threads)
    return out


def ingest_frames(objects: pd.DataFrame, folder: Path, label: str, scratch: Path) -> Path:
    """Ingest the objects with the reader of any frames; return the dataset."""
    catalogue, out = scratch / "positions.csv", scratch / "frames.h5"
    objects[["objID", "ra", "dec", label]].to_csv(catalogue, index=False)
    named = {"id": "objID", "label": label, "pattern": "frame-{band}-{tile}.fits.bz2", "bands": tuple(BANDS)}
    raw = {"catalogue": catalogue, "frames": folder}
    common.ingest(frames, raw, out, scratch / "rejected.csv", frames.Options(size=SIZE, **named), mock=True)
    return out


def same_images(one: Path, other: Path) -> bool:
    """Tell whether two datasets have the same objects with the same bytes of pixels."""
    data = [load_dataset(path) for path in (one, other)]
    rows = [np.argsort(item.ids) for item in data]
    ids = [item.ids[order].tolist() for item, order in zip(data, rows, strict=True)]
    images = [item.images(order).tobytes() for item, order in zip(data, rows, strict=True)]
    return ids[0] == ids[1] and images[0] == images[1]


def timed(work: Callable, *arguments) -> tuple[float, object]:
    """Return the CPU seconds of this process, and what the work returned."""
    started = time.process_time()
    result = work(*arguments)
    return time.process_time() - started, result


def compare(path: Path, objects: pd.DataFrame, cutouts: list[list[np.ndarray]]) -> Counter:
    """Count cutouts that are equal bit by bit, that differ, and where the obvious way is wrong or ours has none."""
    counts: Counter = Counter()
    data = load_dataset(path)
    images = data.images(np.arange(len(data)))
    place = {name: k for k, name in enumerate(data.ids)}
    for name, bands in zip(objects["objID"].astype(str), cutouts, strict=True):
        if name not in place:
            counts["not in the dataset"] += 1
        elif any(band.shape != (SIZE, SIZE) for band in bands):
            counts["sliced beyond the edge"] += 1
        else:
            theirs = np.stack(bands, axis=-1).astype("<f4")
            counts["equal" if images[place[name]].tobytes() == theirs.tobytes() else "different"] += 1
    return counts


def samples(table: pd.DataFrame, objects: int, budget: int, rng: np.random.Generator) -> list[pd.DataFrame]:
    """Draw catalogues of about ``budget`` objects in all: so many of each field, and again until there are enough."""
    fields = [members for _, members in table.groupby(FIELD) if len(members) >= objects]
    if not fields:
        raise SystemExit(f"no field has {objects} objects")
    fields = fields[: max(1, budget // objects)]
    rounds = max(1, round(budget / (objects * len(fields))))
    return [pd.concat([members.sample(objects, random_state=rng) for members in fields]) for _ in range(rounds)]


def measure(table: pd.DataFrame, folder: Path, label: str, objects: int, budget: int, scratch: Path) -> None:
    """Print the ratios at a number of objects a field."""
    found_frames, rng = find_frames(folder), np.random.default_rng(objects)
    seconds, shares, counts = np.zeros(4), [], Counter()
    chosen = samples(table, objects, budget, rng)
    for sample in chosen:
        theirs, cutouts = timed(obvious, sample, found_frames)
        parts, each = needed(sample, found_frames), []
        for _ in range(REPEATS):
            ours, path = timed(ingest, sample, folder, label, scratch)
            positions, other = timed(ingest_frames, sample, folder, label, scratch)
            each.append((ours, timed(decompress, parts)[0], positions))
        ours, floor, positions = np.min(each, axis=0)
        shares.append(np.mean([size for _, size in parts]) / (4 * COLUMNS * ROWS))
        seconds += [theirs, ours, floor, positions]
        counts += compare(path, sample, cutouts)
        counts["samples in which frames has the same bytes"] += same_images(path, other)
    theirs, ours, floor, positions = seconds
    number = sum(len(sample) for sample in chosen) // objects
    found = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(
        f"{objects:3d} objects a field, {number} times: obvious {theirs:.1f} s, ours {ours:.2f} s, floor "
        f"{floor:.2f} s ({np.mean(shares):.2f} of the pixels); obvious / ours {theirs / ours:.1f}, ours / floor "
        f"{ours / floor:.2f}, frames / ours {positions / ours:.2f}; cutouts: {found}",
        flush=True,
    )


def cores(table: pd.DataFrame, folder: Path, label: str, scratch: Path) -> None:
    """Print the wall time of all fields with one process and with two, and the CPU time that both took."""
    number = table.groupby(FIELD).ngroups
    if number < 4:
        print(f"one process against two: not measured, {number} fields are too few to share")
        return
    walls, used = [], []
    for threads in (1, 2):
        before, started = os.times(), time.perf_counter()
        ingest(table, folder, label, scratch, threads)
        walls.append(time.perf_counter() - started)
        _end_workers()  # their CPU time counts once they have ended
        used.append(sum(os.times()[:4]) - sum(before[:4]))
    print(
        f"{number} fields, {len(table)} objects: wall {walls[0]:.1f} s with one process, {walls[1]:.1f} s with two, "
        f"ratio {walls[0] / walls[1]:.2f}; CPU {used[0]:.1f} s and {used[1]:.1f} s; load {os.getloadavg()[0]:.1f} of "
        f"{os.cpu_count()} cores"
    )


def _end_workers() -> None:
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True)


def main() -> None:
    """Simulate fields, or take those given; measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=8, help="fields to simulate")
    parser.add_argument("--objects", type=int, nargs="+", default=[1, 5, 20], help="objects a field")
    parser.add_argument("--budget", type=int, default=24, help="objects that the obvious way cuts, for each number")
    parser.add_argument("--raw", type=Path, help="folder with a catalogue (*.csv) and frames, instead of simulated")
    parser.add_argument("--label", help="label; by default redshift if there is one, else psfMag_r")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # every frame has the old keyword RADECSYS
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        folder = arguments.raw or scratch / "raw"
        if not arguments.raw:
            raw = {key: folder / file for key, file in mock.RAW_FILES.items()}
            most = max(arguments.objects)
            options = mock.Options(n_objects=most * arguments.fields, objects_per_field=most, traps=0)
            mock.simulate(raw, options, threads=min(2, os.cpu_count() or 1))
        table = pd.read_csv(next(folder.glob("*catalogue*.csv")), dtype={"objID": str})
        label = arguments.label or ("redshift" if "redshift" in table else "psfMag_r")
        table = table[table[label] > -9000]
        ingest(table.head(1), folder, label, scratch)  # imports and first calls are not measured
        obvious(table.head(1), find_frames(folder))
        for objects in arguments.objects:
            measure(table, folder, label, objects, arguments.budget, scratch)
        cores(table, folder, label, scratch)


if __name__ == "__main__":
    main()
