"""List the files of a survey's archive that a catalogue needs, and which job fetches each."""

from pathlib import Path

from skybake import plugins
from skybake.fetch.wanted import write_wanted
from skybake.workflow import logs

with logs.of(snakemake):
    archive = plugins.in_room("fetch", "archive_paths")[snakemake.params.survey].load()
    reader = plugins.in_room("raw", "read")[snakemake.params.survey].load()
    paths = archive.archive_paths(
        {
            name: Path(path)
            for name, path in [*snakemake.input.items(), *snakemake.params.downloaded.items()]
            if name != "ledger"
        },
        reader.Options(**snakemake.params.options),
    )
    write_wanted(snakemake.output[0], paths, base_url=snakemake.params.base_url, chunks=snakemake.params.chunks)
