"""The SDSS reader on small frames of the archive's form, good and bad."""

import bz2
import io
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS

from skybake.raw.sdss import BANDS
from tests.unit.raw.small_sdss import (
    CAMCOL,
    FIELDS,
    RUN,
    catalogue_rows,
    frame_path,
    header,
    objid,
    run,
    sky,
    spoil,
    to_bytes,
)


def test_each_band_is_cut_by_its_own_wcs(frames, images):
    rows = catalogue_rows()
    dataset, rejected = run(frames, rows)
    assert rejected.empty
    assert dataset.mock
    assert dataset.bands == BANDS
    ordered = pd.concat([rows[rows["field"] == field] for field in FIELDS])  # by field, then as the catalogue is
    assert list(dataset.ids) == list(ordered["objID"])
    assert list(dataset.groups) == [f"{RUN}-{CAMCOL}-{field}" for field in ordered["field"]]
    assert dataset.labels["redshift"] == pytest.approx(ordered["redshift"].astype(float))
    cutouts = dataset.images(np.arange(len(dataset)))
    for k, row in enumerate(ordered.itertuples()):
        for channel, band in enumerate(BANDS):
            position = WCS(header(row.field, band)).wcs_world2pix(row.ra, row.dec, 0)
            expected = Cutout2D(images[row.field, band], position, 32, mode="partial", fill_value=0).data
            assert np.array_equal(cutouts[k, :, :, channel], expected)


@pytest.mark.parametrize(("centring", "tolerance"), [("nearest", 0.55), ("resampled", 0.02)])
def test_objects_stand_on_the_middle_in_every_band(frames, centring, tolerance):
    dataset, _ = run(frames, catalogue_rows(), centring=centring)
    whole = np.flatnonzero(dataset.scalars["padded_fraction"] == 0)
    images = dataset.images(whole).astype(float)
    total = images.sum(axis=(1, 2))
    place = np.arange(32) - 15.5
    for axis in (1, 2):
        middle = (images.sum(axis=3 - axis) * place[:, None]).sum(axis=1) / total
        assert abs(middle).max() < tolerance
    assert total == pytest.approx(100, abs=1.5)
    assert dataset.notes["centring"] == centring


@pytest.mark.parametrize("centring", ["nearest", "resampled"])
def test_beyond_the_frame_is_sky_and_flagged(frames, centring):
    dataset, _ = run(frames, catalogue_rows(), centring=centring)
    edge = list(dataset.ids).index(str(objid(11, 3)))
    fractions = []
    image = dataset.images([edge])[0]
    for channel, band in enumerate(BANDS):
        x, _ = WCS(header(11, band)).wcs_world2pix(*sky(11)[2], 0)
        inside = 2048 - int(np.ceil(x - 16))
        fractions.append(1 - inside / 32)
        if centring == "nearest":
            assert (image[:, inside:, channel] == 0).all()
    assert np.isfinite(image).all()
    assert dataset.scalars["padded_fraction"][edge] == pytest.approx(np.mean(fractions))
    assert (np.delete(dataset.scalars["padded_fraction"], edge) == 0).all()


def test_pixels_that_are_not_finite_become_sky(frames, images):
    image = images[204, "r"].copy()
    x, y = WCS(header(204, "r")).wcs_world2pix(*sky(204)[0], 0)
    image[int(y), int(x)] = np.nan
    spoil(frames, 204, "r", bz2.compress(to_bytes(image, header(204, "r"))))
    dataset, rejected = run(frames, catalogue_rows())
    assert rejected.empty
    assert dataset.scalars["padded_fraction"][3] == pytest.approx(1 / 32**2 / 5)


@pytest.mark.parametrize("centring", ["nearest", "resampled"])
def test_an_object_without_a_single_pixel_in_a_band_is_rejected(frames, images, centring):
    image = images[204, "r"].copy()
    x, y = WCS(header(204, "r")).wcs_world2pix(*sky(204)[0], 0)
    image[: int(y) + 20, int(x) - 20 : int(x) + 20] = np.nan
    spoil(frames, 204, "r", bz2.compress(to_bytes(image, header(204, "r")), compresslevel=1))
    dataset, rejected = run(frames, catalogue_rows(), centring=centring)
    assert list(rejected["reason"]) == ["blank cutout"]
    assert list(rejected["row"]) == ["0"]
    assert "frame-r-" in rejected["detail"][0]
    assert len(dataset) == 4


def test_any_number_of_processes_gives_the_same_bytes(frames):
    results = []
    for threads in (1, 2):
        run(frames, catalogue_rows(), threads=threads)
        results.append([(frames.parent / name).read_bytes() for name in ("out.h5", "rejected.csv")])
    assert results[0] == results[1]


OPENED: list[Path] = []


def is_frame(path):
    return isinstance(path, str | Path) and Path(path).name.startswith("frame-")


sys.addaudithook(lambda event, args: OPENED.append(Path(args[0])) if event == "open" and is_frame(args[0]) else None)


