"""Where two readings are possible, ingest refuses and says both; where evidence is exact, it reads."""

import pickle

import numpy as np
import pandas as pd
import pytest

from skybake.data.columns import DatasetError
from skybake.raw import RawError, decam, efeds
from skybake.raw.decam.facts import class_numbers
from tests.unit.raw.test_cases import labelled, objects_of, read, rng, sdss_catalogue

FILES = {"images": "images.pkl", "catalogue": "catalogue.feather"}


def clusters(folder, ids, masses=None, cubes=None, **columns):
    """Write cubes whose pixels hold the number of the cube, and a catalogue."""
    n = len(ids)
    if cubes is None:
        cubes = np.arange(1.0, n + 1)[:, None, None, None] + np.linspace(0, 0.5, 6 * 5)[:, None].reshape(6, 5, 1)
    (folder / "images.pkl").write_bytes(pickle.dumps({"cluster": ids, "gsm_3dImgs": cubes}))
    rows = len(next(iter(columns.values()), ids))
    masses = 10 ** np.linspace(13.5, 15, rows) if masses is None else masses
    pd.DataFrame({"M500c": masses, "z": np.linspace(0.1, 0.8, rows), **columns}).to_feather(
        folder / "catalogue.feather"
    )


def cubes_of(data):
    return (data.images(np.arange(len(data)))[:, 0, 0, 0] - 1).astype(int).tolist()


# --- clusters --------------------------------------------------------------------------------------------------------


def test_all_ids_of_one_side_are_evidence(tmp_path):
    clusters(tmp_path, [40, 10, 30], ID_SRC=[10, 20, 30, 40, 50])
    data, rejected = read(efeds, tmp_path, **FILES)
    assert (data.ids.tolist(), cubes_of(data)) == (["10", "30", "40"], [1, 2, 0])
    assert [reason for _, reason, _ in rejected] == ["no image"] * 2
    clusters(tmp_path, [40, 10, 30, 20, 50], ID_SRC=[10, 30])
    assert cubes_of(read(efeds, tmp_path, **FILES)[0]) == [1, 2]


@pytest.mark.parametrize("column", ["ID_SRC", "cluster"])
@pytest.mark.parametrize("own", [[3, 8, 9, 11], [1, 3, 8, 12]])  # most of them, few of them
def test_numbers_of_which_some_agree_need_a_word(tmp_path, column, own):
    clusters(tmp_path, [3, 8, 9, 10], **{column: own})
    shared = len({3, 8, 9} & set(own))
    with pytest.raises(RawError, match=rf"{shared} of 4 ids .*{column}.*`match: id` or `match: position`"):
        read(efeds, tmp_path, **FILES)
    assert cubes_of(read(efeds, tmp_path, {"match": "position"}, **FILES)[0]) == [0, 1, 2, 3]
    if column == "cluster" or shared == 3:
        asked = {"match": "id", "most_rejected": 1}
        assert len(read(efeds, tmp_path, asked, **FILES)[0]) == shared


def test_two_columns_that_hold_all_ids_otherwise_need_a_word(tmp_path):
    clusters(tmp_path, [3, 1, 2], ID_SRC=[1, 2, 3], SRC_ID_IN=[3, 2, 1])
    with pytest.raises(RawError, match="`id_column: ID_SRC` or `id_column: SRC_ID_IN`"):
        read(efeds, tmp_path, **FILES)
    assert cubes_of(read(efeds, tmp_path, {"id_column": "SRC_ID_IN"}, **FILES)[0]) == [0, 2, 1]


def test_rows_counted_from_0_or_from_1(tmp_path):
    clusters(tmp_path, [3, 1, 4], ID_SRC=[1, 2, 3, 4, 5, 6])
    with pytest.raises(RawError, match=r"may count them from 0.*`match: id`"):
        read(efeds, tmp_path, **FILES)
    assert read(efeds, tmp_path, {"match": "id"}, **FILES)[0].ids.tolist() == ["1", "3", "4"]
    clusters(tmp_path, [3, 1, 6, 4], ID_SRC=[1, 2, 3, 4, 5, 6])  # 6 is no row from 0
    assert read(efeds, tmp_path, **FILES)[0].ids.tolist() == ["1", "3", "4", "6"]


