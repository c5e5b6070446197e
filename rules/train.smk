"""
Train every (dataset, model, loss) with all its seeds in one job; a seed that is done already is not trained again.

in:   results/<dataset>/dataset.h5, results/<dataset>/split-<seed>.h5, the trained network that it starts from, if any
out:  results/<dataset>/runs/<model>/<loss>/seed-<seed>/: model.keras, predictor.keras,
      summary.csv, architecture.dot, history.csv, predictions.h5, timing.json, run.json

There is one rule for the networks of each bake-off, one for its baselines that use a seed, and one for those that are
fitted once: the seeds of a rule's outputs are the bake-off's.
"""

for name, bakeoff in PLAN.config.bakeoffs.items():
    if bakeoff.sweep is None:  # else the networks go through rules/sweep.smk

        rule:
            name:
                f"train_{name}"
            input:
                dataset=PATHS.dataset(),
                split=lambda wildcards: PLAN.split(wildcards.dataset),
                start=lambda wildcards: PLAN.start(**wildcards),
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
                job=lambda wildcards: PLAN.training_job(**wildcards).params(),
                work=lambda wildcards: f"{PATHS.job(**wildcards)}/.work",  # no output: it survives a failed job
                code=lambda wildcards: code_digest("train", PLAN.modules_of_job(**wildcards)),
            message:
                "training {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
            script:
                "../scripts/train.py"

    for seeds in PLAN.baseline_seeds(name):

        rule:
            name:
                f"fit_{'seeded_' if len(seeds) > 1 else ''}baseline_{name}"
            input:
                dataset=PATHS.dataset(),
                split=lambda wildcards: PLAN.split(wildcards.dataset),
            output:
                [PATHS.run(file, seed) for seed in seeds for file in paths.BASELINE_FILES],
            log:
                PATHS.log("train", "{dataset}", "{model}", "{loss}"),
            benchmark:
                PATHS.benchmark("train", "{dataset}", "{model}", "{loss}")
            wildcard_constraints:
                **PLAN.constraints(name, networks=False, seeds=seeds),
            group:
                "baselines"
            conda:
                "../envs/data.yaml"
            container:
                f"{IMAGES}/data.sif"
            resources:
                turn=1,
                mem_mb=jobs.memory(1000, 8, at_most=2000),
                runtime=jobs.minutes(60),
            params:
                job=lambda wildcards: PLAN.training_job(**wildcards).params(),
                work=lambda wildcards: f"{PATHS.job(**wildcards)}/.work",  # no output: it survives a failed job
                code=lambda wildcards: code_digest("fit_baseline", PLAN.modules_of_job(**wildcards)),
            message:
                "fitting {wildcards.model} on {wildcards.dataset}"
            script:
                "../scripts/fit_baseline.py"