def test_each_frame_is_opened_once(frames):
    OPENED.clear()
    run(frames, catalogue_rows())
    assert Counter(OPENED) == {frames / frame_path(field, band): 1 for field in FIELDS for band in BANDS}


def test_dataset_remembers_catalogue_and_frames(frames, images):
    before = run(frames, catalogue_rows())[0].raw
    spoil(frames, 204, "i", bz2.compress(to_bytes(images[204, "i"], header(204, "i")), compresslevel=2))
    after = run(frames, catalogue_rows())[0].raw
    assert set(before) == {"catalogue.csv", "frames/"}
    assert before["catalogue.csv"] == after["catalogue.csv"]
    assert before["frames/"] != after["frames/"]


def bad_header(**changes):
    changed = header(204, "g")
    changed.update(changes)
    return changed


def header_without(*beginnings):
    """A header that lacks all cards whose names begin so."""
    return fits.Header([card for card in header(204, "g").cards if not card.keyword.startswith(beginnings)])


def with_hdus(*hdus):
    """A FITS file whose first HDU has the cards of a frame, as far as they do not tell the kind of its pixels."""
    hdus[0].header.update({key: value for key, value in header(204, "g").items() if key not in hdus[0].header})
    stream = io.BytesIO()
    fits.HDUList(list(hdus)).writeto(stream)
    return stream.getvalue()


def edited(good, key, card):
    """A frame with the card of ``key`` replaced."""
    contents = bz2.decompress(good)
    place = contents.index(key)
    return bz2.compress(contents[:place] + card.ljust(80) + contents[place + 80 :], compresslevel=1)


