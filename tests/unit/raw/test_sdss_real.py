"""The SDSS reader against the survey's own numbers, and against the traps in catalogues that people pass around."""

import os
import warnings
from collections import Counter
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.wcs import WCS, FITSFixedWarning

from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset as load
from skybake.raw import RawError, sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import BANDS, Options

DATA = Path(os.environ.get("SKYBAKE_SHARED_DATA") or Path(__file__).parents[4] / "shared" / "data")
APERTURE = 10  # pixels, 4 arcsec: all but about one per cent of a star's light, and few neighbours
SIZE = 32


def data(name):
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{name} is missing: set SKYBAKE_SHARED_DATA to the folder that holds it")
    return path


def run(folder, catalogue, frames, **options):
    out, rejected = folder / "dataset.h5", folder / "rejected.csv"
    try:
        ingest(sdss, {"catalogue": catalogue, "frames": frames}, out, rejected, Options(**options), mock=False)
    except DatasetError:
        return None, pd.read_csv(rejected, dtype=str)
    return load(out), pd.read_csv(rejected, dtype=str)


@pytest.fixture(scope="module")
def field_4510(tmp_path_factory):
    folder = data("sdss_frames_4510")
    catalogue = folder / "catalogue_004510-4-0030.csv"
    dataset, rejected = run(tmp_path_factory.mktemp("4510"), catalogue, folder, label="psfMag_r")
    return dataset, rejected, pd.read_csv(catalogue, dtype={"objID": str}).set_index("objID")


def pipeline_positions(catalogue, band):
    """Zero-based pixel (row, column) by the survey's pipeline, whose 0.5 is the middle of the first pixel."""
    return np.stack([catalogue[f"rowc_{band}"] - 0.5, catalogue[f"colc_{band}"] - 0.5], axis=1)


def corners(catalogue, band):
    """Frame (row, column) of the first pixel of cutouts whose middle is nearest to the objects."""
    header = fits.getheader(data("sdss_frames_4510") / f"frame-{band}-004510-4-0030.fits.bz2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        x, y = WCS(header).wcs_world2pix(catalogue["ra"], catalogue["dec"], 0)
    return np.ceil(np.stack([y, x], axis=1) - SIZE / 2)


def bright_and_isolated(dataset, catalogue, band):
    """Row numbers of unsaturated stars of over 20 nanomaggies, far from the edge and from other catalogued stars."""
    flux, place = catalogue[f"psfFlux_{band}"].to_numpy(), pipeline_positions(catalogue, band)
    distance = np.hypot(*(place[:, None] - place[None]).transpose(2, 0, 1))
    rival = (distance > 0) & (distance < 50) & (flux > 0.01 * flux[:, None])
    bright = (flux > 20) & (catalogue["psfMag_r"] > 15).to_numpy() & (dataset.scalars["padded_fraction"] == 0)
    return np.flatnonzero(bright & ~rival.any(axis=1))


def centroid(image):
    """Gaussian-weighted centroid (row, column), iterated to its fixed point from the middle of the image."""
    rows, columns = np.indices(image.shape)
    row = column = (len(image) - 1) / 2
    for _ in range(50):
        weighted = image * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * 2.0**2))
        row += 2 * ((rows * weighted).sum() / weighted.sum() - row)  # twice: the weight pulls half-way back
        column += 2 * ((columns * weighted).sum() / weighted.sum() - column)
    return np.array([row, column])


def aperture_flux(image, centre):
    """Sum within the aperture, pixels on its rim counted by how many of 5 x 5 sub-pixels are inside."""
    sub = (np.arange(5) - 2) / 5
    rows, columns = np.indices(image.shape)
    inside = sum(np.hypot(rows + a - centre[0], columns + b - centre[1]) <= APERTURE for a in sub for b in sub) / 25
    return (image * inside).sum()


