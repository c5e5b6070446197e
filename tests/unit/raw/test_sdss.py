"""The SDSS reader on small catalogues and frames of the archive's form, good and bad."""

import bz2
import io
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.table import Table
from astropy.wcs import WCS

from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset as load
from skybake.raw import RawError, sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import BANDS, Options, label_name

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


@pytest.fixture(scope="module")
def images():
    return {(field, band): draw_frame(field, band) for field in FIELDS for band in BANDS}


@pytest.fixture(scope="module")
def packed(images):
    return {
        frame_path(*key): bz2.compress(to_bytes(image, header(*key)), compresslevel=1) for key, image in images.items()
    }


def frame_path(field, band, folder=f"301/{RUN}/{CAMCOL}"):
    return f"{folder}/frame-{band}-{RUN:06d}-{CAMCOL}-{field:04d}.fits.bz2"


@pytest.fixture
def frames(packed, tmp_path):
    """A folder of good frames in the archive's layout, of the test's own, to spoil."""
    for name, contents in packed.items():
        path = tmp_path / "frames" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(contents)
    return tmp_path / "frames"


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
    settings = {"threads": threads, "expected": expected, "asked_by": "datasets.galaxies.inputs"}
    ingest(sdss, raw, folder / "out.h5", folder / "rejected.csv", Options(**options), mock=True, **settings)
    return load(folder / "out.h5"), pd.read_csv(folder / "rejected.csv", dtype=str, keep_default_na=False)


def spoil(frames, field, band, contents):
    (frames / frame_path(field, band)).write_bytes(contents)


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
sys.addaudithook(lambda event, args: OPENED.append(Path(args[0])) if event == "open" and is_frame(args[0]) else None)


def is_frame(path):
    return isinstance(path, str | Path) and Path(path).name.startswith("frame-")


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
        ("cModelMag_g", "faint", "unreadable number"),
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


def test_ids_that_were_floats_are_rounded(frames):
    rows = catalogue_rows()
    rows["objID"] = [str(int(float(text))) for text in rows["objID"]]
    assert not set(rows["objID"]) & set(catalogue_rows()["objID"])
    with pytest.raises(DatasetError, match=r"no object was accepted.*rejected.csv"):
        run(frames, rows)
    assert Counter(pd.read_csv(frames.parent / "rejected.csv")["reason"]) == {"rounded id": 5}
    assert sorted(path.name for path in frames.parent.iterdir()) == ["catalogue.csv", "frames", "rejected.csv"]


def test_missing_values_of_scalars_are_nan(frames):
    rows = catalogue_rows().astype({"cModelMag_g": object})
    rows.loc[2, "cModelMag_g"] = ""
    dataset, rejected = run(frames, rows)
    assert rejected.empty
    assert set(dataset.scalars) == {"ra", "dec", "cModelMag_g", "cModelMag_r", "padded_fraction"}
    assert np.isnan(dataset.scalars["cModelMag_r"]).tolist() == [True, False, False, True, False]
    assert np.isnan(dataset.scalars["cModelMag_g"]).tolist() == [True, False, False, False, False]
    assert dataset.columns["scalar/cModelMag_g"].units == "mag"


def test_negative_redshifts_of_stars_are_values(frames):
    rows = catalogue_rows()
    rows.loc[0, "redshift"] = "-0.0003"
    dataset, _ = run(frames, rows)
    assert dataset.labels["redshift"][3] == -0.0003


def test_repeated_spectra_are_merged_by_inverse_variance(frames):
    rows = catalogue_rows()
    again = rows.iloc[[2, 3]].assign(redshift=rows["redshift"].iloc[[2, 3]] + 0.003)
    rows, again = rows.assign(zErr=0.001), again.assign(zErr=[0.002, 0.0])  # the second has no error: plain mean
    dataset, rejected = run(frames, pd.concat([rows, again]))
    assert list(rejected["reason"]) == ["merged", "merged"]
    assert list(rejected["row"]) == ["5", "6"]
    assert len(dataset) == 5
    assert dataset.notes["merged_objects"] == 2
    first = rows["redshift"][2]
    assert dataset.labels["redshift"][:2] == pytest.approx([first + 0.003 / 5, rows["redshift"][3] + 0.0015])


