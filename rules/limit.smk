"""
Find how well simulated objects can be predicted at all, where their simulator knows it.

in:   results/<dataset>/raw/: what the simulator drew
      results/<dataset>/dataset.h5 and its split
out:  results/<dataset>/limit.json: what the lines of the limit are
      results/<dataset>/limit.csv: their values for objects of the test part
"""


rule limit:
    input:
        raw=PATHS.raw(),
        dataset=PATHS.dataset(),
        split=lambda wildcards: PLAN.split(wildcards.dataset),
    output:
        json=PATHS.dataset(name="limit.json"),
        table=PATHS.dataset(name="limit.csv"),
    log:
        PATHS.log("limit", "{dataset}"),
    benchmark:
        PATHS.benchmark("limit", "{dataset}")
    conda:
        "../envs/mock.yaml"
    container:
        f"{IMAGES}/mock.sif"
    resources:
        mem_mb=jobs.memory(1500),
        runtime=jobs.minutes(30),
    params:
        survey=lambda wildcards: PLAN.config.datasets[wildcards.dataset].survey,
        truth=lambda wildcards: PLAN.simulated_files(wildcards.dataset)["truth"],
        options=lambda wildcards: PLAN.config.datasets[wildcards.dataset].mock,
        code=lambda wildcards: code_digest("limit", PLAN.modules("mock", wildcards.dataset)),
    message:
        "finding the limit of {wildcards.dataset}"
    script:
        "../scripts/limit.py"