def test_ids_that_are_floats_are_whole_or_refused(tmp_path):
    clusters(tmp_path, [3, 1, 2], ID_SRC=[1.0, 2.0, 3.0])
    assert cubes_of(read(efeds, tmp_path, **FILES)[0]) == [1, 2, 0]
    clusters(tmp_path, [2**60 + 512, 2**60 + 1, 7], ID_SRC=[2.0**60, 2.0**60 + 512, 7.0])
    with pytest.raises(RawError, match=r"ID_SRC holds .* last digits are lost"):
        read(efeds, tmp_path, **FILES)


@pytest.mark.parametrize("name", ["M500c", "z", "ID_SRC"])
def test_columns_of_a_feather_file_that_differ_in_blanks_are_refused(tmp_path, name):
    clusters(tmp_path, [3, 1, 2], ID_SRC=[1, 2, 3], **{f"{name} ": [1, 2, 3]})
    with pytest.raises(RawError, match=rf"are both '{name}'"):
        read(efeds, tmp_path, **FILES)


def test_blanks_around_names_of_a_feather_file_are_no_part_of_them(tmp_path):
    clusters(tmp_path, [3, 1, 2], **{" ID_SRC ": [1, 2, 3]})
    assert cubes_of(read(efeds, tmp_path, **FILES)[0]) == [1, 2, 0]


def test_the_same_cube_with_other_masses_is_rejected(tmp_path):
    cubes = rng().normal(1, 0.3, (6, 6, 5, 2))
    cubes[4] = cubes[1]
    clusters(tmp_path, [f"c{k}" for k in range(6)], cubes=cubes, cluster=[f"c{k}" for k in range(6)])
    _, rejected = read(efeds, tmp_path, **FILES)
    assert [(row, reason) for row, reason, _ in rejected] == [(1, "labels disagree"), (4, "labels disagree")]
    assert "row 4" in rejected[0][2]
    masses = np.full(6, 1e14) * [1, 2, 3, 4, 2, 6]
    clusters(tmp_path, [f"c{k}" for k in range(6)], masses, cubes, cluster=[f"c{k}" for k in range(6)])
    assert len(read(efeds, tmp_path, **FILES)[0]) == 6


def test_bands_may_stand_first_if_it_is_said(tmp_path):
    cubes = np.moveaxis(rng().normal(1, 0.3, (3, 6, 6, 2)), -1, 1)
    clusters(tmp_path, [3, 1, 2], cubes=cubes, ID_SRC=[3, 1, 2])
    with pytest.raises(RawError, match="`layout: channels_last` or `layout: channels_first`"):
        read(efeds, tmp_path, **FILES)
    data, _ = read(efeds, tmp_path, {"layout": "channels_first"}, **FILES)
    assert data.image_shape == (6, 6, 2)
    assert np.array_equal(data.images(np.arange(3)), np.moveaxis(cubes, 1, -1).astype("f4"))
    assert read(efeds, tmp_path, {"layout": "channels_last"}, **FILES)[0].image_shape == (2, 6, 6)


def test_cubes_with_three_equal_sides_need_a_word(tmp_path):
    clusters(tmp_path, [3, 1, 2], cubes=rng().normal(1, 0.3, (3, 6, 6, 6)), ID_SRC=[3, 1, 2])
    with pytest.raises(RawError, match="`layout: channels_last` or `layout: channels_first`"):
        read(efeds, tmp_path, **FILES)