def test_a_row_that_stands_twice_is_one_object(frames):
    rows = catalogue_rows()
    dataset, rejected = run(frames, pd.concat([rows, rows.iloc[[1]], rows.iloc[[1]]]))
    assert list(rejected["reason"]) == ["merged", "merged"]
    assert list(rejected["row"]) == ["5", "6"]
    assert len(dataset) == len(set(dataset.ids)) == 5
    assert dataset.notes["merged_objects"] == 1
    assert sorted(dataset.labels["redshift"]) == pytest.approx(sorted(rows["redshift"].astype(float)))


def test_errors_of_the_redshift_weigh_it_and_not_those_of_the_magnitude_z(frames):
    rows = catalogue_rows().assign(**dict.fromkeys("ugriz", 18.0), zErr=0.1, redshiftErr=0.001)
    again = rows.iloc[[2]].assign(redshift=rows["redshift"][2] + 0.003, zErr=1e-6, redshiftErr=0.002)
    dataset, _ = run(frames, pd.concat([rows, again]))
    assert dataset.labels["redshift"][0] == pytest.approx(rows["redshift"][2] + 0.003 / 5)


@pytest.mark.parametrize(
    ("columns", "weighted"),
    [
        ({"zErr": "error"}, True),
        ({**dict.fromkeys("ugriz", 18.0), "zErr": "error"}, True),  # SpecObj's, beside PhotoObj's magnitudes
        ({**dict.fromkeys("ugriz", 18.0), **{f"{band}Err": "error" for band in "ugriz"}}, False),
        ({"z": 0.3, "zErr": "error"}, False),  # of another redshift than the label
        ({"z": 0.3, "zErr": 1e-9, "redshift_err": "error"}, True),
    ],
)
def test_only_errors_of_the_label_weigh_it(frames, columns, weighted):
    rows = catalogue_rows()
    again = rows.iloc[[2]].assign(redshift=rows["redshift"][2] + 0.003)
    both = pd.concat(
        [
            table.assign(**{name: error if value == "error" else value for name, value in columns.items()})
            for table, error in ((rows, 0.001), (again, 0.002))
        ]
    )
    expected = rows["redshift"][2] + (0.003 / 5 if weighted else 0.003 / 2)
    assert run(frames, both)[0].labels["redshift"][0] == pytest.approx(expected)


def test_merged_objects_without_a_frame_are_not_counted(frames):
    rows = catalogue_rows()
    spoil(frames, 11, "g", b"")
    dataset, rejected = run(frames, pd.concat([rows, rows.iloc[[0, 3]]]))  # one of each field
    assert Counter(rejected["reason"]) == {"merged": 2, "empty frame": 3}
    assert len(dataset) == 2
    assert dataset.notes["merged_objects"] == 1


@pytest.mark.parametrize(("apart", "reasons"), [(0.0045, ["merged"]), (0.0055, ["repeats disagree"] * 2)])
def test_redshifts_are_one_within_1500_kilometres_a_second(frames, apart, reasons):
    rows = catalogue_rows()
    again = rows.iloc[[2]].assign(redshift=rows["redshift"][2] + apart * (1 + rows["redshift"][2]))
    assert list(run(frames, pd.concat([rows, again], ignore_index=True))[1]["reason"]) == reasons


def test_spectra_that_disagree_are_not_averaged(frames):
    rows = catalogue_rows()
    again = rows.iloc[[2]].assign(redshift=1.5)
    dataset, rejected = run(frames, pd.concat([rows, again], ignore_index=True))
    assert len(dataset) == 4
    assert list(rejected["row"]) == ["2", "5"]
    assert set(rejected["reason"]) == {"repeats disagree"}


def test_field_is_read_from_the_objid_where_columns_lack(frames):
    expected = run(frames, catalogue_rows())[0]
    dataset, rejected = run(frames, catalogue_rows().drop(columns=["run", "rerun", "camcol", "field"]))
    assert rejected.empty
    assert list(dataset.groups) == list(expected.groups)
    rows = catalogue_rows().drop(columns="run")
    rows.loc[1, "objID"] = "42"
    _, rejected = run(frames, rows)
    assert list(rejected["reason"]) == ["field unknown"]


