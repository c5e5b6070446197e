"""List the files of a survey's archive that a catalogue needs, and which job fetches each."""

from pathlib import Path

from skybake import discovery, logs
from skybake.fetch.wanted import write_wanted

with logs.of(snakemake):
    archive = discovery.parts("fetch", "archive_paths")[snakemake.params.survey].load()
    reader = discovery.parts("raw", "ingest")[snakemake.params.survey].load()
    paths = archive.archive_paths(
        {name: Path(path) for name, path in snakemake.input.items()},
        reader.Options(**snakemake.params.options),
    )
    write_wanted(snakemake.output[0], paths, base_url=snakemake.params.base_url, chunks=snakemake.params.chunks)
