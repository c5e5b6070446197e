"""
Take a first look at a dataset: are centring and units right, what was rejected?

in:   results/<dataset>/dataset.h5, results/<dataset>/rejected.csv
out:  results/<dataset>/explore.html
      results/<dataset>/explore/: its figures
"""


rule explore:
    input:
        dataset=PATHS.dataset(),
        rejected=PATHS.dataset(name="rejected.csv"),
    output:
        html=report(PATHS.dataset(name="explore.html"), caption="../report/explore_page.rst", category="{dataset}"),
        figures=report(
            directory(PATHS.dataset(name="explore")),
            patterns=["{figure}.png"],
            caption="../report/explore_figure.rst",
            category="{dataset}",
            subcategory="explore",
            labels={"figure": "{figure}"},
        ),
    log:
        PATHS.log("explore", "{dataset}"),
    benchmark:
        PATHS.benchmark("explore", "{dataset}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(2000, 4, at_most=8000),  # images are read in blocks
        runtime=jobs.minutes(60),
    params:
        figures=lambda wildcards: [figure.name for figure in PLAN.figures("explore", wildcards.dataset)],
        title=PLAN.config.title,
        config=lambda wildcards: {"datasets": {(of := PLAN.whole(wildcards.dataset)): PLAN.as_dict()["datasets"][of]}},
        code=lambda wildcards: code_digest("explore", PLAN.figure_modules("explore", wildcards.dataset)),
    message:
        "exploring {wildcards.dataset}"
    script:
        "../scripts/explore.py"


# The first look at every dataset, without any training.
rule explored:
    input:
        [PATHS.dataset(name, "explore.html") for name in PLAN.datasets()],