def test_columns_win_over_the_objid_and_it_is_noted(frames):
    rows = catalogue_rows()
    rows.loc[0, "objID"] = str(objid(300, 7, run=1000))
    dataset, rejected = run(frames, rows)
    assert rejected.empty
    assert dataset.groups[3] == f"{RUN}-{CAMCOL}-204"
    assert dataset.notes["objects_with_objid_of_another_field"] == 1


def test_fits_and_parquet_catalogues_are_read_as_csv_is(frames):
    rows = catalogue_rows().astype({"run": int, "field": int, "ra": float, "dec": float, "redshift": float})
    rows["objID"] = rows["objID"].astype(np.int64)
    expected = run(frames, rows)[0]
    rows.to_parquet(frames.parent / "catalogue.parquet")
    columns = {name.upper(): rows[name].to_numpy() for name in rows if "Mag" not in name}
    magnitudes = np.full((5, 5), 20.0)
    magnitudes[:, 1], magnitudes[:, 2] = rows["cModelMag_g"], rows["cModelMag_r"]
    Table(columns | {"CMODELMAG": magnitudes, "PROFILE": np.ones((5, 15))}).write(frames.parent / "catalogue.fits")
    for name in ("catalogue.parquet", "catalogue.fits"):
        dataset, rejected = run(frames, None, name=name)
        assert rejected.empty
        assert list(dataset.ids) == list(expected.ids)
        assert np.array_equal(dataset.labels["redshift"], expected.labels["redshift"])
        for scalar, values in expected.scalars.items():
            assert np.array_equal(dataset.scalars[scalar], values, equal_nan=True)


def test_a_fits_catalogue_may_have_formats_in_small_letters(frames):
    rows = catalogue_rows().astype({"run": int, "field": int, "ra": float, "dec": float, "redshift": float})
    rows["objID"] = rows["objID"].astype(np.int64)
    columns = {name: rows[name].to_numpy() for name in rows if "Mag" not in name}
    path = frames.parent / "catalogue.fits"
    Table(columns | {"cModelMag": np.full((5, 5), 20.0)}).write(path)
    expected = run(frames, None, name=path.name)[0]
    contents, formats = re.subn(
        rb"TFORM\d+ *= '\d*[A-Z] ", lambda found: found[0][:-2] + found[0][-2:].lower(), path.read_bytes()
    )
    assert formats == len(columns) + 1
    path.write_bytes(contents)
    dataset, rejected = run(frames, None, name=path.name)
    assert rejected.empty
    assert list(dataset.ids) == list(expected.ids)
    assert dataset.scalars.keys() == expected.scalars.keys()
    assert np.array_equal(dataset.scalars["cModelMag_u"], expected.scalars["cModelMag_u"])


def test_a_missing_id_in_parquet_does_not_round_the_others(frames):
    rows = catalogue_rows().astype({"redshift": float, "ra": float, "dec": float})
    expected = list(run(frames, rows)[0].ids)
    floats = rows.assign(objID=pd.array([None, *rows["objID"][1:].astype(float)], dtype="Float64"))
    floats.to_parquet(frames.parent / "floats.parquet")
    with pytest.raises(DatasetError, match="no object was accepted"):
        run(frames, None, name="floats.parquet")
    reasons = pd.read_csv(frames.parent / "rejected.csv")["reason"]
    assert Counter(reasons) == {"missing id": 1, "rounded id": 4}
    rows["objID"] = pd.array([int(name) for name in rows["objID"]], dtype="Int64")
    rows.loc[0, "objID"] = pd.NA
    rows.to_parquet(frames.parent / "catalogue.parquet")
    dataset, rejected = run(frames, None, name="catalogue.parquet")
    assert list(rejected["reason"]) == ["missing id"]
    assert list(dataset.ids) == expected[:3] + expected[4:]


