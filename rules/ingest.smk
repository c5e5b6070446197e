"""
Turn raw files into an HDF5 dataset.

in:   raw files, simulated or the user's own
out:  results/<dataset>/dataset.h5
      results/<dataset>/rejected.csv: every catalogue row that is not in the dataset, and why
"""


rule ingest:
    input:
        lambda wildcards: PLAN.raw_inputs(wildcards.dataset),
    output:
        dataset=PATHS.dataset(),
        rejected=PATHS.dataset(name="rejected.csv"),
    log:
        PATHS.log("ingest", "{dataset}"),
    benchmark:
        PATHS.benchmark("ingest", "{dataset}")
    conda:
        "../envs/data.yaml"
    threads: workflow.cores or 1
    resources:
        mem_mb=lambda wildcards, input: 1000 + int(3 * input.size_mb),
        runtime=240,
    params:
        survey=lambda wildcards: PLAN.config.datasets[wildcards.dataset].survey,
        raw=lambda wildcards: PLAN.raw(wildcards.dataset),
        options=lambda wildcards: PLAN.config.datasets[wildcards.dataset].options,
        mock=lambda wildcards: PLAN.is_mock(wildcards.dataset),
        code=lambda wildcards: code_digest("ingest", PLAN.modules("raw", wildcards.dataset)),
    message:
        "ingesting {wildcards.dataset}"
    script:
        "../scripts/ingest.py"
