"""Inputs that formulas make of scalars: one definition for numpy and keras.ops, and clear errors."""

import keras
import numpy as np
import pytest

from skybake.inputs import InputError, Inputs, read

NAN = float("nan")
SCALARS = {"z": [0.5, 0.0, -0.2, NAN], "S/N": [4.0, 9.0, 1.0, 2.0], "u-g": [1.0, 2.0, 3.0, 4.0]}
FORMULAS = [
    ("ln(z)", [np.log(0.5), NAN, NAN, NAN]),
    ("`S/N` - 'u-g'", [3, 7, -2, -2]),
    ("1 / z", [2, NAN, -5, NAN]),
    ("exp(-1 / z)", [np.exp(-2), NAN, np.exp(5), NAN]),  # no way from a division by 0 back to a number
    ("exp(ln(z))", [0.5, NAN, NAN, NAN]),
    ("exp(100 * `S/N`)", [NAN] * 4),  # beyond what a network can use, in float32 as in float64
    ("+sqrt(z) + 2*3 - -1", [np.sqrt(0.5) + 7, 7, NAN, NAN]),
    ("log10(`S/N`)\n * asinh(abs(z) * 2)", [np.log10(4) * np.arcsinh(1), 0, 0, NAN]),
]


@pytest.mark.parametrize(("text", "expected"), FORMULAS)
@pytest.mark.parametrize("ops", [np, keras.ops], ids=["numpy", "keras"])
def test_a_formula_gives_values_and_what_is_missing_stays_so(text, expected, ops):
    found = read(text).values({name: ops.array(values) for name, values in SCALARS.items()}, ops)
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "ln(z",
            r"'ln\(z', place 3: '\(' was never closed; expected names of scalars, numbers, \+ - \* /, brackets",
        ),
        ("z + lg(z)", "place 5: no function 'lg'; known: ln, log10, .*Did you mean"),
        ("log(z)", "no function 'log'; .*Hint: ln is the natural"),
        ("z ** 2", r"place 1: a power found; .*Hint: x \* x"),
        ("ln(z, 2)", r"place 1: ln\(z, 2\) found; expected one value in the brackets of ln"),
        ("z.real", "place 1: z.real found; expected names"),
        ("__import__('os').system('true')", "found; expected names"),
        ("[z for z in 'a']", "found; expected names"),
        ("z if z else 1", "found; expected names"),
        ("z + True", "place 5: True found"),
        ("z + f'{z}'", "place 5: .* found"),
        ("z + 1 / 0", "place 5: inf found; expected a number"),
        ("z * 1e400", "inf found; expected a number"),
        ("2 * 3", "is the same for every object"),
        ("", "expected names of scalars"),
        ("z`", "expected names of scalars"),
        ("z +" * 200 + "z", "of 601 letters; expected at most 500"),
        ("-" * 99 + "z", "more than 50 steps within one another"),
        ("(" * 240 + "z" + ")" * 240, "cannot be read|expected names"),
        ("\0", "expected names"),
    ],
)
def test_what_is_no_formula_is_refused_with_the_place(text, words):
    with pytest.raises(InputError, match=words):
        read(text)


def test_a_scalar_that_several_inputs_need_is_one():
    inputs = Inputs(("z", "ln_z", "colour"), {"ln_z": "ln(z)", "colour": "g - `u-g` / z", "other": "k"})
    assert inputs.raw == ("z", "g", "u-g")
    assert Inputs().raw == ()


def test_what_a_kind_cannot_have_is_missing_in_both():
    inputs = Inputs(
        ("g_r", "z", "mag_g"), {"g_r": "mag_g - mag_r"}, {"mag_g": "magnitude", "mag_r": "magnitude", "z": "redshift"}
    )
    given = {"mag_g": [20.0, 99.0, 19.0, -9999.0], "mag_r": [19.0, 18.0, -99.9, 1e20], "z": [0.1, 99.0, -9.0, 20.0]}
    expected = {"g_r": [1, NAN, NAN, NAN], "z": [0.1, NAN, NAN, 20], "mag_g": [20, NAN, 19, NAN]}
    for ops in (np, keras.ops):
        arrays = {name: ops.array(values, dtype="float32") for name, values in given.items()}
        found = inputs.values(arrays, ops)
        assert list(found) == list(expected)
        for name, values in expected.items():
            np.testing.assert_allclose(np.asarray(found[name]), values, rtol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("names", "derived", "words"),
    [
        (["zz"], {}, r"^datasets\.a\.inputs: no scalar 'zz'; found S/N, u-g, z\. Did you mean 'z'\?"),
        (["ln_zz"], {"ln_z": "ln(z)"}, r"no scalar 'ln_zz'; .*Did you mean 'ln_z'"),
        (
            ["x"],
            {"x": "ln(zz)"},
            r"^datasets\.a\.derived\.x: no scalar 'zz' of 'ln\(zz\)'; found S/N, .*mean 'z'",
        ),
        (["x"], {"x": "2 * u-g"}, r"no scalar 'u' of .*Hint: a name that is no word stands in backticks: `u-g`"),
        (["x"], {"x": "y", "y": "z"}, r"derived\.x: 'y' has 'y', which is derived itself; .*Hint: write out"),
        (["z"], {"z": "ln(z)"}, r"^datasets\.a\.derived\.z: the dataset has a scalar of this name; expected another"),
    ],
)
def test_scalars_that_a_dataset_lacks_are_told_with_the_nearest(names, derived, words):
    with pytest.raises(InputError, match=words):
        Inputs(tuple(names), derived).check(SCALARS, "datasets.a")
    Inputs(("z", "x"), {"x": "ln(z)", "unused": "nothing"}).check(SCALARS, "datasets.a")