def damaged_catalogues(folder):
    """Write the catalogue in every form, and cut it off or overwrite its middle; yield file by file."""
    rows = pd.concat([catalogue_rows()] * 200).astype(float)  # so long that the damage is not in the first block
    rows.to_csv(folder / "cut.csv.gz")
    rows.to_csv(folder / "zeros.csv.gz")
    rows.to_csv(folder / "cut.csv.bz2")
    rows.to_csv(folder / "cut.csv.xz")
    rows.to_csv(folder / "cut.csv.zip")
    rows.to_parquet(folder / "cut.parquet")
    rows.to_parquet(folder / "zeros.parquet")
    Table.from_pandas(rows).write(folder / "cut.fits")
    contents = (folder / "cut.fits").read_bytes()
    (folder / "edited.fits").write_bytes(contents.replace(b"TFORM2  = '", b"TFORM2  = x"))
    (folder / "other.fits").write_bytes(contents.replace(b"TFIELDS =", b"TFIELD  ="))
    (folder / "text.fits").write_text("objID,ra,dec\n")
    for path in sorted(folder.glob("*.*")):
        contents = path.read_bytes()
        middle = len(contents) // 2
        if path.name.startswith("cut"):
            path.write_bytes(contents[:middle])
        elif path.name.startswith("zeros"):
            path.write_bytes(contents[: middle - 500] + bytes(1000) + contents[middle + 500 :])
        yield path


@pytest.mark.filterwarnings("ignore:File may have been truncated")
def test_damaged_catalogues_are_named(frames, tmp_path):
    folder = tmp_path / "catalogues"
    folder.mkdir()
    for path in damaged_catalogues(folder):
        with pytest.raises(RawError, match=rf"{path.name}: (not a|damaged) "):
            ingest(
                sdss,
                {"catalogue": path, "frames": frames},
                tmp_path / "out.h5",
                tmp_path / "r.csv",
                Options(),
                mock=True,
            )
        assert not (tmp_path / "out.h5").exists()


def test_parquet_ids_that_are_floats_are_rounded(frames):
    rows = catalogue_rows().astype({"objID": float, "redshift": float, "ra": float, "dec": float})
    rows.to_parquet(frames.parent / "catalogue.parquet")
    with pytest.raises(DatasetError):
        run(frames, None, name="catalogue.parquet")
    assert set(pd.read_csv(frames.parent / "rejected.csv")["reason"]) == {"rounded id"}


def test_a_row_with_a_field_too_many_is_rejected_and_not_shifted(frames):
    lines = catalogue_rows().to_csv(index=False).splitlines()
    lines[2] = lines[2].replace(",", ",,", 1)  # all that follows is a column away
    lines[3] += ",,"  # empty fields at the end mean nothing
    lines[4] = lines[4].replace(",", "", 1)  # all that follows is a column nearer
    (frames.parent / "catalogue.csv").write_text("\n".join(lines) + "\n")
    dataset, rejected = run(frames, None)
    assert dict(zip(rejected["row"], rejected["reason"], strict=True)).keys() == {"1", "3"}
    assert rejected["reason"][0] == "unreadable number"
    assert "11 fields in a row of 10" in rejected["detail"][0]
    assert len(dataset) == 3


def test_skyserver_and_spreadsheet_csv_are_read(frames):
    text = "\ufeff#Table1\n" + catalogue_rows().rename(columns={"objID": " objid"}).to_csv(index=False)
    (frames.parent / "catalogue.csv").write_text(text, encoding="utf-8")
    dataset, rejected = run(frames, None)
    assert len(dataset) == 5
    assert rejected.empty


def test_frames_may_lie_flat_and_a_rerun_is_preferred(frames, packed):
    good = frames / frame_path(204, "g")
    other = frames / frame_path(204, "g", folder=f"157/{RUN}/{CAMCOL}")  # sorted before 301
    other.parent.mkdir(parents=True)
    other.write_bytes(b"")
    assert len(run(frames, catalogue_rows())[0]) == 5
    good.rename(frames / good.name)
    other.unlink()
    assert len(run(frames, catalogue_rows())[0]) == 5


