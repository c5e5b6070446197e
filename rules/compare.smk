"""
Bake the comparison: one page and table for each dataset, and one that joins them.

in:   results/<dataset>/evaluation/<model>/<loss>/metrics.json, figures/ and runs of all combinations
      results/<dataset>/limit.json: of simulated datasets that have it
out:  results/<dataset>/chosen.json: the row that is best on the validation part, for what comes after
      results/<dataset>/comparison.csv, comparison.tex, comparison.json: tables, and paired differences
      results/<dataset>/verdict.json: the chosen network against the best baseline
      results/<dataset>/report.html, figures/, published.csv: published numbers beside ours
      results/report.html, results/comparison.csv
      results/config.yaml: the merged config, every default written out
"""


localrules:
    write_config,
    choose,
    join,


rule write_config:
    output:
        PATHS.config(),
    log:
        PATHS.log("write_config"),
    benchmark:
        PATHS.benchmark("write_config")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    params:
        config=PLAN.as_dict(),
        code=code_digest("write_config"),
    message:
        "writing the merged config"
    script:
        "../scripts/write_config.py"


rule choose:
    input:
        runs=lambda wildcards: PLAN.compared_runs(wildcards.dataset),
        metrics=lambda wildcards: PLAN.evaluations(wildcards.dataset, "metrics.json"),
    output:
        PATHS.chosen(),
    log:
        PATHS.log("choose", "{dataset}"),
    benchmark:
        PATHS.benchmark("choose", "{dataset}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(10),
    params:
        rows=lambda wildcards: PLAN.rows(wildcards.dataset),
        code=code_digest("choose"),
    message:
        "choosing among all rows of {wildcards.dataset}"
    script:
        "../scripts/choose.py"


rule compare:
    input:
        chosen=PATHS.chosen(),
        runs=lambda wildcards: PLAN.compared_runs(wildcards.dataset),
        metrics=lambda wildcards: PLAN.evaluations(wildcards.dataset, "metrics.json"),
        sweeps=lambda wildcards: PLAN.sweeps(wildcards.dataset),
        dataset=PATHS.dataset(),
        limit=lambda wildcards: PLAN.limit(wildcards.dataset),
    output:
        csv=report(PATHS.dataset(name="comparison.csv"), caption="../report/comparison_table.rst", category="{dataset}"),
        tex=PATHS.dataset(name="comparison.tex"),
        found=PATHS.dataset(name="comparison.json"),
        verdict=PATHS.dataset(name="verdict.json"),
    log:
        PATHS.log("compare", "{dataset}"),
    benchmark:
        PATHS.benchmark("compare", "{dataset}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(4000, 2, in_part=["dataset"]),
        runtime=jobs.minutes(60),
    params:
        rows=lambda wildcards: PLAN.rows(wildcards.dataset),
        statistics=PLAN.config.statistics.model_dump(),
        reference=lambda wildcards: PLAN.reference(wildcards.dataset),
        code=code_digest("compare", PLAN.metric_modules()),
    message:
        "comparing all models and losses on {wildcards.dataset}"
    script:
        "../scripts/compare.py"


rule write_page:
    input:
        chosen=PATHS.chosen(),
        runs=lambda wildcards: PLAN.compared_runs(wildcards.dataset),
        architectures=lambda wildcards: PLAN.architectures(wildcards.dataset),  # lie in folders of runs
        metrics=lambda wildcards: PLAN.evaluations(wildcards.dataset, "metrics.json"),
        failures=lambda wildcards: PLAN.evaluations(wildcards.dataset, "failures.csv"),
        figures=lambda wildcards: PLAN.evaluations(wildcards.dataset, "figures"),
        sweeps=lambda wildcards: PLAN.sweeps(wildcards.dataset),
        comparison=PATHS.dataset(name="comparison.json"),
        verdict=PATHS.dataset(name="verdict.json"),
        config=PATHS.config(),
        dataset=PATHS.dataset(),
        rejected=PATHS.dataset(name="rejected.csv"),
        split=lambda wildcards: PLAN.split(wildcards.dataset),
        audit=lambda wildcards: PLAN.audit(wildcards.dataset),
        limit=lambda wildcards: PLAN.limit(wildcards.dataset),
    output:
        html=report(PATHS.dataset(name="report.html"), caption="../report/comparison_page.rst", category="{dataset}"),
        published=PATHS.dataset(name="published.csv"),
        figures=report(
            directory(PATHS.dataset(name="figures")),
            patterns=["{figure}.png"],
            caption="../report/comparison_figure.rst",
            category="{dataset}",
            labels={"figure": "{figure}"},
        ),
    log:
        PATHS.log("write_page", "{dataset}"),
    benchmark:
        PATHS.benchmark("write_page", "{dataset}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(4000, 2, in_part=["dataset"]),  # rows are read one after another
        runtime=jobs.minutes(30),
    params:
        rows=lambda wildcards: PLAN.rows(wildcards.dataset),  # logs too: those of a failed job are no output
        figures=lambda wildcards: [figure.name for figure in PLAN.figures("comparison", wildcards.dataset)],
        title=PLAN.config.title,
        published=lambda wildcards: PLAN.published(wildcards.dataset),
        apply=lambda wildcards: PLAN.how_to_apply(wildcards.dataset),
        display=PLAN.config.display,
        code=lambda wildcards: code_digest(
            "write_page", [*PLAN.figure_modules("comparison", wildcards.dataset), *PLAN.metric_modules()]
        ),
    message:
        "writing the page of {wildcards.dataset}"
    script:
        "../scripts/write_page.py"


rule join:
    input:
        csv=PLAN.compared("comparison.csv"),
        verdict=PLAN.compared("verdict.json"),
        found=PLAN.compared("comparison.json"),
        html=PLAN.compared("report.html"),
        figures=PLAN.compared("figures"),
        audits=[PLAN.audit(dataset) for dataset in PLAN.datasets()],
        config=PATHS.config(),
    output:
        csv=f"{PATHS.results}/comparison.csv",
        html=f"{PATHS.results}/report.html",
    log:
        PATHS.log("join"),
    benchmark:
        PATHS.benchmark("join")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(2000),
        runtime=jobs.minutes(10),
    params:
        datasets=PLAN.datasets(),
        title=PLAN.config.title,
        display=PLAN.config.display,
        code=code_digest("join", PLAN.metric_modules()),
    message:
        "joining the comparisons of {PLAN.config.title}"
    script:
        "../scripts/join.py"
