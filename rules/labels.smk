"""
Give each label beside the first, of a dataset that has several, a dataset and runs of its own.

in:   results/<dataset>/dataset.h5, rejected.csv
      results/<dataset>/runs/<model>/<loss>/seed-<seed>/ of all seeds, whose networks predict all labels
out:  results/<dataset>@<label>/dataset.h5, rejected.csv
      results/<dataset>@<label>/runs/<model>/<loss>/seed-<seed>/: history.csv, predictions.h5, timing.json, run.json,
      summary.csv, architecture.dot

Baselines are fitted for each label (train.smk). What follows sees a dataset of one label.
"""


rule take_label:
    input:
        dataset=lambda wildcards: PATHS.dataset(PLAN.whole(wildcards.dataset)),
        rejected=lambda wildcards: PATHS.dataset(PLAN.whole(wildcards.dataset), "rejected.csv"),
    output:
        dataset=PATHS.dataset(),
        rejected=PATHS.dataset(name="rejected.csv"),
    log:
        PATHS.log("take_label", "{dataset}"),
    benchmark:
        PATHS.benchmark("take_label", "{dataset}")
    wildcard_constraints:
        dataset=r"[^/@]+@[^/]+",
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(60),
    params:
        label=lambda wildcards: PLAN.label(wildcards.dataset),
        code=code_digest("take_label"),
    message:
        "taking the label of {wildcards.dataset}"
    script:
        "../scripts/take_label.py"


for name, bakeoff in PLAN.config.bakeoffs.items():
    if PLAN.taken(name):

        rule:
            name:
                f"take_runs_{name}"
            input:
                runs=lambda wildcards: PLAN.runs_of_all_labels(**wildcards),
                dataset=PATHS.dataset(),
            output:
                [
                    PATHS.run(file, seed)
                    for seed in bakeoff.seeds
                    for file in (*paths.BASELINE_FILES, *paths.ARCHITECTURE_FILES)
                ],
            log:
                PATHS.log("take_runs", "{dataset}", "{model}", "{loss}"),
            benchmark:
                PATHS.benchmark("take_runs", "{dataset}", "{model}", "{loss}")
            wildcard_constraints:
                **PLAN.taken(name),
            conda:
                "../envs/report.yaml"
            container:
                f"{IMAGES}/report.sif"
            resources:
                mem_mb=jobs.memory(1000),
                runtime=jobs.minutes(20),
            params:
                code=code_digest("take_runs"),
            message:
                "taking what {wildcards.model} with {wildcards.loss} predicts of {wildcards.dataset}"
            script:
                "../scripts/take_runs.py"