def test_numbers_that_are_too_large_for_a_pixel_cost_the_cluster_only(tmp_path):
    cubes = rng().normal(1, 0.3, (3, 6, 5, 2)).tolist()
    cubes[1][0][0][0] = 1e302
    clusters(tmp_path, [3, 1, 2], cubes=cubes, ID_SRC=[3, 1, 2])
    _, rejected = read(efeds, tmp_path, **FILES)
    assert [(row, reason) for row, reason, _ in rejected] == [(1, "image not finite")]


def test_a_scalar_that_is_missing_costs_no_cluster(tmp_path):
    clusters(tmp_path, [3, 1, 2], ID_SRC=[3, 1, 2], kT=[1.0, np.nan, 2.0])
    data, rejected = read(efeds, tmp_path, {"scalars": ("kT",)}, **FILES)
    assert not rejected
    assert np.isnan(data.scalars["kT"]).tolist() == [False, True, False]


# --- stamps ----------------------------------------------------------------------------------------------------------


def archive(folder, **arrays):
    arrays = {"stamps": rng().normal(size=(12, 9, 9)), **arrays}
    np.savez(folder / "stamps.npz", **arrays)
    return {"stamps": "stamps.npz"}


@pytest.mark.parametrize(
    ("classes", "values", "expected"),
    [
        (("noise", "source"), ["0", "1", "1.0", "source", "True", "false"], [0, 1, 1, 1, 1, 0]),
        (("1", "2"), ["1", "2", "1.0", "2.0", "0"], [0, 1, 0, 1, None]),  # numbers are names, not places
        (("True", "False"), ["True", "False", "0"], [0, 1, 0]),
        (("-1", "1"), ["-1", "1", "-1.0", "0"], [0, 1, 0, None]),
        (("NA", "lens"), ["NA", "lens", None], [0, 1, None]),
        (("a", "b", "c"), ["True", "2", "-1", "0.5"], [None, 2, None, None]),
    ],
)
def test_what_class_a_label_is(classes, values, expected):
    label, reasons = class_numbers(np.array(values, dtype=object), classes)
    assert [None if np.isnan(number) else int(number) for number in label] == expected
    assert sorted(reasons) == [row for row, number in enumerate(expected) if number is None]


def test_a_class_may_be_called_as_missing_values_are(tmp_path):
    files = labelled(tmp_path, ["none", "lens"] * 6)
    data, rejected = read(decam, tmp_path, {"classes": ("none", "lens")}, **files)
    assert not rejected
    assert data.labels["class"].tolist() == [0, 1] * 6


def test_a_third_class_is_no_fault_of_rows(tmp_path):
    files = labelled(tmp_path, [0, 1, 2] * 6)
    with pytest.raises(RawError, match=r'"0" \(6\) and "1" \(6\) and "2" \(6\).*classes: \["0", "1", "2"\]'):
        read(decam, tmp_path, **files)
    data, rejected = read(decam, tmp_path, {"classes": ("noise", "source")}, **files)  # named: the third is left out
    assert (len(data), {reason for _, reason, _ in rejected}) == (12, {"unknown class"})


def test_scalars_that_nobody_asked_for_cost_no_object(tmp_path, caplog):
    words = {"ra": ["10:00:00"] * 12, "snr": ["5", "faint"] * 6, "kind": ["a", "b"] * 6}
    files = labelled(tmp_path, [0, 1] * 6, **words)
    data, rejected = read(decam, tmp_path, **files)
    assert not rejected
    assert np.isnan(data.scalars["ra"]).all()
    assert np.isnan(data.scalars["snr"]).tolist() == [False, True] * 6
    assert data.scalars["kind"].tolist() == [0, 1] * 6
    assert "snr is 'faint'; expected a number; 6 such values are missing" in caplog.text
    with pytest.raises(RawError, match="snr is 'faint'; expected a number"):
        read(decam, tmp_path, {"scalars": ("snr",)}, **files)