def test_label_may_be_any_column_and_is_no_scalar(frames):
    dataset, rejected = run(frames, catalogue_rows(), label="cmodelmag_R", scalars=("cModelMag_g", "redshift"))
    assert Counter(rejected["reason"]) == {"label missing": 2}
    assert list(dataset.labels) == [label_name(Options(label="cmodelmag_R"))] == ["cmodelmag_R"]
    assert set(dataset.scalars) == {"cModelMag_g", "redshift", "padded_fraction"}
    with pytest.raises(RawError, match="is the label"):
        run(frames, catalogue_rows(), label="cModelMag_r", scalars=("cModelMag_r",))


def test_z_alone_is_a_redshift_and_is_called_so(frames):
    rows = catalogue_rows().rename(columns={"redshift": "z"})
    for label in ("z", "redshift"):
        dataset, _ = run(frames, rows, label=label)
        assert list(dataset.labels) == [label_name(Options(label=label))] == ["redshift"]
        assert len(dataset) == 5
        assert "z" not in dataset.scalars


def test_z_among_magnitudes_is_none(frames):
    magnitudes = dict.fromkeys(("u", "g", "r", "i"), 18.0)
    rows = catalogue_rows().rename(columns={"redshift": "z"}).assign(**magnitudes)
    with pytest.raises(RawError, match=r"it is a magnitude\. Hint"):
        run(frames, rows, label="z")
    with pytest.raises(RawError, match=r"column redshift missing.*z beside u, g, r, i is a magnitude"):
        run(frames, rows)
    dataset, _ = run(frames, catalogue_rows().assign(z=17.5, **magnitudes))
    assert (dataset.scalars["z"] == 17.5).all()
    assert dataset.labels["redshift"].max() < 1


def test_inputs_that_no_column_gives_are_refused_before_a_frame_is_opened(frames):
    for path in frames.rglob("*.bz2"):
        path.write_bytes(b"never looked at")
    said = r"datasets\.galaxies\.inputs: no scalar 'cModelMag_q'.*mean 'cModelMag_"
    with pytest.raises(DatasetError, match=said):
        run(frames, catalogue_rows(), expected=["redshift", "cModelMag_q"], label="cModelMag_g")
    assert not (frames.parent / "out.h5").exists()
    with pytest.raises(DatasetError, match="no object"):
        run(frames, catalogue_rows(), expected=["cModelMag_r"])


def test_missing_columns_are_named_with_the_nearest(frames):
    rows = catalogue_rows()
    with pytest.raises(RawError, match=r"catalogue\.csv: column redshift missing.*found objID, .*perhaps redshift_x"):
        run(frames, rows.rename(columns={"redshift": "redshift_x"}))
    with pytest.raises(RawError, match=r"column psfMag_q missing.*perhaps"):
        run(frames, rows.assign(psfMag_r=1), label="psfMag_q")
    with pytest.raises(RawError, match=r"column cModelMag_rr missing.*perhaps cmodelmag_r"):
        run(frames, rows, scalars=("cModelMag_rr",))


@pytest.mark.parametrize(
    ("name", "contents"),
    [
        ("catalogue.csv", b""),
        ("catalogue.csv", b"\x80\x04\x95\x00"),
        ("catalogue.csv", b"objID,ra,dec,redshift\n"),
        ("catalogue.csv.gz", b"not gzip"),
        ("catalogue.fits", b"SIMPLE?"),
        ("catalogue.fits", to_bytes(np.zeros((2, 2), dtype=np.float32), header(11, "u"))),
        ("catalogue.parquet", b"PAR?"),
    ],
)
def test_files_that_are_no_catalogue_are_named(frames, name, contents):
    (frames.parent / name).write_bytes(contents)
    with pytest.raises(RawError, match=name):
        run(frames, None, name=name)
    assert not (frames.parent / "out.h5").exists()


def test_missing_files_are_named(frames):
    with pytest.raises(RawError, match="nowhere"):
        run(frames, None, name="nowhere.csv")
    raw = {"catalogue": frames.parent / "catalogue.csv", "frames": frames / "nowhere"}
    with pytest.raises(RawError, match=r"nowhere: no such folder"):
        ingest(sdss, raw, frames / "out.h5", frames / "rejected.csv", Options(), mock=True)
