"""
Judge every (dataset, model, loss): the only place where test labels meet predictions.

in:   results/<dataset>/runs/<model>/<loss>/seed-<seed>/ of all seeds
      results/<dataset>/dataset.h5: images of a few test objects, for galleries
out:  results/<dataset>/evaluation/<model>/<loss>/metrics.json
      results/<dataset>/evaluation/<model>/<loss>/figures/
"""


rule evaluate:
    input:
        runs=lambda wildcards: PLAN.run_files(**wildcards),
        dataset=PATHS.dataset(),
    output:
        metrics=PATHS.evaluation("metrics.json"),
        figures=report(
            directory(PATHS.evaluation("figures")),
            patterns=["{figure}.png"],
            caption="../report/run_figure.rst",
            category="{dataset}",
            subcategory="{model}",
            labels={"model": "{model}", "loss": "{loss}", "figure": "{figure}"},
        ),
    log:
        PATHS.log("evaluate", "{dataset}", "{model}", "{loss}"),
    benchmark:
        PATHS.benchmark("evaluate", "{dataset}", "{model}", "{loss}")
    group:
        "evaluations"
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        turn=1,
        mem_mb=jobs.memory(2000, 10, in_part=["dataset"]),
        runtime=jobs.minutes(30),
    params:
        figures=lambda wildcards: [figure.name for figure in PLAN.figures("run", wildcards.dataset)],
        statistics=PLAN.config.statistics.model_dump(),
        outlier=lambda wildcards: PLAN.config.datasets[wildcards.dataset].outlier,
        code=lambda wildcards: code_digest("evaluate", PLAN.figure_modules("run", wildcards.dataset)),
    message:
        "evaluating {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/evaluate.py"