@pytest.mark.parametrize("kind", [np.float32, np.uint8, bool])
def test_one_hot_labels_are_classes(tmp_path, kind):
    labels = np.arange(12) % 2
    data, _ = read(decam, tmp_path, **archive(tmp_path, labels=np.eye(2)[labels].astype(kind)))
    assert data.labels["class"].tolist() == labels.tolist()


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (np.full((12, 2), 0.5), r"row 0, from 0, of labels is \[0.5, 0.5\].*a single 1"),
        (np.eye(3)[np.arange(12) % 3], "3 columns.*classes names 2.*`classes: "),
        (np.zeros((12, 2, 2)), r"\(12, 2, 2\) found; expected labels of shape \(N,\)"),
    ],
)
def test_labels_of_several_columns_are_one_hot_or_refused(tmp_path, labels, said):
    with pytest.raises(RawError, match=said):
        read(decam, tmp_path, **archive(tmp_path, labels=labels))


def test_two_labels_that_disagree_are_refused(tmp_path):
    first, second = np.arange(12) % 2, np.arange(12) // 6
    files = archive(tmp_path, label=first, y=second)
    with pytest.raises(RawError, match="`label: label` or `label: y`"):
        read(decam, tmp_path, **files)
    assert read(decam, tmp_path, {"label": "y"}, **files)[0].labels["class"].tolist() == second.tolist()
    files = archive(tmp_path, label=first, y=np.linspace(0, 50, 12))  # a coordinate
    assert read(decam, tmp_path, **files)[0].labels["class"].tolist() == first.tolist()


def test_the_label_of_archive_and_catalogue_must_agree(tmp_path):
    files = archive(tmp_path, label=np.arange(12) % 2) | {"catalogue": "catalogue.csv"}
    pd.DataFrame({"label": np.arange(12) // 6}).to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=r"6 rows disagree.*leave one of the two out"):
        read(decam, tmp_path, **files)


def test_a_position_that_contradicts_ids_is_refused(tmp_path):
    files = archive(tmp_path, id=np.arange(12)) | {"catalogue": "catalogue.csv"}
    labels = np.arange(12) % 2
    pd.DataFrame({"id": np.arange(12.0)[::-1], "label": labels[::-1]}).to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match="`match: id` or `match: position`"):
        read(decam, tmp_path, **files)
    assert read(decam, tmp_path, {"match": "id"}, **files)[0].labels["class"].tolist() == labels.tolist()
    assert read(decam, tmp_path, {"match": "position"}, **files)[0].labels["class"].tolist() == labels[::-1].tolist()


def test_two_arrays_that_may_be_the_stamps_are_refused(tmp_path):
    files = archive(tmp_path, images=rng().normal(size=(12, 9, 9)), labels=np.arange(12) % 2)
    with pytest.raises(RawError, match="`stamps: stamps` or `stamps: images`"):
        read(decam, tmp_path, **files)
    assert len(read(decam, tmp_path, {"stamps": "images"}, **files)[0]) == 12


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((12, 1, 9, 9), (9, 9, 1)), ((12, 9, 9, 1), (9, 9, 1)), ((12, 81), (9, 9, 1)), ((12, 9, 9), (9, 9, 1))],
)
def test_layouts_that_are_plain(tmp_path, shape, expected):
    stamps = rng().normal(size=shape).astype("f4")
    data, _ = read(decam, tmp_path, **archive(tmp_path, stamps=stamps, labels=np.arange(12) % 2))
    assert data.image_shape == expected
    assert np.array_equal(data.images(np.arange(12)).ravel(), stamps.ravel())


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((81, 81), "may be one image, or 81 flattened stamps"),
        ((12, 1, 1, 81), "one pixel of 81 channels, or 81 pixels of one"),
        ((12, 81, 1, 1), "one pixel of 81 channels, or 81 pixels of one"),
        ((12, 1, 81), "expected square ones"),
        ((9, 9, 12), "expected square ones"),
    ],
)
def test_layouts_that_are_not_plain_are_refused(tmp_path, shape, said):
    np.save(tmp_path / "stamps.npy", rng().normal(size=shape))
    pd.DataFrame({"label": np.arange(shape[0]) % 2}).to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=said):
        read(decam, tmp_path, stamps="stamps.npy", catalogue="catalogue.csv")


