"""
Divide a dataset into train, validation and test.

in:   results/<dataset>/dataset.h5
out:  results/<dataset>/split-<seed>.h5: row numbers, and the digest of the ids they belong to
      results/<dataset>/audit-<seed>.json: what stands on both sides of the split, and the dataset's warnings
"""


localrules:
    split,


rule split:
    input:
        # labels beside the first are divided as the first is
        dataset=lambda wildcards: PATHS.dataset(PLAN.whole(wildcards.dataset)),
    output:
        split=PATHS.split(),
    log:
        PATHS.log("split", "{dataset}-{split_seed}"),
    benchmark:
        PATHS.benchmark("split", "{dataset}-{split_seed}")
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(10),
    params:
        strategy=lambda wildcards: PLAN.config.datasets[wildcards.dataset].split.told(),
        code=lambda wildcards: code_digest("split", PLAN.split_modules(wildcards.dataset)),
    message:
        "splitting {wildcards.dataset}"
    script:
        "../scripts/split.py"


rule audit:
    input:
        dataset=PATHS.dataset(),
        split=PATHS.split(),
    output:
        PATHS.audit(),
    log:
        PATHS.log("audit", "{dataset}-{split_seed}"),
    benchmark:
        PATHS.benchmark("audit", "{dataset}-{split_seed}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1500),  # images are read in blocks
        runtime=jobs.minutes(60),
    params:
        code=lambda wildcards: code_digest("audit", PLAN.split_modules(wildcards.dataset)),
    message:
        "auditing the split of {wildcards.dataset}"
    script:
        "../scripts/audit.py"
