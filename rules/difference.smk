"""
Tell what changed since earlier results of the same bake-off, or of a similar one.

in:   results/<dataset>/comparison.csv, runs of all rows
      <earlier results>/comparison.csv, and all that lies beside, as far as it can be read
out:  results/difference/report.html, difference.csv, figures/

Only where it is asked for: snakemake difference
"""


rule write_difference:
    input:
        csv=PLAN.compared("comparison.csv"),
        runs=[file for dataset in PLAN.datasets() for file in PLAN.compared_runs(dataset)],
        metrics=[file for dataset in PLAN.datasets() for file in PLAN.evaluations(dataset, "metrics.json")],
        datasets=PLAN.compared("dataset.h5"),
        config=PATHS.config(),
        earlier=[f"{folder}/comparison.csv" for folder in PLAN.earlier_results],
    output:
        html=report(PATHS.difference("report.html"), caption="../report/difference_page.rst", category="difference"),
        csv=PATHS.difference("difference.csv"),
        figures=directory(PATHS.difference("figures")),
    log:
        PATHS.log("write_difference"),
    benchmark:
        PATHS.benchmark("write_difference")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(8000),
        runtime=jobs.minutes(60),
    params:
        now=lambda wildcards: states.of_plan(PLAN),
        earlier=lambda wildcards: [states.of_folder(folder) for folder in PLAN.earlier_results],
        figures={dataset: [item.name for item in PLAN.figures("difference", dataset)] for dataset in PLAN.datasets()},
        title=PLAN.config.title,
        statistics=PLAN.config.statistics.model_dump(),
        display=PLAN.config.display,
        code=code_digest(
            "write_difference",
            sorted({name for dataset in PLAN.datasets() for name in PLAN.figure_modules("difference", dataset)})
            + PLAN.metric_modules(),
        ),
    message:
        "telling what changed since {input.earlier}"
    script:
        "../scripts/write_difference.py"


rule difference:
    input:
        lambda wildcards: states.pages(PLAN),