def test_three_stamps_of_the_same_pixels_two_of_one_class(tmp_path):
    stamps = rng().normal(size=(12, 9, 9))
    stamps[[4, 7]] = stamps[0]
    _, rejected = read(decam, tmp_path, **archive(tmp_path, stamps=stamps, labels=[0, 1] * 6))
    assert [(row, reason) for row, reason, _ in rejected] == [(row, "labels disagree") for row in (0, 4, 7)]


@pytest.mark.parametrize(
    ("second", "read_as"),
    [
        (np.arange(12) // 2, None),
        ([*"aabbccddeeff"], "the first"),  # another name for the same
    ],
)
def test_two_usual_groups_need_a_word_unless_they_say_the_same(tmp_path, second, read_as):
    first = np.repeat([*"uvwxyz"], 2) if read_as else np.arange(12) // 3
    files = archive(tmp_path, group=first, object=np.array(second), labels=[0, 1] * 6)
    if read_as is None:
        with pytest.raises(RawError, match=r"`group: \[group\]` or `group: \[object\]`"):
            read(decam, tmp_path, **files)
        data, _ = read(decam, tmp_path, {"group": ("object",)}, **files)
        assert data.groups.tolist() == [str(item) for item in second]
    else:
        assert read(decam, tmp_path, **files)[0].groups.tolist() == first.tolist()


@pytest.mark.parametrize("name", ["group", "snr"])
def test_values_of_archive_and_catalogue_that_disagree_are_refused(tmp_path, name):
    values = np.arange(12) // 2
    files = archive(tmp_path, **{name: values}, labels=[0, 1] * 6) | {"catalogue": "catalogue.csv"}
    pd.DataFrame({name: values.astype(float)}).to_csv(tmp_path / "catalogue.csv", index=False)
    read(decam, tmp_path, **files)
    pd.DataFrame({name: values[::-1]}).to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=rf"{name} is 0, and 5 in the catalogue; 12 rows disagree"):
        read(decam, tmp_path, **files)


@pytest.mark.parametrize("called", ["ID", "objID", "stamp_name"])
def test_the_stamps_names_in_another_order_contradict_the_position(tmp_path, called):
    files = archive(tmp_path, id=[f"s{k}" for k in range(12)]) | {"catalogue": "catalogue.csv"}
    table = pd.DataFrame({called: [f"s{k}" for k in range(12)], "label": [0, 1] * 6})
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    read(decam, tmp_path, **files)
    table.iloc[::-1].to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=f"column {called} has the stamps' id in another order.*`match: id`"):
        read(decam, tmp_path, **files)
    assert read(decam, tmp_path, {"match": "position"}, **files)[0].labels["class"].tolist() == [1, 0] * 6


@pytest.mark.parametrize("name", ["id", "group"])
def test_names_that_were_floats_are_refused_where_digits_are_lost(tmp_path, name):
    files = archive(tmp_path, **{name: 1.2376625257e18 + 300.0 * np.arange(12)}, labels=[0, 1] * 6)
    with pytest.raises(RawError, match=f"row 0, from 0: {name} is 1.2.*e.18, a float whose last digits are lost"):
        read(decam, tmp_path, **files)
    read(decam, tmp_path, **archive(tmp_path, **{name: np.arange(12.0)}, labels=[0, 1] * 6))


def test_scalars_whose_names_differ_in_capitals_are_refused(tmp_path):
    files = labelled(tmp_path, [0, 1] * 6, ra=150.0, RA=10.0)
    with pytest.raises(RawError, match="are both 'ra' and 'RA'"):
        read(decam, tmp_path, **files)


