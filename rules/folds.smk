"""
Put the folds of every (dataset, model, loss) together, where a dataset is split several times.

in:   results/<dataset>/runs/<model>/<loss>@fold-<fold>/seed-<seed>/ of all folds and seeds
out:  results/<dataset>/runs/<model>/<loss>/seed-<seed>/: history.csv, predictions.h5, timing.json, run.json
      and of a network summary.csv, architecture.dot

Each fold is trained by rules/train.smk or rules/sweep.smk, as a loss of its own; what follows sees the folds together.
"""

for name in PLAN.config.bakeoffs:
    for number, pool in enumerate(PLAN.pools(name)):

        rule:
            name:
                f"pool_folds_{name}_{number}"
            input:
                runs=lambda wildcards: PLAN.fold_files(**wildcards),
                dataset=PATHS.dataset(),
            output:
                [
                    PATHS.run(file, seed)
                    for seed in pool["seeds"]
                    for file in (*paths.BASELINE_FILES, *(paths.ARCHITECTURE_FILES if pool["networks"] else ()))
                ],
            log:
                PATHS.log("pool_folds", "{dataset}", "{model}", "{loss}"),
            benchmark:
                PATHS.benchmark("pool_folds", "{dataset}", "{model}", "{loss}")
            wildcard_constraints:
                **pool["names"],
            conda:
                "../envs/report.yaml"
            container:
                f"{IMAGES}/report.sif"
            resources:
                mem_mb=jobs.memory(1000, 4),
                runtime=jobs.minutes(20),
            params:
                code=code_digest("pool_folds"),
            message:
                "putting the folds of {wildcards.model} with {wildcards.loss} on {wildcards.dataset} together"
            script:
                "../scripts/pool_folds.py"
