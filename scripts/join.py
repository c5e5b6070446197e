"""Join the comparisons of all datasets in one table and one page."""

from pathlib import Path

from skybake import logs, report

with logs.to_file(snakemake.log[0]):
    report.join(
        [report.Page.of_paths(**page) for page in snakemake.params.pages],
        csv=Path(snakemake.output.csv),
        html=Path(snakemake.output.html),
        title=snakemake.params.title,
        config_text=Path(snakemake.input.config).read_text(encoding="utf-8"),
    )
