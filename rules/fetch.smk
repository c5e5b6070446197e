"""
Fetch raw files, for datasets that have `fetch` (a survey's archive) or `download` (single files) in the config.

in:   the catalogue
out:  results/<dataset>/fetch/wanted.csv: every file that is needed, once, and the chunk (download job) it belongs to
      results/<dataset>/fetch/ledger-<chunk>.csv and ledger-download.csv, joined in results/<dataset>/ledger.csv: what is here, and what is not

The files go to the folder that `raw` names. They are no output of a rule, since Snakemake would empty it before every
job: a job asks the archive only for what is not there whole.
"""


localrules:
    list_files,
    join_ledgers,


rule list_files:
    input:
        unpack(lambda wildcards: PLAN.listing_inputs(wildcards.dataset)),
    output:
        PATHS.dataset(name="fetch/wanted.csv"),
    log:
        PATHS.log("list_files", "{dataset}"),
    benchmark:
        PATHS.benchmark("list_files", "{dataset}")
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    resources:
        mem_mb=jobs.memory(1000, 3),
        runtime=jobs.minutes(30),
    params:
        survey=lambda wildcards: PLAN.config.datasets[wildcards.dataset].survey,
        downloaded=lambda wildcards: PLAN.downloaded(wildcards.dataset),
        options=lambda wildcards: PLAN.config.datasets[wildcards.dataset].options,
        base_url=lambda wildcards: PLAN.config.datasets[wildcards.dataset].fetch.base_url,
        chunks=lambda wildcards: PLAN.config.datasets[wildcards.dataset].fetch.chunks,
        code=lambda wildcards: code_digest(
            "list_files", [*PLAN.modules("raw", wildcards.dataset), *PLAN.modules("fetch", wildcards.dataset)]
        ),
    message:
        "listing the files that {wildcards.dataset} needs"
    script:
        "../scripts/list_files.py"


rule fetch:
    input:
        PATHS.dataset(name="fetch/wanted.csv"),
    output:
        PATHS.dataset(name="fetch/ledger-{chunk}.csv"),
    log:
        PATHS.log("fetch", "{dataset}", "{chunk}"),
    benchmark:
        PATHS.benchmark("fetch", "{dataset}", "{chunk}")
    wildcard_constraints:
        chunk=r"\d+",
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    threads: lambda wildcards: PLAN.config.datasets[wildcards.dataset].fetch.connections
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(2880),
    params:
        fetched=lambda wildcards: PLAN.fetched(wildcards.dataset),  # no output: Snakemake would empty it
        code=code_digest("fetch"),
    message:
        "fetching files of {wildcards.dataset}, chunk {wildcards.chunk}"
    script:
        "../scripts/fetch.py"


rule download:
    output:
        PATHS.dataset(name="fetch/ledger-download.csv"),
    log:
        PATHS.log("download", "{dataset}"),
    benchmark:
        PATHS.benchmark("download", "{dataset}")
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(2880),
    params:
        files=lambda wildcards: PLAN.downloaded(wildcards.dataset),  # no output: Snakemake would empty it
        wanted=lambda wildcards: PLAN.downloads(wildcards.dataset),
        code=code_digest("download"),
    message:
        "downloading what is not here of {wildcards.dataset}"
    script:
        "../scripts/download.py"


rule join_ledgers:
    input:
        lambda wildcards: PLAN.ledgers(wildcards.dataset),
    output:
        PATHS.dataset(name="ledger.csv"),
    log:
        PATHS.log("join_ledgers", "{dataset}"),
    benchmark:
        PATHS.benchmark("join_ledgers", "{dataset}")
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    resources:
        mem_mb=jobs.memory(2000),
        runtime=jobs.minutes(10),
    params:
        code=code_digest("join_ledgers"),
    message:
        "joining the ledgers of {wildcards.dataset}"
    script:
        "../scripts/join_ledgers.py"
