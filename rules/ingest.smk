"""
Turn raw files into an HDF5 dataset.

in:   raw files, simulated or the user's own
out:  results/<dataset>/dataset.h5, results/apply/<name>/dataset.h5
      results/<dataset>/rejected.csv: every catalogue row that is not in the dataset, and why
"""


rule ingest:
    input:
        unpack(lambda wildcards: PLAN.raw_inputs(wildcards.dataset)),
        # what images of new objects must be like; another such dataset is no reason to read them again
        trained_on=lambda wildcards: [ancient(PATHS.dataset(like)) for like in PLAN.trained_on(wildcards.dataset)],
    output:
        dataset=PATHS.dataset(),
        rejected=PATHS.dataset(name="rejected.csv"),
    log:
        PATHS.log("ingest", "{dataset}"),
    benchmark:
        PATHS.benchmark("ingest", "{dataset}")
    wildcard_constraints:
        dataset=r"[^/@]+|apply/[^/]+",  # new objects are read as those of a dataset
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    threads: workflow.resource_settings.cores or 1
    resources:
        mem_mb=jobs.memory(1000, 3, per_process=200),
        runtime=jobs.minutes(240),
    params:
        survey=lambda wildcards: PLAN.blocks[wildcards.dataset].survey,
        files=lambda wildcards: PLAN.raw_files(wildcards.dataset),
        fetched=lambda wildcards: PLAN.fetched(wildcards.dataset) | PLAN.downloaded(wildcards.dataset),  # no output of a rule, see fetch.smk
        options=lambda wildcards: PLAN.blocks[wildcards.dataset].options,
        like=lambda wildcards: PLAN.like(wildcards.dataset),
        mock=lambda wildcards: PLAN.is_mock(wildcards.dataset),
        code=lambda wildcards: code_digest("ingest", PLAN.modules("raw", wildcards.dataset)),
    message:
        "ingesting {wildcards.dataset}"
    script:
        "../scripts/ingest.py"
