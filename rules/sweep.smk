"""
Train every point of a sweep, choose the best on the validation part, and let only that one predict the test part.

in:   results/<dataset>/dataset.h5, results/<dataset>/split-<seed>.h5, the trained network that it starts from, if any
out:  results/<dataset>/sweeps/<model>/<loss>/<point>/seed-<seed>/: as a run, without the test part, layers and predictor
      results/<dataset>/sweeps/<model>/<loss>/rung-<rung>.json: the trials that go on, of successive halving
      results/<dataset>/sweeps/<model>/<loss>/sweep.json, sweep.csv: what every point reached, and the choice
      results/<dataset>/runs/<model>/<loss>/seed-<seed>/: the run of the chosen point

All networks of a bake-off that sweeps anything go this way; one of which nothing is swept is a sweep of one point.
"""

for name, bakeoff in PLAN.config.bakeoffs.items():
    if bakeoff.sweep is None:
        continue

    rule:
        name:
            f"train_point_{name}"
        input:
            dataset=PATHS.dataset(),
            split=lambda wildcards: PLAN.split(wildcards.dataset),
            start=lambda wildcards: PLAN.start(**wildcards),
            survivors=lambda wildcards: PLAN.survivors(**wildcards),
            before=lambda wildcards: PLAN.before(**wildcards),
        output:
            [PATHS.sweep(f"{{point}}/seed-{seed}/{file}") for seed in bakeoff.seeds for file in paths.POINT_FILES],
        log:
            PATHS.log("train", "{dataset}", "{model}", "{loss}", "{point}"),
        benchmark:
            PATHS.benchmark("train", "{dataset}", "{model}", "{loss}", "{point}")
        wildcard_constraints:
            **PLAN.constraints(name, networks=True),
        conda:
            f"../envs/{TRAINED_IN[name]}.yaml"
        container:
            f"{IMAGES}/{TRAINED_IN[name]}.sif"
        threads: bakeoff.training.threads
        resources:
            mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[name]], 8, at_most=bakeoff.training.memory_limit_mb),
            runtime=jobs.minutes(240),
        params:
            job=lambda wildcards: PLAN.training_job(**wildcards).params(),
            trial=lambda wildcards: PLAN.trial(**wildcards),
            work=lambda wildcards: PLAN.point_work(**wildcards),  # no output: it survives a failed job
            code=lambda wildcards: code_digest("train_point", PLAN.modules_of_job(**wildcards)),
        message:
            "training {wildcards.model} with {wildcards.loss} on {wildcards.dataset}: {wildcards.point}"
        script:
            "../scripts/train_point.py"

    rule:
        name:
            f"test_chosen_{name}"
        input:
            points=lambda wildcards: PLAN.sweep_files(**wildcards),
            choice=PATHS.sweep("sweep.json"),
            dataset=PATHS.dataset(),
            split=lambda wildcards: PLAN.split(wildcards.dataset),
        output:
            [PATHS.run(file, seed) for seed in bakeoff.seeds for file in paths.NETWORK_FILES],
        log:
            PATHS.log("train", "{dataset}", "{model}", "{loss}"),
        benchmark:
            PATHS.benchmark("train", "{dataset}", "{model}", "{loss}")
        wildcard_constraints:
            **PLAN.constraints(name, networks=True),
        conda:
            f"../envs/{TRAINED_IN[name]}.yaml"
        container:
            f"{IMAGES}/{TRAINED_IN[name]}.sif"
        threads: bakeoff.training.threads
        resources:
            mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[name]], 8, at_most=bakeoff.training.memory_limit_mb),
            runtime=jobs.minutes(240),
        params:
            jobs=lambda wildcards: PLAN.point_jobs(**wildcards),
            work=lambda wildcards: f"{PATHS.job(**wildcards)}/.work",  # no output: it survives a failed job
            code=lambda wildcards: code_digest("test_chosen", PLAN.modules_of_job(**wildcards)),
        message:
            "testing the chosen {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
        script:
            "../scripts/test_chosen.py"


localrules:
    choose_point,
    end_rung,


rule end_rung:
    input:
        points=lambda wildcards: PLAN.rung_files(
            wildcards.dataset, wildcards.model, wildcards.loss, int(wildcards.rung)
        ),
        dataset=PATHS.dataset(),
    output:
        PATHS.sweep("rung-{rung}.json"),
    log:
        PATHS.log("end_rung", "{dataset}", "{model}", "{loss}", "{rung}"),
    benchmark:
        PATHS.benchmark("end_rung", "{dataset}", "{model}", "{loss}", "{rung}")
    wildcard_constraints:
        rung=r"\d+",
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(10),
    params:
        trials=lambda wildcards: PLAN.trials(wildcards.dataset, wildcards.model, wildcards.loss),
        code=code_digest("end_rung"),
    message:
        "choosing who goes on from rung {wildcards.rung}: {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/end_rung.py"


rule choose_point:
    input:
        points=lambda wildcards: PLAN.sweep_files(**wildcards),
        dataset=PATHS.dataset(),
    output:
        choice=PATHS.sweep("sweep.json"),
        table=report(PATHS.sweep("sweep.csv"), caption="../report/sweep_table.rst", category="{dataset}"),
    log:
        PATHS.log("choose_point", "{dataset}", "{model}", "{loss}"),
    benchmark:
        PATHS.benchmark("choose_point", "{dataset}", "{model}", "{loss}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(1000),
        runtime=jobs.minutes(10),
    params:
        points=lambda wildcards: PLAN.swept_values(**wildcards),
        code=code_digest("choose_point"),
    message:
        "choosing among the points of {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/choose_point.py"


# All sweeps up to their choice, without a look at the test part.
rule swept:
    input:
        PLAN.sweeps(),
