"""What jobs ask for."""

from types import SimpleNamespace

from skybake import jobs


def test_memory_grows_with_the_input_up_to_what_is_kept_in_memory():
    asked = jobs.memory(2500, 8, at_most=4000)
    found = [asked(None, SimpleNamespace(size_mb=size), attempt) for size, attempt in ((10, 1), (10, 2), (1e5, 1))]
    assert found == [2580, 5160, 6500]
    assert jobs.memory(2500, 8)(None, SimpleNamespace(size_mb=1e5), 1) == 802_500


def test_a_container_sees_raw_data_wherever_they_lie(tmp_path, monkeypatch):
    work, elsewhere = tmp_path / "work", tmp_path / "else where"
    for folder in (work / "data", elsewhere / "frames"):
        folder.mkdir(parents=True)
    for file in (work / "data/inside.pkl", elsewhere / "cubes.pkl"):
        file.touch()
    (work / "data/link.pkl").symlink_to(elsewhere / "cubes.pkl")
    monkeypatch.chdir(work)
    bind = f"--bind '{elsewhere}'"
    assert jobs.with_binds("--nv", ["data/inside.pkl", "data", "results"], ["."]) == "--nv"
    assert jobs.with_binds("--nv", ["data/link.pkl"], ["."]) == f"--nv {bind}"
    assert jobs.with_binds("", [str(elsewhere / "frames"), str(tmp_path / "no such/file")], ["."]) == (
        f"--bind '{elsewhere}/frames'"
    )
    once = jobs.with_binds("--nv", [str(elsewhere / "cubes.pkl")], ["."])
    assert once == f"--nv {bind}"
    assert jobs.with_binds(once, [str(elsewhere / "cubes.pkl")], ["."]) == once  # a job reads the Snakefile again
