"""What jobs ask for."""

from types import SimpleNamespace

from skybake import jobs


def test_memory_grows_with_the_input_up_to_what_is_kept_in_memory():
    asked = jobs.memory(2500, 8, at_most=4000)
    found = [asked(None, SimpleNamespace(size_mb=size), attempt) for size, attempt in ((10, 1), (10, 2), (1e5, 1))]
    assert found == [2580, 5160, 6500]
    assert jobs.memory(2500, 8)(None, SimpleNamespace(size_mb=1e5), 1) == 802_500
