"""The reader of frames: against `sdss` on real fields, and cutouts by every kind of WCS and file."""

import bz2
import gzip

import numpy as np
import pandas as pd
import pytest
import yaml
from astropy.io import fits
from astropy.wcs import WCS

from skybake.raw import frames, sdss
from tests.conftest import ROOT
from tests.unit.raw.cutouts_files import run, said, write_csv
from tests.unit.raw.test_sdss_real import data

SIDE, SCALE = 60, 1 / 3600  # pixels; degrees a pixel
WEIGHT = np.ones((SIDE, SIDE), np.int16)


def header(kind="TAN", ra=150.0, dec=2.0):
    """Return a header whose WCS turns and flips the sky."""
    found = fits.Header()
    end = {"SIP": "TAN-SIP"}.get(kind, kind)
    found["CTYPE1"], found["CTYPE2"] = f"{'RA':-<5}{end}"[:8] if "SIP" not in end else "RA---TAN-SIP", f"DEC--{end}"
    found["CRVAL1"], found["CRVAL2"] = ra, dec
    found["CRPIX1"], found["CRPIX2"] = (SIDE + 1) / 2, (SIDE + 1) / 2
    found["CD1_1"], found["CD1_2"], found["CD2_1"], found["CD2_2"] = -SCALE, 0.2 * SCALE, 0.2 * SCALE, SCALE
    if kind == "SIP":
        found["A_ORDER"], found["B_ORDER"], found["A_2_0"], found["B_0_2"] = 2, 2, 2e-3, -1e-3
    if kind == "TPV":
        found["PV1_1"], found["PV1_4"], found["PV2_1"] = 1.0, 30.0, 1.0
    return found


def image(seed=1):
    return np.random.default_rng(seed).normal(size=(SIDE, SIDE)).astype(np.float32)


def catalogue(folder, places):
    frame = pd.DataFrame(places, columns=["ra", "dec"])
    return write_csv(folder / "c.csv", frame.assign(id=[f"o{k}" for k in range(len(frame))], label=0.5 + frame.index))


def positions(head, x, y):
    """Return where pixels are on the sky."""
    return np.stack(WCS(head).all_pix2world(x, y, 0), axis=1)


X, Y = np.array([20.2, 30.1, 41.6]), np.array([25.2, 33.3, 18.4])


def expected(pixels, x, y, size=6):
    first = [np.ceil(place - size / 2).astype(int) for place in (y, x)]
    return np.stack([pixels[a : a + size, b : b + size] for a, b in zip(*first, strict=True)])


@pytest.mark.parametrize("kind", ["TAN", "SIN", "SIP", "TPV"])
def test_every_wcs(tmp_path, kind):
    head, pixels = header(kind), image()
    (tmp_path / "frames").mkdir()
    fits.writeto(tmp_path / "frames" / "a.fits", pixels, head)
    raw = {"frames": tmp_path / "frames", "catalogue": catalogue(tmp_path, positions(head, X, Y))}
    dataset, _ = run(tmp_path, raw, reader=frames, size=6)
    assert np.array_equal(dataset.images(np.arange(3))[..., 0], expected(pixels, X, Y))
    assert set(dataset.groups) == {"a"}


def stored(path, pixels, head, form):
    if form == "compressed":
        hdu = fits.CompImageHDU(pixels, head, compression_type="GZIP_2", quantize_level=0)
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(f"{path}.fits.fz")
    elif form == "second HDU":
        hdus = [fits.PrimaryHDU(), fits.ImageHDU(WEIGHT, name="W"), fits.ImageHDU(pixels, head, name="SCI")]
        fits.HDUList(hdus).writeto(f"{path}.fits")
    elif form == "integers":
        fits.writeto(f"{path}.fits", (100 * pixels).astype(np.int16), head)
    else:
        fits.writeto(f"{path}.fits", pixels, head)
        if form in ("bz2", "gz"):
            plain = path.parent / f"{path.name}.fits"
            contents = {"bz2": bz2, "gz": gzip}[form].compress(plain.read_bytes())
            (path.parent / f"{path.name}.fits.{form}").write_bytes(contents)
            plain.unlink()


@pytest.mark.parametrize("form", ["plain", "bz2", "gz", "compressed", "second HDU", "integers"])
def test_every_form_of_file_and_bands(tmp_path, form):
    folder, head = tmp_path / "frames", header()
    for number, band in enumerate("gr"):
        (folder / band).mkdir(parents=True)
        stored(folder / band / f"tile7_{band}", image(number), head, form)
    raw = {"frames": folder, "catalogue": catalogue(tmp_path, positions(head, X, Y))}
    options = {"pattern": "{band}/{tile}_{band}", "bands": ("r", "g"), "size": 6, "hdu": "SCI" if "HDU" in form else ""}
    dataset, _ = run(tmp_path, raw, reader=frames, **options)
    for channel, number in enumerate([1, 0]):
        pixels = (100 * image(number)).astype(np.int16) if form == "integers" else image(number)
        assert np.array_equal(dataset.images(np.arange(3))[..., channel], expected(pixels, X, Y))
    assert dataset.bands == ("r", "g")


