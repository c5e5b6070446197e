"""
Simulate raw files, for datasets that have `mock` in the config.

in:   nothing
out:  results/<dataset>/raw/, in the survey's own raw format; what was drawn beside it, where the simulator tells it
"""


rule simulate:
    output:
        directory(PATHS.raw()),
    log:
        PATHS.log("simulate", "{dataset}"),
    benchmark:
        PATHS.benchmark("simulate", "{dataset}")
    wildcard_constraints:
        dataset=r"[^/]+|apply/[^/]+",
    conda:
        "../envs/mock.yaml"
    container:
        f"{IMAGES}/mock.sif"
    threads: workflow.resource_settings.cores or 1
    resources:
        mem_mb=jobs.memory(1000, per_process=400),
        runtime=jobs.minutes(60),
    params:
        survey=lambda wildcards: PLAN.blocks[wildcards.dataset].survey,
        files=lambda wildcards: PLAN.simulated_files(wildcards.dataset),
        options=lambda wildcards: PLAN.blocks[wildcards.dataset].mock,
        code=lambda wildcards: code_digest("simulate", PLAN.modules("mock", wildcards.dataset)),
    message:
        "simulating raw files of {wildcards.dataset}"
    script:
        "../scripts/simulate.py"
