"""
Draw every (dataset, model, loss) that was judged.

in:   results/<dataset>/runs/<model>/<loss>/seed-<seed>/ of all seeds
      results/<dataset>/evaluation/<model>/<loss>/metrics.json
      results/<dataset>/dataset.h5: labels and scalars, and images of a few test objects
      results/<dataset>/limit.json: of simulated datasets that have it
out:  results/<dataset>/evaluation/<model>/<loss>/figures/
"""


rule draw:
    input:
        runs=lambda wildcards: PLAN.run_files(**wildcards),
        metrics=PATHS.evaluation("metrics.json"),
        dataset=PATHS.dataset(),
        limit=lambda wildcards: PLAN.limit(wildcards.dataset),
    output:
        report(
            directory(PATHS.evaluation("figures")),
            patterns=["{figure}.png"],
            caption="../report/run_figure.rst",
            category="{dataset}",
            subcategory="{model}",
            labels={"model": "{model}", "loss": "{loss}", "figure": "{figure}"},
        ),
    log:
        PATHS.log("draw", "{dataset}", "{model}", "{loss}"),
    benchmark:
        PATHS.benchmark("draw", "{dataset}", "{model}", "{loss}")
    group:
        "evaluations"
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        turn=1,
        mem_mb=jobs.memory(2000, 10, in_part=["dataset"]),
        runtime=jobs.minutes(10),
    params:
        prediction=lambda wildcards: PLAN.job(**wildcards).prediction,
        figures=lambda wildcards: [figure.name for figure in PLAN.figures("run", wildcards.dataset)],
        code=lambda wildcards: code_digest("draw", PLAN.figure_modules("run", wildcards.dataset)),
    message:
        "drawing {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/draw.py"
