"""
Apply a trained network to new objects, which need no label.

in:   raw files of new objects, read by rules/ingest.smk
      results/<dataset>/chosen.json, unless the config names the network; runs of all networks that may be chosen
out:  results/apply/<name>/dataset.h5, rejected.csv
      results/<dataset>/samples/: what new objects are compared with, one file a network
      results/apply/<name>/parts/<part>.h5: predictions, one file a job
      results/apply/<name>/catalogue.fits, catalogue.parquet, catalogue.csv
      results/apply/<name>/distributions.h5, distributions_qp.hdf5: what is predicted as a whole, and for qp and RAIL
      results/apply/<name>/report.html, figures/

There is one rule for the jobs of each block of the config: they run where its networks were trained. All of it alone:
snakemake apply
"""

for name, application in PLAN.applications.items():
    place = application.place

    if application.samples:

        rule:
            name:
                f"sample_{name}"
            input:
                dataset=PATHS.dataset(application.dataset),
                split=PLAN.split(application.dataset),
                chosen=application.chosen(),
                runs=application.runs(),
            output:
                application.sample,
            log:
                PATHS.log("sample", name),
            benchmark:
                PATHS.benchmark("sample", name)
            conda:
                f"../envs/{TRAINED_IN[place]}.yaml"
            container:
                f"{IMAGES}/{TRAINED_IN[place]}.sif"
            threads: application.threads
            resources:
                mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[place]]),  # images are read in blocks
                runtime=jobs.minutes(60),
            params:
                rows=application.told(),
                code=code_digest("sample", application.heads()),
            message:
                f"looking at what new objects like {name} are compared with"
            script:
                "../scripts/sample.py"

    rule:
        name:
            f"predict_{name}"
        input:
            dataset=PATHS.applied("dataset.h5", name),
            sample=application.sample,
            chosen=application.chosen(),
            runs=application.runs(),
        output:
            PATHS.applied("parts/{part}.h5", name),
        log:
            PATHS.log("predict", name, "{part}"),
        benchmark:
            PATHS.benchmark("predict", name, "{part}")
        wildcard_constraints:
            part=r"\d+",
        conda:
            f"../envs/{TRAINED_IN[place]}.yaml"
        container:
            f"{IMAGES}/{TRAINED_IN[place]}.sif"
        threads: application.threads
        resources:
            mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[place]]),  # images are read in blocks
            runtime=jobs.minutes(240),
        params:
            rows=application.told(),
            jobs=application.given.jobs,
            batch_size=application.given.batch_size,
            false_alarms=application.given.false_alarms,
            asked_by=application.key,
            code=code_digest("predict", application.heads()),
        message:
            f"predicting {name}: part {{wildcards.part}} of {application.given.jobs}"
        script:
            "../scripts/predict.py"


rule catalogue:
    input:
        parts=lambda wildcards: PLAN.applications[wildcards.apply].parts(),
        chosen=lambda wildcards: PLAN.applications[wildcards.apply].chosen(),
        runs=lambda wildcards: PLAN.applications[wildcards.apply].runs(),
        dataset=lambda wildcards: PATHS.dataset(PLAN.applications[wildcards.apply].dataset),
    output:
        fits=PATHS.applied("catalogue.fits"),
        parquet=PATHS.applied("catalogue.parquet"),
        csv=PATHS.applied("catalogue.csv"),
    log:
        PATHS.log("catalogue", "{apply}"),
    benchmark:
        PATHS.benchmark("catalogue", "{apply}")
    conda:
        "../envs/data.yaml"
    container:
        f"{IMAGES}/data.sif"
    resources:
        mem_mb=jobs.memory(1000),  # read and written in blocks
        runtime=jobs.minutes(60),
    params:
        rows=lambda wildcards: PLAN.applications[wildcards.apply].told(),
        code=code_digest("catalogue"),
    message:
        "writing the catalogue of {wildcards.apply}"
    script:
        "../scripts/catalogue.py"


rule write_distributions:
    input:
        parts=lambda wildcards: PLAN.applications[wildcards.apply].parts(),
    output:
        ours=PATHS.applied("distributions.h5"),
        qp=PATHS.applied("distributions_qp.hdf5"),
    log:
        PATHS.log("write_distributions", "{apply}"),
    benchmark:
        PATHS.benchmark("write_distributions", "{apply}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1000),  # read and written in blocks
        runtime=jobs.minutes(60),
    params:
        code=code_digest("write_distributions"),
    message:
        "writing the distributions of {wildcards.apply}"
    script:
        "../scripts/write_distributions.py"


rule write_applied_page:
    input:
        parts=lambda wildcards: PLAN.applications[wildcards.apply].parts(),
        dataset=PATHS.applied("dataset.h5"),
        rejected=PATHS.applied("rejected.csv"),
        sample=lambda wildcards: PLAN.applications[wildcards.apply].sample,
        chosen=lambda wildcards: PLAN.applications[wildcards.apply].chosen(),
        runs=lambda wildcards: PLAN.applications[wildcards.apply].runs(),
        metrics=lambda wildcards: PLAN.applications[wildcards.apply].metrics(),
        trained_on=lambda wildcards: PATHS.dataset(PLAN.applications[wildcards.apply].dataset),
        split=lambda wildcards: PLAN.split(PLAN.applications[wildcards.apply].dataset),
    output:
        html=report(PATHS.applied("report.html"), caption="../report/applied_page.rst", category="apply/{apply}"),
        figures=report(
            directory(PATHS.applied("figures")),
            patterns=["{figure}.png"],
            caption="../report/applied_figure.rst",
            category="apply/{apply}",
            labels={"figure": "{figure}"},
        ),
    log:
        PATHS.log("write_applied_page", "{apply}"),
    benchmark:
        PATHS.benchmark("write_applied_page", "{apply}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(4000),  # of each object a few numbers are held, and images of examples
        runtime=jobs.minutes(30),
    params:
        rows=lambda wildcards: PLAN.applications[wildcards.apply].judged(),
        figures=lambda wildcards: [
            figure.name for figure in PLAN.figures("apply", PLAN.applications[wildcards.apply].dataset)
        ],
        false_alarms=lambda wildcards: PLAN.applications[wildcards.apply].given.false_alarms,
        title=PLAN.config.title,
        place=lambda wildcards: f"{PLAN.config.results.rstrip('/')}/apply/{wildcards.apply}",
        config=lambda wildcards: {"apply": {wildcards.apply: PLAN.as_dict()["apply"][wildcards.apply]}},
        code=lambda wildcards: code_digest(
            "write_applied_page",
            [
                *PLAN.figure_modules("apply", PLAN.applications[wildcards.apply].dataset),
                *PLAN.metric_modules(),
            ],
        ),
    message:
        "writing the page of {wildcards.apply}"
    script:
        "../scripts/write_applied_page.py"


# All new objects of the config, without the pages of the bake-off.
rule apply:
    input:
        [path for application in PLAN.applications.values() for path in application.results()],