@pytest.mark.parametrize("mark", [99.0, -99.0, 99.99, 999])
def test_marks_of_missing_magnitudes_are_no_numbers(tmp_path, mark, caplog):
    files = labelled(tmp_path, [0, 1] * 6, mag_r=[mark, *[20.5] * 11], snr=mark)
    data, _ = read(decam, tmp_path, **files)
    assert np.isnan(data.scalars["mag_r"]).tolist() == [True] + [False] * 11
    assert (data.scalars["snr"] == mark).all()
    assert f"1 values of mag_r are no magnitudes, as {mark:g}" in caplog.text


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (256, "16 x 16 of one channel or 8 x 8 of 4 channels. Hint: say which, `size: 16` or `size: 8`"),
        (588, "no square, and may be 14 x 14 of 3 channels.*option size"),
        (900, "`size: 30` or `size: 15` or `size: 10`"),
    ],
)
def test_flattened_stamps_that_may_have_channels_need_a_word(tmp_path, pixels, said):
    with pytest.raises(RawError, match=said):
        read(decam, tmp_path, **archive(tmp_path, stamps=rng().normal(size=(12, pixels)), labels=[0, 1] * 6))


def test_flattened_stamps_of_one_reading_are_read_and_it_is_said(tmp_path, caplog):
    files = archive(tmp_path, stamps=rng().normal(size=(12, 441)), labels=[0, 1] * 6)
    said = "stamps.npz: rows of 441 pixels are taken for stamps of 21 x 21 of one channel; `size: 21` says so"
    data, _ = read(decam, tmp_path, **files)
    assert data.image_shape == (21, 21, 1)
    assert data.warnings == (said,)
    assert said in caplog.text
    caplog.clear()
    data, _ = read(decam, tmp_path, {"size": 21}, **files)
    assert data.image_shape == (21, 21, 1)
    assert said not in caplog.text
    assert data.warnings == ()


# --- SDSS ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "said"), [("Redshift", "4 and 13.*'redshift' and 'Redshift'"), ("RA", "'ra' and 'RA'")]
)
def test_columns_that_differ_in_capitals_are_refused(tmp_path, name, said):
    sdss_catalogue().assign(**{name: 3.0}).to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match=said):
        objects_of(tmp_path / "catalogue.csv")


def test_a_name_that_stands_twice_and_is_not_asked_for_does_no_harm(tmp_path):
    table = sdss_catalogue().assign(note="a", other="b").rename(columns={"other": "note"})
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    assert len(objects_of(tmp_path / "catalogue.csv")[0].ids) == 6


def test_several_redshifts_need_a_word(tmp_path):
    table = sdss_catalogue().rename(columns={"redshift": "specz"}).assign(z_spec=0.3)
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    with pytest.raises(RawError, match="`label: specz` or `label: z_spec`"):
        objects_of(tmp_path / "catalogue.csv")
    assert objects_of(tmp_path / "catalogue.csv", label="z_spec")[0].label.tolist() == [0.3] * 6


@pytest.mark.parametrize("wrong", [99.0, -99.0, 24000.0])
def test_a_redshift_that_is_none_is_rejected_and_a_velocity_refused(tmp_path, wrong):
    table = sdss_catalogue()
    table.loc[2, "redshift"] = wrong
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    assert objects_of(tmp_path / "catalogue.csv")[1] == {2: "redshift impossible"}
    clusters(tmp_path, [3, 1, 2], ID_SRC=[3, 1, 2], z=[0.3, abs(wrong), 0.2])
    assert [row[:2] for row in read(efeds, tmp_path, **FILES)[1]] == [(1, "redshift impossible")]


