"""Derived inputs in a config: what is refused before any job, and what a job is told."""

import pytest

from skybake.__main__ import main
from skybake.config import ConfigError, make_plan

KEY = "datasets.clusters."


def told(given, inputs, derived, **options):
    given["datasets"]["clusters"] |= {"inputs": inputs, "derived": derived, **options}
    return make_plan(given)


@pytest.mark.parametrize(
    ("inputs", "derived", "words"),
    [
        (
            ["ln_z"],
            {"ln_z": "lm(redshift)"},
            KEY + "derived.ln_z: 'lm(redshift)', place 1: no function 'lm'; known",
        ),
        (["redshift"], {"a": "ln(redshift", "b": "redshift"}, KEY + "derived.a: 'ln(redshift', place 3: '('"),
        (["a"], {"a": "redshift * b", "b": "redshift"}, KEY + "derived.a: 'redshift * b' has 'b', which is derived"),
        (["a"], {"a": 3}, KEY + "derived.a: 3 found; expected a text. Hint: '3' in quotes"),
        (None, {"a": "redshift"}, KEY + "derived: no inputs found; expected some of a among them"),
        (["redshift"], {"a": "redshift"}, KEY + "derived: inputs ['redshift'] found; expected some of a among them"),
        (["a"], {"a": "exp(log10_mass)"}, KEY + "derived.a: 'log10_mass' is the label; a model that sees it"),
    ],
)
def test_what_cannot_be_an_input_is_refused(inputs, derived, words, given):
    with pytest.raises(ConfigError) as error:
        told(given, inputs, derived)
    assert words in str(error.value)


def test_a_job_is_told_of_the_formulas_that_it_needs(given):
    derived = {"ln_z": "ln(redshift)", "unused": "redshift * redshift"}
    plan = told(given, ["redshift", "ln_z"], derived)
    job = plan.training_job("clusters", "simple_sequential", "mse")
    assert (job.inputs, job.derived) == (("redshift", "ln_z"), {"ln_z": "ln(redshift)"})
    assert job.params()["derived"] == {"ln_z": "ln(redshift)"}  # what changes there trains again
    assert make_plan(plan.as_dict()).derived("clusters") == job.derived


@pytest.mark.parametrize(
    ("inputs", "derived", "words"),
    [
        ("[flux]", "{flux: ln(width)}", "derived.flux: the dataset has a scalar of this name; expected another name"),
        ("[dec]", "{dec: ln(width)}", "derived.dec: the dataset has a scalar of this name; expected another name"),
        ("[mass_error]", "{mass_error: ln(width)}", "derived.mass_error: the dataset has a scalar of this name"),
        (
            "[a]",
            "{a: ln(breadth)}",
            "derived.a: no scalar 'breadth' of 'ln(breadth)'; found dec, flux, mass_error, n_masked",
        ),
        ("[seeing]", "{}", "inputs: no scalar 'seeing'; found dec, flux"),
        ("[a, flux]", "{a: ln(width)}", ""),
        ("[flux]", "{dec: ln(width)}", "derived: inputs ['flux'] found; expected some of dec"),
    ],
)
def test_check_tells_what_the_header_of_the_catalogue_contradicts(inputs, derived, words, tmp_path, capsys):
    (tmp_path / "objects.csv").write_text("id,ra,raj2000,DEC,flux,width,mass,e_mass\n1,2,2,3,4,5,6,7\n")
    (tmp_path / "images.npy").write_bytes(b"")
    config = tmp_path / "mine.yaml"
    config.write_text(
        f"results: {tmp_path}/results\n"
        "datasets:\n  d:\n    survey: cutouts\n"
        f"    raw: {{images: {tmp_path}/images.npy, catalogue: {tmp_path}/objects.csv}}\n"
        "    options: {label: mass, label_error: e_mass, scalars: [flux, width]}\n"
        f"    inputs: {inputs}\n    derived: {derived}\n"
        "bakeoffs:\n  b: {datasets: [d], models: [lesson_cnn], losses: [mse]}\n"
    )
    assert main(["check", str(config)]) == (1 if words else 0)
    assert (f"datasets.d.{words}" if words else "right.") in "".join(capsys.readouterr())
