"""Config files as they stand on disk: repeated keys, tabs, files that are not there."""

import subprocess
import sys

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
        ("", ["NoneType found; expected keys"]),
        (b"title: \xff\n", ["not UTF-8 text"]),
    ],
)
def test_what_yaml_would_pass_over_is_named_by_line(written, text, words):
    path = written(text)
    with pytest.raises(ConfigError) as caught:
        yaml_files.read(path)
    assert str(caught.value).startswith(str(path))
    assert all(word in str(caught.value) for word in words), str(caught.value)


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


def test_snakemake_refuses_a_repeated_key(written, tmp_path):
    path = written(CONFIG + "  b: {datasets: [stars]}\n")
    words = [
        "--snakefile",
        ROOT / "Snakefile",
        "--configfile",
        path,
        "--directory",
        tmp_path,
        "--dry-run",
        "--cores",
        "1",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "the key bakeoffs.b stands in line 4 and in line 5" in done.stdout + done.stderr
