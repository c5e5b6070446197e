"""Config files as they stand on disk: repeated keys, tabs, files that are not there."""

import subprocess
import sys
import time

import pytest

from skybake.__main__ import main
from skybake.config import ConfigError, yaml_files
from tests.conftest import ROOT

CONFIG = """\
datasets:
  stars: {survey: decam, mock: {}}
bakeoffs:
  b: {datasets: [stars], models: [vgg6], losses: [binary_crossentropy], seeds: [1, 2], training: {epochs: 1}}
"""


@pytest.fixture
def written(tmp_path):
    def write(text, name="x.yaml"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CONFIG + "  b: {datasets: [stars]}\n", ["the key bakeoffs.b stands in line 4 and in line 5"]),
        (CONFIG + "title: a\ntitle: b\n", ["the key title stands in line 5 and in line 6"]),
        ("a:\n- {b: 1, b: 2}\n- c: 1\n  d: {e: 1, e: 2}\n", ["a[0].b stands in line 2", "a[1].d.e stands in line 4"]),
        ("a:\n  b: 1\n\tc: 2\n", ["line 3: a tab found", "blanks"]),
        ("a:\n\t- b\n", ["line 2: a tab found"]),
        ("a: [1, 2\nb: 3\n", ["line 2: this is not YAML"]),
        ("- a\n", ["list found; expected keys"]),
        ("", ["nothing found; expected keys"]),
        ("# only this\n", ["nothing found; expected keys"]),
        (b"a: 1\ntitle: \xff\n", ["line 2: not UTF-8 text", "Hint: save it as UTF-8"]),
        (CONFIG.encode("utf-16"), ["line 1: not UTF-8 text"]),
        (CONFIG.replace("vgg6", "vg\0g6"), ["line 4: the control character U+0000"]),
        (CONFIG.replace("  stars", "\u00a0 stars"), ["line 2: the line begins with U+00A0"]),
        (CONFIG + "---\n" + CONFIG, ["line 5: this is not YAML: expected a single document"]),
        (CONFIG.replace("stars", "on"), ["line 2: YAML reads the key datasets.on as True", "'on' in quotes"]),
        (CONFIG.replace("stars", "010"), ["line 2: YAML reads the key datasets.010 as 8"]),
        (CONFIG.replace("[1, 2]", "[010, 1:30]"), ["line 4: YAML reads bakeoffs.b.seeds[0]: 010 as 8", "1:30 as 90"]),
        (CONFIG.replace("survey: decam", "survey:decam"), ["line 2: no blank behind the colon", "Hint: survey: decam"]),
        ("a: &a {b: *a}\n", ["line 1: the anchor of a.b is used inside itself"]),
        ("a: " + 3000 * "[" + 3000 * "]", ["blocks within blocks without end"]),
        ("b: &b {c: 1}\nd: {<<: *b, <<: {e: 1}}\n", ["the key d.<< stands in line 2 and in line 2"]),
    ],
)
def test_what_yaml_would_pass_over_is_named_by_line(written, text, words):
    path = written(text)
    with pytest.raises(ConfigError) as caught:
        yaml_files.read(path)
    assert str(caught.value).startswith(str(path))
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        CONFIG.encode("utf-8-sig"),
        CONFIG.replace("\n", "\r\n").encode(),
        CONFIG.replace("stars", "1").encode(),
        CONFIG.replace("{epochs: 1}", "&t {epochs: 1}").encode() + b"  c: {datasets: [stars], training: *t}\n",
        CONFIG.replace("  b: {", "  b: &b {").encode() + b"  c: {<<: *b, models: [dense]}\n",
        CONFIG.encode() + b"title: '010 and 1:30'\nresults: \"010\"\n",
    ],
)
def test_what_is_usual_in_yaml_is_read(written, text):
    assert list(yaml_files.read(written(text)))[:2] == ["datasets", "bakeoffs"]


