"""Small images and catalogues in the forms in which astronomers keep them."""

from pathlib import Path

import numpy as np
import pandas as pd
from astropy.io import fits

from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset
from skybake.raw import RawError, cutouts
from skybake.raw.ingest import ingest

N = 12


def pixels(n=N, side=6, bands=0):
    shape = (n, side, side, bands) if bands else (n, side, side)
    return np.random.default_rng(5).normal(size=shape).astype(np.float32)


def table(n=N):
    rows = np.arange(n)
    return pd.DataFrame(
        {
            "id": [f"g{row}" for row in rows],
            "ra": 10.0 + rows,
            "dec": -5.0 + rows,
            "kind": [["spiral", "elliptical"][row % 2] for row in rows],
            "size": 1.5 + rows,
            "z": 0.01 * rows,
        }
    )


def write_fits(folder, images, name="{id}.fits", ids=None, **header):
    folder.mkdir(parents=True, exist_ok=True)
    for row, image in enumerate(images):
        called = f"g{row}" if ids is None else ids[row]
        fits.PrimaryHDU(image, fits.Header(header)).writeto(folder / name.replace("{id}", called), overwrite=True)


def write_frame(path, ra, dec, side=64):
    """Write an image of arcsec pixels about a place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec}
    cards |= {"CRPIX1": side / 2, "CRPIX2": side / 2, "CDELT1": -1 / 3600, "CDELT2": 1 / 3600}
    fits.PrimaryHDU(pixels(1, side)[0], fits.Header(cards)).writeto(path)


def write_csv(path, frame, **how):
    frame.to_csv(path, index=False, **how)
    return path


def run(folder, raw, *, reader=cutouts, threads=1, **options):
    """Ingest; return the dataset and the rejected rows."""
    raw = {name: Path(path) for name, path in raw.items()}
    out, rejected = folder / "out" / "dataset.h5", folder / "out" / "rejected.csv"
    ingest(reader, raw, out, rejected, reader.Options(**options), mock=False, threads=threads)
    return load_dataset(out), pd.read_csv(rejected, dtype=str)


def said(folder, raw, **options):
    """Return the error of an ingest that must fail."""
    try:
        run(folder, raw, **options)
    except (RawError, DatasetError) as error:
        return str(error)
    raise AssertionError("no error")
