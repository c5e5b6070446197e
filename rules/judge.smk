"""
Judge every (dataset, model, loss): the only place where test labels meet predictions.

in:   results/<dataset>/runs/<model>/<loss>/seed-<seed>/ of all seeds
      results/<dataset>/dataset.h5: labels and scalars
out:  results/<dataset>/evaluation/<model>/<loss>/metrics.json
      results/<dataset>/evaluation/<model>/<loss>/failures.csv: the test objects that are predicted worst

A group of evaluations holds rows whole: a row is judged, then drawn (draw.smk), in the same job.
"""


rule judge:
    input:
        runs=lambda wildcards: PLAN.run_files(**wildcards),
        dataset=PATHS.dataset(),
    output:
        metrics=PATHS.evaluation("metrics.json"),
        failures=PATHS.evaluation("failures.csv"),
    log:
        PATHS.log("judge", "{dataset}", "{model}", "{loss}"),
    benchmark:
        PATHS.benchmark("judge", "{dataset}", "{model}", "{loss}")
    group:
        "evaluations"
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        turn=1,
        mem_mb=jobs.memory(2000, 10, in_part=["dataset"]),
        runtime=jobs.minutes(20),
    params:
        prediction=lambda wildcards: PLAN.job(**wildcards).prediction,
        statistics=PLAN.config.statistics.model_dump(),
        outlier=lambda wildcards: PLAN.config.datasets[wildcards.dataset].outlier,
        code=code_digest("judge", PLAN.metric_modules()),
    message:
        "judging {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/judge.py"
