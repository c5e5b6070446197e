"""
Predict with dropout what networks were trained with it: Monte-Carlo dropout, without another training.

in:   results/<dataset>/runs/<model>/<loss>/seed-<seed>/model.keras, run.json, timing.json of all seeds
      results/<dataset>/dataset.h5, results/<dataset>/split-<seed>.h5
out:  results/<dataset>/runs/<model>/<loss>@mc_dropout/seed-<seed>/: history.csv (empty), predictions.h5, timing.json,
      run.json

It is made where a bake-off asks for it: mc_dropout: 25
"""

for name, bakeoff in PLAN.config.bakeoffs.items():
    if bakeoff.mc_dropout:

        rule:
            name:
                f"predict_with_dropout_{name}"
            input:
                runs=lambda wildcards: [
                    f"{folder}/{file}"
                    for folder in PLAN.run_folders(**wildcards).values()
                    for file in ("model.keras", "run.json", "timing.json")
                ],
                dataset=PATHS.dataset(),
                split=lambda wildcards: PLAN.split(wildcards.dataset),
            output:
                [PATHS.dropout(file, seed) for seed in bakeoff.seeds for file in paths.BASELINE_FILES],
            log:
                PATHS.log("predict_with_dropout", "{dataset}", "{model}", "{loss}"),
            benchmark:
                PATHS.benchmark("predict_with_dropout", "{dataset}", "{model}", "{loss}")
            wildcard_constraints:
                **PLAN.constraints(name, networks=True),
            conda:
                f"../envs/{TRAINED_IN[name]}.yaml"
            container:
                f"{IMAGES}/{TRAINED_IN[name]}.sif"
            threads: bakeoff.training.threads
            resources:
                mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[name]], 8, at_most=bakeoff.training.memory_limit_mb),
                runtime=jobs.minutes(60),
            params:
                passes=bakeoff.mc_dropout,
                code=lambda wildcards: code_digest("predict_with_dropout", PLAN.modules_of_job(**wildcards)),
            message:
                "predicting with dropout: {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
            script:
                "../scripts/predict_with_dropout.py"