def test_a_magnitude_of_99_is_in_no_colour(tmp_path, caplog):
    table = sdss_catalogue()
    table.loc[[1, 4], ["psfMag_u", "psfMag_g"]] = [[99.0, 99.0], [-9999.0, 20.0]]
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    objects, reasons = objects_of(tmp_path / "catalogue.csv")
    assert not reasons
    assert np.isnan(objects.scalars["psfMag_u"]).tolist() == [row in (1, 4) for row in range(6)]
    assert np.isnan(objects.scalars["u-g"]).tolist() == [row in (1, 4) for row in range(6)]
    assert np.isnan(objects.scalars["g-r"]).tolist() == [row == 1 for row in range(6)]
    assert "1 values of psfMag_u are no magnitudes and taken as missing, first in row 1" in caplog.text
    _, reasons = objects_of(tmp_path / "catalogue.csv", label="psfMag_u")
    assert reasons == {1: "unreadable number", 4: "label missing"}


def test_rows_of_an_object_with_other_magnitudes_are_not_averaged(tmp_path):
    table = sdss_catalogue()
    table["psfMag_r"] = np.linspace(17, 20, 6)
    table.loc[5, "objID"] = table.loc[4, "objID"]
    table.to_csv(tmp_path / "catalogue.csv", index=False)
    _, reasons = objects_of(tmp_path / "catalogue.csv", label="psfMag_r")
    assert reasons == {4: "repeats disagree", 5: "repeats disagree"}


# --- too much is lost ------------------------------------------------------------------------------------------------


def test_one_reason_for_most_rows_stops(tmp_path):
    files = labelled(tmp_path, [0, 1] * 30)
    stamps = np.load(tmp_path / "stamps.npy")
    stamps[:40] = 0
    np.save(tmp_path / "stamps.npy", stamps)
    said = r"40 of 60 rows .* one reason, more than a fraction of 0.5.*\n  constant stamp: 40.*\n.*most_rejected: 0.67"
    with pytest.raises(DatasetError, match=said):
        read(decam, tmp_path, **files)
    assert not (tmp_path / "d.h5").exists()
    data, rejected = read(decam, tmp_path, {"most_rejected": 0.67}, **files)
    assert (len(data), len(rejected)) == (20, 40)


def test_one_class_left_by_rejection_stops(tmp_path):
    files = labelled(tmp_path, [0] * 20 + [1] * 40)
    stamps = np.load(tmp_path / "stamps.npy")
    stamps[:20] = 0
    np.save(tmp_path / "stamps.npy", stamps)
    with pytest.raises(DatasetError, match="class is source for all of 40 objects; there is nothing to learn"):
        read(decam, tmp_path, **files)


def test_equal_labels_stop(tmp_path):
    clusters(tmp_path, ["a", "b", "c"], np.full(3, 1e14), cluster=["a", "b", "c"])
    with pytest.raises(DatasetError, match="log10_mass is 14 for all of 3 objects"):
        read(efeds, tmp_path, **FILES)


def test_a_class_without_objects_is_doubted(tmp_path, caplog):
    files = labelled(tmp_path, ["a", "b"] * 6)
    data, _ = read(decam, tmp_path, {"classes": ("a", "b", "c")}, **files)
    assert data.warnings == ("class c has no object",)
    assert "class c has no object" in caplog.text


@pytest.mark.parametrize("scale", [1e27, -1e22])
def test_pixels_that_no_network_can_use_stop(tmp_path, scale):
    files = labelled(tmp_path, [0, 1] * 30)
    np.save(tmp_path / "stamps.npy", np.load(tmp_path / "stamps.npy") * scale)
    with pytest.raises(DatasetError, match=r"pixels beyond 1e\+18: 60, as in .*order of bytes"):
        read(decam, tmp_path, **files)


def test_scalars_that_no_network_can_use_are_missing(tmp_path, caplog):
    files = labelled(tmp_path, [0, 1] * 6, snr=[1e27, *range(11)])
    data, rejected = read(decam, tmp_path, **files)
    assert not rejected
    assert np.isnan(data.scalars["snr"]).tolist() == [True] + [False] * 11
    assert data.warnings == ("snr: 1 values beyond 1e+18, missing",)
    assert "snr: 1 values beyond 1e+18, missing" in caplog.text
