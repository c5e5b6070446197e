"""The SDSS reader on rows of catalogues, good and bad."""

import re
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from astropy.table import Table

from skybake.data.columns import DatasetError
from skybake.raw import RawError, sdss
from skybake.raw.ingest import ingest
from skybake.raw.sdss import Options, label_name
from tests.unit.raw.small_sdss import CAMCOL, RUN, catalogue_rows, frame_path, header, objid, run, spoil, to_bytes


def test_a_scalar_that_is_no_number_costs_the_value_only(frames, caplog):
    rows = catalogue_rows().astype({"cModelMag_g": object})
    rows.loc[3, "cModelMag_g"] = "faint"
    dataset, rejected = run(frames, rows)
    assert (len(dataset), len(rejected)) == (5, 0)
    assert np.isnan(dataset.scalars["cModelMag_g"]).sum() == 1
    assert "1 values of cModelMag_g are no numbers and taken as missing, first in row 3" in caplog.text


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
    as_it_is = {"compression": None, "use_dictionary": False, "write_page_checksum": True}  # numbers in the middle
    rows.to_parquet(folder / "zeros.parquet", index=False, **as_it_is)
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
    rows = catalogue_rows()
    rows.loc[rows["cModelMag_r"] > 0, "cModelMag_r"] += np.arange(3.0)
    dataset, rejected = run(frames, rows, label="cmodelmag_R", scalars=("cModelMag_g", "redshift"))
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