def test_the_tile_whose_centre_is_nearest_wins(tmp_path):
    folder = tmp_path / "frames"
    folder.mkdir()
    apart = 40 * SCALE / np.cos(np.radians(2.0))
    heads = {name: header(ra=150.0 + k * apart) for k, name in enumerate("ab")}
    for name, head in heads.items():
        fits.writeto(folder / f"{name}.fits", np.full((SIDE, SIDE), float(ord(name)), np.float32), head)
    places = [(150.0 + share * apart, 2.0) for share in (0.1, 0.45, 0.55, 0.9)] + [(151.0, 2.0), (330.0, -2.0)]
    raw = {"frames": folder, "catalogue": catalogue(tmp_path, places)}
    dataset, rejected = run(tmp_path, raw, reader=frames, size=4)
    assert dataset.groups.tolist() == ["a", "a", "b", "b"]
    assert dataset.images(np.arange(4))[:, 2, 2, 0].tolist() == [97.0, 97.0, 98.0, 98.0]
    assert rejected[["id", "reason"]].to_numpy().tolist() == [["o4", "on no frame"], ["o5", "on no frame"]]


@pytest.mark.parametrize(("key", "bits", "missing"), [("weight", (), 2), ("mask", (), 2), ("mask", (1,), 1)])
def test_weight_and_mask_images(tmp_path, key, bits, missing):
    folder, head, pixels, beside = tmp_path / "frames", header(), image(), WEIGHT.copy()
    folder.mkdir()
    places = [(25, 20), (25, 22)]
    if key == "mask":
        beside[:] = 0
        beside[places[0]], beside[places[1]] = 2, 4
    else:
        beside[places[0]] = beside[places[1]] = 0
    fits.writeto(folder / "a.fits", pixels, head)
    fits.writeto(folder / f"a.{key}.fits", beside)
    raw = {"frames": folder, "catalogue": catalogue(tmp_path, positions(head, X, Y))}
    options = {key: f"{{tile}}.{key}.fits", "pattern": "{tile}.fits", "mask_bits": bits}
    dataset, _ = run(tmp_path, raw, reader=frames, size=6, **options)
    for place in places[:missing]:
        pixels[place] = 0
    assert np.array_equal(dataset.images(np.arange(3))[..., 0], expected(pixels, X, Y))
    assert dataset.scalars["padded_fraction"][0] == pytest.approx(missing / 36)


def test_a_damaged_tile_costs_its_objects(tmp_path):
    folder, head = tmp_path / "frames", header()
    folder.mkdir()
    for band in "gr":
        fits.writeto(folder / f"a-{band}.fits", image(), head)
    fits.writeto(folder / "b-g.fits", image(), header(ra=160.0))
    places = [*positions(head, X, Y), *positions(header(ra=160.0), X[:2], Y[:2])]
    raw = {"frames": folder, "catalogue": catalogue(tmp_path, places)}
    dataset, rejected = run(tmp_path, raw, reader=frames, pattern="{tile}-{band}.fits", bands=("g", "r"), size=6)
    assert len(dataset) == 3
    assert set(rejected["reason"]) == {"missing frame"}
    assert rejected["detail"].tolist()[0] == "no b-r.fits"


def test_what_is_no_position_is_said(tmp_path):
    (tmp_path / "frames").mkdir()
    write_csv(tmp_path / "c.csv", pd.DataFrame({"id": ["a", "b"], "alpha": [1.0, 2.0], "label": [0.5, 1.5]}))
    raw = {"frames": tmp_path / "frames", "catalogue": tmp_path / "c.csv"}
    assert "no ra and dec in degrees; found id, alpha, label. Hint: say which" in said(tmp_path, raw, reader=frames)
    catalogue(tmp_path, [(1.0, 2.0), (3.0, 4.0)])
    assert "no FITS file follows the pattern" in said(tmp_path, raw, reader=frames)


@pytest.mark.parametrize("centring", ["nearest", "resampled"])
def test_real_fields_give_the_bytes_of_sdss(tmp_path, centring):
    folder = data("sdss_frames_4510")
    raw = {"frames": folder, "catalogue": folder / "catalogue_004510-4-0030.csv"}
    asked = {"label": "psfMag_r", "centring": centring}
    archive, _ = run(tmp_path / "sdss", raw, reader=sdss, **asked)
    pattern = {"pattern": "frame-{band}-{tile}.fits.bz2", "bands": tuple("ugriz")}
    own, _ = run(tmp_path / "frames", raw, reader=frames, id="objID", **asked, **pattern)
    assert len(own) > 100
    assert own.ids.tolist() == archive.ids.tolist()
    rows = np.arange(len(own))
    assert own.images(rows).tobytes() == archive.images(rows).tobytes()
    assert np.array_equal(own.scalars["padded_fraction"], archive.scalars["padded_fraction"])
    assert np.array_equal(own.labels["psfMag_r"], archive.labels["psfMag_r"])


def test_real_clusters_are_cut_out_of_their_own_images(tmp_path):
    """Images of eFEDS have the SIN projection, and a cluster of that name in the middle."""
    folder = data("efeds_clusters")
    block = yaml.safe_load((ROOT / "configs/efeds_luminosity.yaml").read_text())["datasets"]["clusters"]
    raw = {"frames": folder / "images", "catalogue": folder / "eFEDS_clusters.csv"}
    dataset, rejected = run(tmp_path, raw, reader=frames, **block["options"])
    named = {path.stem.removeprefix("image_") for path in (folder / "images").iterdir()}
    own = np.flatnonzero(dataset.groups == dataset.ids)
    assert set(dataset.ids[own]) == named - set(rejected.loc[rejected["reason"] != "on no frame", "id"])
    assert len(own) > 15
    whole = fits.getdata(folder / "images" / f"image_{dataset.ids[own[0]]}.fits")
    stamp = dataset.images(own[:1])[0, ..., 0]
    assert any(np.array_equal(stamp, whole[a : a + 64, b : b + 64]) for a in range(54, 63) for b in range(54, 63))
    column = dataset.columns["label/log10_L_500kpc"]
    assert (column.units, dataset.bands) == ("log10(erg/s)", ("image",))