def test_every_row_of_the_real_field_is_accounted_for(field_4510):
    dataset, rejected, catalogue = field_4510
    assert len(dataset) + len(rejected) == len(catalogue) == 161
    assert Counter(rejected["reason"]) == {"label missing": 9}
    assert list(dataset.ids) == list(catalogue.index[catalogue["psfMag_r"] != -9999])
    assert np.array_equal(dataset.labels["psfMag_r"], catalogue.loc[dataset.ids, "psfMag_r"])
    assert dataset.image_shape == (SIZE, SIZE, 5)
    assert set(dataset.groups) == {"4510-4-30"}
    assert not dataset.mock


@pytest.mark.parametrize("band", BANDS)
def test_light_is_where_the_survey_says(field_4510, band):
    dataset, _, catalogue = field_4510
    catalogue = catalogue.loc[dataset.ids]
    chosen = bright_and_isolated(dataset, catalogue, band)
    images = dataset.images(chosen)[..., BANDS.index(band)]
    found = np.array([centroid(image) for image in images]) + corners(catalogue, band)[chosen]
    offset = np.hypot(*(found - pipeline_positions(catalogue, band)[chosen]).T)
    print(
        f"{band}: {len(chosen)} stars, centroid off by {np.median(offset):.3f} (median), {offset.max():.3f} (largest)"
    )
    assert len(chosen) >= 5
    assert offset.max() < 0.5
    assert np.median(offset) < 0.1


@pytest.mark.parametrize("band", BANDS)
def test_flux_is_what_the_survey_says(field_4510, band):
    dataset, _, catalogue = field_4510
    catalogue = catalogue.loc[dataset.ids]
    chosen = bright_and_isolated(dataset, catalogue, band)
    images = dataset.images(chosen)[..., BANDS.index(band)]
    centres = (pipeline_positions(catalogue, band) - corners(catalogue, band))[chosen]
    flux = np.array([aperture_flux(image, centre) for image, centre in zip(images, centres, strict=True)])
    ratio = flux / catalogue[f"psfFlux_{band}"].to_numpy()[chosen]
    scatter = 1.4826 * np.median(abs(ratio - np.median(ratio)))
    print(f"{band}: {len(chosen)} stars, aperture / PSF flux {np.median(ratio):.3f} (median), scatter {scatter:.3f}")
    assert np.median(ratio) == pytest.approx(1, abs=0.04)


def test_resampled_stars_stand_on_the_middle_with_the_same_flux(field_4510, tmp_path):
    nearest, _, catalogue = field_4510
    folder = data("sdss_frames_4510")
    resampled, _ = run(tmp_path, folder / "catalogue_004510-4-0030.csv", folder, label="psfMag_r", centring="resampled")
    chosen = bright_and_isolated(nearest, catalogue.loc[nearest.ids], "r")
    for channel in range(5):
        before, after = (dataset.images(chosen)[..., channel] for dataset in (nearest, resampled))
        assert np.median([np.hypot(*(centroid(image) - 15.5)) for image in after]) < 0.1
        assert np.median(after.sum(axis=(1, 2)) / before.sum(axis=(1, 2))) == pytest.approx(1, abs=0.02)


@pytest.fixture(scope="module")
def spectra():
    """The two targets of field 2820 from their spectrum files; the galaxy's objID is that of another run."""
    folder = data("sdss_frames_2820")
    rows = []
    for name, column in {"spec-4238-55455-0037.fits": "OBJID", "spec-3126-54804-0211.fits": "BESTOBJID"}.items():
        record = fits.getdata(folder / name, 2)[0]
        objid, ra, dec, z = (record[key] for key in (column, "PLUG_RA", "PLUG_DEC", "Z"))
        rows.append({"objID": objid, "run": 2820, "camcol": 3, "field": 122, "ra": ra, "dec": dec, "z": z})
    return pd.DataFrame(rows)


