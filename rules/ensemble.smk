"""
Make one predictor of all seeds of each network, without another training.

in:   results/<dataset>/runs/<model>/<loss>/seed-<seed>/predictor.keras, run.json of all seeds
out:  results/<dataset>/runs/<model>/<loss>@ensemble/predictor.keras

It is made where a bake-off asks for it: ensembles: true
"""

for name, bakeoff in PLAN.config.bakeoffs.items():
    if bakeoff.ensembles:

        rule:
            name:
                f"join_seeds_{name}"
            input:
                lambda wildcards: [
                    f"{folder}/{file}"
                    for folder in PLAN.run_folders(**wildcards).values()
                    for file in ("predictor.keras", "run.json")
                ],
            output:
                PATHS.ensemble(),
            log:
                PATHS.log("join_seeds", "{dataset}", "{model}", "{loss}"),
            benchmark:
                PATHS.benchmark("join_seeds", "{dataset}", "{model}", "{loss}")
            wildcard_constraints:
                **PLAN.constraints(name, networks=True),
            conda:
                f"../envs/{TRAINED_IN[name]}.yaml"
            container:
                f"{IMAGES}/{TRAINED_IN[name]}.sif"
            resources:
                mem_mb=jobs.memory(jobs.TRAINING_MB[TRAINED_IN[name]], 4),
                runtime=jobs.minutes(20),
            params:
                code=lambda wildcards: code_digest("join_seeds", PLAN.modules_of_job(**wildcards)),
            message:
                "joining the seeds of {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
            script:
                "../scripts/join_seeds.py"
