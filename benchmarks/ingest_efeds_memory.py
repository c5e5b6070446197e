"""Peak memory of ingesting eFEDS clusters, against the size of the image array.

    python benchmarks/ingest_efeds_memory.py [--clusters 7946] [--form array|list|gzip|protocol5] [--float64]

Prints the ratio, which must stay below 2.2. The raw files are written by one process and ingested by another, so that
only ingesting is measured; its peak is the high-water mark of resident memory, interpreter and libraries included.
"""

from __future__ import annotations

import argparse
import gzip
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]


def peak_resident() -> int:
    """High-water mark of this process [bytes]; getrusage would include that of the parent it was forked from."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: in bytes


def write_raw(folder: Path, clusters: int, form: str, dtype: str) -> None:
    """Write cubes of 50 x 50 x 10 random numbers and a catalogue to go with them."""
    import pyarrow as pa
    from pyarrow import feather

    rng = np.random.default_rng(0)
    images = np.empty((clusters, 50, 50, 10), dtype)
    for image in images:
        image[:] = rng.poisson(0.2, image.shape) * 0.159  # most pixels empty, as in the real cubes
    content = {"cluster": list(range(clusters)), "gsm_3dImgs": list(images) if form == "list" else images}
    with (gzip.open if form == "gzip" else open)(folder / "images.pickle", "wb") as stream:
        pickle.dump(content, stream, protocol=5 if form == "protocol5" else 4)
    table = {"M500c": 10 ** rng.uniform(13, 15, clusters), "z": rng.uniform(0.01, 1.5, clusters)}
    feather.write_feather(pa.table(table), folder / "catalogue.feather")


def ingest(folder: Path, size: int) -> None:
    """Ingest, and print the peak against ``size`` [bytes]."""
    sys.path.insert(0, str(ROOT))
    from skybake.raw import efeds, ingest

    started = time.perf_counter()
    raw = {"images": folder / "images.pickle", "catalogue": folder / "catalogue.feather"}
    ingest.ingest(efeds, raw, folder / "dataset.h5", folder / "rejected.csv", efeds.Options(), mock=True)
    seconds, peak = time.perf_counter() - started, peak_resident()
    print(f"image array {size / 1e6:.1f} MB, peak {peak / 1e6:.1f} MB, ratio {peak / size:.3f}, {seconds:.1f} s")


def main() -> None:
    """Write in one process, ingest in the next."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clusters", type=int, default=7946)
    parser.add_argument("--form", choices=["array", "list", "gzip", "protocol5"], default="array")
    parser.add_argument("--float64", action="store_true", help="as the release's cubes may be")
    parser.add_argument("--step", nargs=2, metavar=("STEP", "FOLDER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    dtype = "f8" if arguments.float64 else "f4"
    if arguments.step:
        step, folder = arguments.step[0], Path(arguments.step[1])
        if step == "write":
            write_raw(folder, arguments.clusters, arguments.form, dtype)
        else:
            ingest(folder, arguments.clusters * 25_000 * np.dtype(dtype).itemsize)
        return
    with tempfile.TemporaryDirectory() as folder:
        for step in ("write", "ingest"):
            subprocess.run([sys.executable, *sys.argv, "--step", step, folder], check=True)


if __name__ == "__main__":
    main()