def test_galaxy_at_the_edge_is_kept_and_flagged(spectra, tmp_path):
    spectra.to_csv(tmp_path / "catalogue.csv", index=False)
    dataset, rejected = run(tmp_path, tmp_path / "catalogue.csv", data("sdss_frames_2820"))
    galaxy, star = range(2)
    assert list(dataset.ids) == list(spectra["objID"])
    assert rejected.empty
    assert dataset.labels["redshift"] == pytest.approx([0.606512, -2.037e-5], rel=1e-4)
    assert dataset.scalars["padded_fraction"][star] == 0
    assert dataset.scalars["padded_fraction"][galaxy] == pytest.approx(5.5 / 32, abs=1.5 / 32)  # 10 pixels to the edge
    image = dataset.images([galaxy])[0, :, :, 2]
    assert np.isfinite(image).all()
    assert (image[:, :4] == 0).all()
    assert (image[:, 8:] != 0).mean() > 0.99
    assert dataset.notes["objects_with_objid_of_another_field"] == 2
    with h5py.File(dataset.path) as file:
        assert file["image"].attrs["units"] == "nanomaggy"


def test_reading_ends_with_the_last_row_that_is_needed(spectra, tmp_path):
    star = spectra.iloc[[1]]  # at row 482 of 1489
    for path in data("sdss_frames_2820").glob("frame-*.bz2"):
        contents = path.read_bytes()
        damaged = contents[: len(contents) // 2] + bytes(100) + contents[len(contents) // 2 + 100 :]
        (tmp_path / path.name).write_bytes(damaged)
    star.to_csv(tmp_path / "catalogue.csv", index=False)
    dataset, rejected = run(tmp_path, tmp_path / "catalogue.csv", tmp_path)
    assert len(dataset) == 1
    assert rejected.empty
    header = fits.getheader(data("sdss_frames_2820") / "frame-u-002820-3-0122.fits.bz2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FITSFixedWarning)
        ra, dec = WCS(header).wcs_pix2world(1000, 1200, 0)
    star.assign(ra=ra, dec=dec).to_csv(tmp_path / "catalogue.csv", index=False)
    dataset, rejected = run(tmp_path, tmp_path / "catalogue.csv", tmp_path)
    assert dataset is None
    assert list(rejected["reason"]) == ["damaged frame"]


def test_rounded_ids_are_seen(tmp_path):
    catalogue = data("sdss_catalogs") / "Skyserver_SQL2_27_2018.csv"
    dataset, rejected = run(tmp_path, catalogue, data("sdss_frames_4510"))
    assert dataset is None
    assert Counter(rejected["reason"]) == {"rounded id": 10_000}


def test_z_among_magnitudes_is_no_redshift(tmp_path):
    catalogue = data("sdss_catalogs") / "Skyserver_SQL2_27_2018.csv"
    with pytest.raises(RawError, match=r"is a magnitude.*label: redshift"):
        run(tmp_path, catalogue, data("sdss_frames_4510"), label="z")


@pytest.mark.parametrize(
    ("name", "missing"),
    [("sdss_objid_ugriz_redshift_37553.csv.gz", "ra, dec"), ("sdss_radec_ugriz_redshift_11328.csv", "objID")],
)
def test_lacking_columns_are_named(name, missing, tmp_path):
    catalogue = data("sdss_catalogs") / name
    with pytest.raises(
        RawError, match=rf"column {missing} missing; expected objID, ra, dec, redshift; found .*redshift"
    ):
        run(tmp_path, catalogue, data("sdss_frames_4510"))


@pytest.mark.parametrize(
    ("name", "label", "rows"),
    [("one_square_degree.csv", "redshift", 144), ("photoObj-003900-6-0269.fits", "cModelMag_r", 981)],
)
def test_objects_without_frames_are_listed(name, label, rows, tmp_path):
    dataset, rejected = run(tmp_path, data("sdss_catalogs") / name, data("sdss_frames_4510"), label=label)
    assert dataset is None
    assert len(rejected) == rows
    print(Counter(rejected["reason"]))
    assert Counter(rejected["reason"])["missing frame"] > 0.9 * rows
