"""A reader in use: what it makes of the small survey of its simulator, if it has one."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from skybake.config.contracts import problems
from skybake.data.columns import DatasetError
from skybake.data.dataset import load_dataset
from skybake.plugins import PlugIn, in_room
from skybake.raw import RawError
from skybake.raw.ingest import ingest
from skybake.settings import Settings
from skybake.testing import mock

FILES = ("dataset.h5", "rejected.csv")


def use(part: PlugIn) -> Iterator[str]:
    """Read the small survey with one process and with two: each object is accepted or rejected, once."""
    reader = part.load()
    wrong = list(_declared(reader))
    simulators = in_room("mock", "simulate")
    if wrong or part.name not in simulators:
        yield from wrong
        return
    wrong = list(problems(simulators[part.name], simulators))
    if wrong:
        yield from (f"its simulator: {problem}" for problem in wrong)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        raw = mock.small(simulators[part.name].load(), folder)
        try:
            for threads in (1, 2):
                dataset, rejected = (folder / str(threads) / file for file in FILES)
                ingest(reader, raw, dataset, rejected, reader.Options(), mock=True, threads=threads)
        except (RawError, DatasetError) as error:  # the common pass proves that the counts add up
            yield f"the files of its simulator cannot be read: {error}"
            return
        for file in FILES:
            if (folder / "1" / file).read_bytes() != (folder / "2" / file).read_bytes():
                yield f"{file}: two processes write other bytes than one; expected the same for any number of threads"
        yield from _written(part, reader, folder / "1" / FILES[0])


def _declared(reader: ModuleType) -> Iterator[str]:
    if not (isinstance(reader.Options, type) and issubclass(reader.Options, Settings)):
        yield "Options is no class of settings; expected class Options(Settings), of skybake.settings"
    if not hasattr(reader, "LABEL") and not hasattr(reader, "label_name"):
        yield 'LABEL is missing; expected e.g. LABEL = "mass", or a function label_name(options)'
    raw = getattr(reader, "RAW", None)
    if not isinstance(raw, dict) or not all(isinstance(text, str) and text for text in raw.values()):
        yield f'RAW {raw!r} found; expected what each raw file is, e.g. RAW = {{"catalogue": "CSV table"}}'
        return
    for name in dict.fromkeys(name for form in getattr(reader, "RAW_FORMS", ()) for name in form):
        if name not in raw:
            yield f"RAW_FORMS has {name!r}, which RAW has not; expected some of {', '.join(raw)}"


def _written(part: PlugIn, reader: ModuleType, path: Path) -> Iterator[str]:
    dataset = load_dataset(path)
    label = reader.label_name(reader.Options()) if hasattr(reader, "label_name") else reader.LABEL
    if label not in dataset.labels:
        yield f"label {label!r} is not in the dataset; found {', '.join(dataset.labels)}"
    for name in part.constants["INPUTS"]:
        if name not in dataset.scalars:
            found = ", ".join(dataset.scalars) or "none"
            yield f"INPUTS has {name!r}, which is no scalar of the dataset; found {found}"
