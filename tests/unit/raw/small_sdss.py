"""A small SDSS of two fields."""

import numpy as np
import pandas as pd
from astropy.io import fits
from astropy.wcs import WCS

from skybake.data.dataset import load_dataset as load
from skybake.inputs import Inputs
from skybake.raw import sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import BANDS, Options

RUN, CAMCOL, FIELDS = 756, 3, (11, 204)


SCALE = 0.396 / 3600


OFFSET = {"u": (0, 0), "g": (3.3, -2.4), "r": (-4.6, 1.7), "i": (2.1, 5.2), "z": (-1.4, -6.3)}


PLACES = {11: [(100.3, 50.6), (700.0, 1200.2), (2040.2, 40.7)], 204: [(900.4, 30.5), (1000.6, 45.1)]}  # (x, y) in u


def header(field, band):
    """The keys of an archive's header that matter, with the band's own offset and a small rotation."""
    angle = np.deg2rad(0.02 * BANDS.index(band))
    cosine, sine = SCALE * np.cos(angle), SCALE * np.sin(angle)
    return fits.Header(
        {
            "RUN": RUN,
            "BUNIT": "nanomaggy",
            "FILTER": band,
            "CAMCOL": CAMCOL,
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CRPIX1": 1025.0 + OFFSET[band][0],
            "CRPIX2": 745.0 + OFFSET[band][1],
            "CRVAL1": 150.0 + field / 100,
            "CRVAL2": 20.0,
            "CD1_1": sine,
            "CD1_2": cosine,
            "CD2_1": cosine,
            "CD2_2": -sine,
        }
    )


def sky(field):
    return WCS(header(field, "u")).wcs_pix2world(PLACES[field], 0)


def objid(field, number, run=RUN, camcol=CAMCOL):
    return 2 << 59 | 301 << 48 | run << 32 | camcol << 29 | field << 16 | number


def draw_frame(field, band):
    """A star of 100 nanomaggies on each object, noise around it, nothing elsewhere."""
    rng = np.random.default_rng([field, BANDS.index(band)])
    image = np.zeros((1489, 2048), dtype=np.float32)
    rows, columns = np.indices(image.shape, sparse=True)
    for x, y in WCS(header(field, band)).wcs_world2pix(sky(field), 0):
        low, left = max(int(y) - 40, 0), max(int(x) - 40, 0)
        patch = np.s_[low : int(y) + 40, left : int(x) + 40]
        image[patch] += rng.normal(0, 0.001, image[patch].shape)
        light = np.exp(-((rows[low : int(y) + 40] - y) ** 2 + (columns[:, left : int(x) + 40] - x) ** 2) / (2 * 1.5**2))
        image[patch] += 100 / (2 * np.pi * 1.5**2) * light
    return image


def to_bytes(image, header):
    file = fits.HDUList([fits.PrimaryHDU(image, header), fits.ImageHDU(np.ones(2048, dtype=np.float32))])
    return b"".join(bytes(str(hdu.header), "ascii") + padded(hdu.data.astype(">f4").tobytes()) for hdu in file)


def padded(contents):
    return contents + bytes(-len(contents) % 2880)


def frame_path(field, band, folder=f"301/{RUN}/{CAMCOL}"):
    return f"{folder}/frame-{band}-{RUN:06d}-{CAMCOL}-{field:04d}.fits.bz2"


def catalogue_rows():
    rows = []
    for field in reversed(FIELDS):  # not in the order of the dataset
        for number, (ra, dec) in enumerate(sky(field), 1):
            rows.append(
                {
                    "objID": str(objid(field, number)),
                    "run": RUN,
                    "rerun": 301,
                    "camcol": CAMCOL,
                    "field": field,
                    "ra": ra,
                    "dec": dec,
                    "redshift": 0.1 * number + field / 1e4,
                    "cModelMag_g": 18.5,
                    "cModelMag_r": -9999 if number == 1 else 17.0,
                }
            )
    return pd.DataFrame(rows).astype({"redshift": object, "run": object, "field": object, "ra": object, "dec": object})


def run(frames, rows, threads=1, name="catalogue.csv", expected=(), **options):
    folder = frames.parent
    if isinstance(rows, pd.DataFrame):
        rows.to_csv(folder / name, index=False)
    raw = {"catalogue": folder / name, "frames": frames}
    settings = {"threads": threads, "expected": Inputs(tuple(expected)), "asked_by": "datasets.galaxies"}
    ingest(sdss, raw, folder / "out.h5", folder / "rejected.csv", Options(**options), mock=True, **settings)
    return load(folder / "out.h5"), pd.read_csv(folder / "rejected.csv", dtype=str, keep_default_na=False)


def spoil(frames, field, band, contents):
    (frames / frame_path(field, band)).write_bytes(contents)