def test_aliases_of_aliases_cost_no_time(written):
    lines = ["a0: &a0 {b: 1}"] + [f"a{n}: &a{n} [{', '.join(9 * [f'*a{n - 1}'])}]" for n in range(1, 12)]
    begin = time.monotonic()
    assert len(yaml_files.read(written("\n".join(lines)))) == 12
    assert time.monotonic() - begin < 5


def test_a_folder_is_no_config_and_its_files_are_named(written, tmp_path, capsys):
    written(CONFIG, "clusters.yaml")
    assert main(["check", str(tmp_path)]) == 1
    assert f"{tmp_path}: a folder found; expected a config file. Hint: one of its files: clusters.yaml" in (
        capsys.readouterr().err
    )


def test_what_a_later_file_replaces_is_told(written):
    first = written(CONFIG)
    second = written("bakeoffs:\n  b: {models: [dense], seeds: [1, 2], inside: {objects: 1}}\ntitle: x\n", "y.yaml")
    assert yaml_files.overridden([first]) == []
    assert yaml_files.overridden([first, second]) == [
        f"{second}: bakeoffs.b.models takes the place of bakeoffs.b.models in a file before it"
    ]


def test_a_file_that_is_not_there_names_near_ones(written, tmp_path):
    written(CONFIG, "clusters.yaml")
    with pytest.raises(ConfigError, match=r"cluster\.yaml: no such file\. Near it: clusters\.yaml"):
        yaml_files.read(tmp_path / "cluster.yaml")
    with pytest.raises(ConfigError, match=r"There is no folder '.*none/here'; the nearest is"):
        yaml_files.read(tmp_path / "none" / "here" / "x.yaml")


def test_the_same_value_twice_is_no_repeated_key(written):
    assert yaml_files.read(written("a: {b: 1}\nc: {b: 1}\nd: [b, b]\n")) == {
        "a": {"b": 1},
        "c": {"b": 1},
        "d": ["b", "b"],
    }


def test_check_says_what_follows_or_what_is_wrong(written, capsys):
    good, bad = written(CONFIG), written(CONFIG.replace("vgg6", "vgg7"), "bad.yaml")
    assert main(["check", str(good)]) == 0
    said = capsys.readouterr().out
    assert (
        "Datasets: stars. Rows: 1 of networks (2 trainings with all seeds), 0 of baselines. Results: results/" in said
    )
    assert main(["check", str(good), str(bad)]) == 1
    assert f"{bad}: the config cannot be run:" in (error := capsys.readouterr().err)
    assert "Did you mean 'vgg6'?" in error


def _dry_run(folder, *paths):
    words = ["--snakefile", ROOT / "Snakefile", "--configfile", *paths, "--directory", folder]
    command = [sys.executable, "-m", "snakemake", *map(str, words), "--dry-run", "--cores", "1"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_snakemake_refuses_a_repeated_key(written, tmp_path):
    path = written(CONFIG + "  b: {datasets: [stars]}\n")
    done = _dry_run(tmp_path, path)
    assert done.returncode != 0
    assert "the key bakeoffs.b stands in line 4 and in line 5" in done.stdout + done.stderr


def test_a_refused_config_stands_alone_on_the_terminal(written, tmp_path):
    done = _dry_run(tmp_path, written(CONFIG.replace("seeds: [1, 2]", "seeds: 1")))
    assert done.returncode == 1
    assert (done.stdout + done.stderr).splitlines() == [
        "the config cannot be run:",
        "  bakeoffs.b.seeds: 1 found; expected a list. Hint: [1]",
    ]


def test_snakemake_says_what_a_later_file_replaces(written, tmp_path):
    first, second = written(CONFIG), written("bakeoffs: {b: {seeds: [3]}}\n", "y.yaml")
    done = _dry_run(tmp_path, first, second)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"{second}: bakeoffs.b.seeds takes the place of bakeoffs.b.seeds") == 1