BAD_FRAMES = {
    "missing frame": lambda good, image: None,
    "empty frame": lambda good, image: b"",
    "empty frame: stream": lambda good, image: bz2.compress(b""),
    "truncated frame: half": lambda good, image: good[: len(good) // 2],
    "truncated frame: last byte": lambda good, image: good[:-1],
    "truncated frame: data": lambda good, image: bz2.compress(bz2.decompress(good)[:80_000]),
    "truncated frame: header": lambda good, image: bz2.compress(bz2.decompress(good)[:2000]),
    "damaged frame": lambda good, image: good[:9000] + bytes(200) + good[9200:],
    "foreign frame: html": lambda good, image: b"<html>404 Not Found</html>",
    "foreign frame: packed html": lambda good, image: bz2.compress(b"<html>404 Not Found</html>"),
    "foreign frame: shape": lambda good, image: bz2.compress(to_bytes(image[:1000], header(204, "g"))),
    "foreign frame: counts": lambda good, image: bz2.compress(to_bytes(image, bad_header(BUNIT="DN"))),
    "foreign frame: run": lambda good, image: bz2.compress(to_bytes(image, bad_header(RUN=757))),
    "foreign frame: camcol": lambda good, image: bz2.compress(to_bytes(image, bad_header(CAMCOL=4))),
    "foreign frame: band": lambda good, image: bz2.compress(to_bytes(image, bad_header(FILTER="r"))),
    "foreign frame: projection": lambda good, image: bz2.compress(to_bytes(image, bad_header(CTYPE1="RA---SIN"))),
    "foreign frame: scaled": lambda good, image: bz2.compress(
        to_bytes(image, bad_header(SPARE=0.01)).replace(b"SPARE   =", b"BSCALE  =")
    ),
    "foreign frame: integers": lambda good, image: bz2.compress(with_hdus(fits.PrimaryHDU(image.astype(np.int16)))),
    "foreign frame: pixels in another HDU": lambda good, image: bz2.compress(
        with_hdus(fits.PrimaryHDU(), fits.ImageHDU(image))
    ),
    "foreign frame: no coordinates": lambda good, image: bz2.compress(
        to_bytes(image, header_without("CTYPE", "CR", "CD"))
    ),
    "foreign frame: no matrix": lambda good, image: bz2.compress(to_bytes(image, header_without("CD"))),
    "foreign frame: no reference": lambda good, image: bz2.compress(to_bytes(image, header_without("CRVAL"))),
    "foreign frame: flat matrix": lambda good, image: bz2.compress(
        to_bytes(image, bad_header(CD1_1=0.0, CD1_2=0.0, CD2_1=0.0, CD2_2=0.0))
    ),
    "foreign frame: larger pixels": lambda good, image: bz2.compress(
        to_bytes(image, bad_header(**{key: 2 * value for key, value in header(204, "g")["CD*"].items()}))
    ),
    "damaged frame: header of no FITS": lambda good, image: edited(good, b"RUN     =", b"RUN     = 75x6 /"),
    "damaged frame: open quote": lambda good, image: edited(good, b"CRVAL1  =", b"CRVAL1  = 'open"),
    "damaged frame: position in metres": lambda good, image: edited(good, b"CUNIT1  =", b"CUNIT1  = 'm'"),
    "damaged frame: middle missing": lambda good, image: good[:9000] + good[-4000:],
    "foreign frame: projection of y": lambda good, image: bz2.compress(to_bytes(image, bad_header(CTYPE2="DEC--SIN"))),
    "foreign frame: width": lambda good, image: bz2.compress(to_bytes(image[:, :2000], header(204, "g"))),
    "foreign frame: no reference pixel": lambda good, image: bz2.compress(to_bytes(image, header_without("CRPIX2"))),
    "foreign frame: offset": lambda good, image: bz2.compress(
        to_bytes(image, bad_header(SPARE=1.0)).replace(b"SPARE   =", b"BZERO   =")
    ),
    "foreign frame: text for a number": lambda good, image: bz2.compress(to_bytes(image, bad_header(CRVAL1="NaN"))),
}


@pytest.mark.parametrize("case", BAD_FRAMES)
def test_a_bad_frame_costs_its_field_and_no_other(frames, images, case):
    path = frames / frame_path(204, "g")
    contents = BAD_FRAMES[case](path.read_bytes(), images[204, "g"])
    path.unlink() if contents is None else path.write_bytes(contents)
    dataset, rejected = run(frames, catalogue_rows())
    assert set(dataset.groups) == {f"{RUN}-{CAMCOL}-11"}
    assert Counter(rejected["reason"]) == {case.split(":")[0]: 2}
    assert list(rejected["row"]) == ["0", "1"]
    assert rejected["detail"].str.contains("frame-g-000756-3-0204.fits").all()
    assert not rejected["detail"].str.contains(str(frames)).any()


def test_a_link_to_nowhere_is_a_missing_frame(frames):
    path = frames / frame_path(204, "g")
    path.unlink()
    path.symlink_to(frames / "not there")
    assert list(run(frames, catalogue_rows())[1]["reason"]) == ["missing frame"] * 2


@pytest.mark.parametrize("spare", [-1000, -2880 * 3])
def test_a_truncated_frame_without_compression_is_seen(frames, images, spare):
    (frames / frame_path(204, "g")).unlink()
    plain = frames / frame_path(204, "g").removesuffix(".bz2")
    plain.write_bytes(to_bytes(images[204, "g"], header(204, "g")))
    dataset, rejected = run(frames, catalogue_rows())
    assert len(dataset) == 5
    assert rejected.empty
    plain.write_bytes(plain.read_bytes()[: 2880 * 30 + spare])
    _, rejected = run(frames, catalogue_rows())
    assert Counter(rejected["reason"]) == {"truncated frame": 2}


def test_objects_beyond_any_bands_frame_are_outside(frames):
    rows = catalogue_rows()
    wcs = WCS(header(204, "u"))
    rows.loc[0, ["ra", "dec"]] = wcs.wcs_pix2world([[2046.0, 30.0]], 0)[0]  # 2.3 pixels too far in g
    rows.loc[1, ["ra", "dec"]] = [330.0, -20.0]  # on the other side of the sky
    dataset, rejected = run(frames, rows)
    assert list(rejected["reason"]) == ["outside the frame"] * 2
    assert "frame-g-" in rejected["detail"][0]
    assert len(dataset) == 3


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        ("objID", "1.23765E+18", "rounded id"),
        ("objID", "1237650000000000000", "rounded id"),
        ("objID", "", "missing id"),
        ("objID", "SDSS J1000+20", "unreadable id"),
        ("redshift", "-9999", "label missing"),
        ("redshift", "NaN", "label missing"),
        ("redshift", "", "label missing"),
        ("redshift", "0.1a", "unreadable number"),
        ("ra", "", "no position"),
        ("dec", "-9999", "no position"),
        ("redshift", "inf", "label missing"),
        ("redshift", "-99", "redshift impossible"),
        ("redshift", "-1", "redshift impossible"),
        ("ra", "10:00:00", "unreadable number"),
        ("ra", "NaN", "no position"),
        ("ra", "inf", "no position"),
        ("ra", "-9999", "no position"),
        ("dec", "90.5", "no position"),
        ("dec", "nan", "no position"),
        ("ra", "12.0", "outside the frame"),
        ("field", "5000", "missing frame"),
        ("run", "757", "missing frame"),
        ("objID", "12376625257691875161", "unreadable id"),
        ("run", "0", "field unknown"),
        ("run", "1000000", "field unknown"),
        ("camcol", "7", "field unknown"),
        ("field", "-1", "field unknown"),
        ("field", "11.5", "field unknown"),
    ],
)
def test_a_bad_row_is_rejected_and_the_rest_goes_on(frames, column, value, reason):
    rows = catalogue_rows().astype({column: object})
    rows.loc[3, column] = value
    dataset, rejected = run(frames, rows)
    assert len(dataset) == 4
    assert list(rejected["row"]) == ["3"]
    assert list(rejected["reason"]) == [reason]
    assert rejected["id"][0] == rows["objID"][3]
    assert rejected["detail"][0]
