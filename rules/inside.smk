"""
Look inside the networks: what their predictions rest on, and the kernels of their first layers.

in:   results/<dataset>/dataset.h5, results/<dataset>/split-<seed>.h5
      results/<dataset>/runs/<model>/<loss>/seed-<first seed>/
out:  results/<dataset>/inside/<model>/<loss>/inside.h5: the numbers
      results/<dataset>/inside/<model>/<loss>/figures/

It is done with the rest where the config asks for it, else by: snakemake inside
"""

for name in PLAN.config.bakeoffs:

    rule:
        name:
            f"look_inside_{name}"
        input:
            run=lambda wildcards: PLAN.first_run(**wildcards),
            dataset=PATHS.dataset(),
            split=lambda wildcards: PLAN.split(wildcards.dataset),
        output:
            PATHS.inside("inside.h5"),
        log:
            PATHS.log("look_inside", "{dataset}", "{model}", "{loss}"),
        benchmark:
            PATHS.benchmark("look_inside", "{dataset}", "{model}", "{loss}")
        wildcard_constraints:
            **PLAN.constraints(name, networks=True),
        conda:
            f"../envs/{TRAINED_IN[name]}.yaml"
        container:
            f"{IMAGES}/{TRAINED_IN[name]}.sif"
        resources:
            mem_mb=jobs.memory(4000),
            runtime=jobs.minutes(60),
        params:
            inside=lambda wildcards: PLAN.inside_settings(**wildcards),
            code=lambda wildcards: code_digest("look_inside", PLAN.modules_of_job(**wildcards)),
        message:
            "looking inside {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
        script:
            "../scripts/look_inside.py"


rule draw_inside:
    input:
        PATHS.inside("inside.h5"),
    output:
        report(
            directory(PATHS.inside("figures")),
            patterns=["{figure}.png"],
            caption="../report/inside_figure.rst",
            category="{dataset}",
            subcategory="{model}",
            labels={"model": "{model}", "loss": "{loss}", "figure": "{figure}"},
        ),
    log:
        PATHS.log("draw_inside", "{dataset}", "{model}", "{loss}"),
    benchmark:
        PATHS.benchmark("draw_inside", "{dataset}", "{model}", "{loss}")
    conda:
        "../envs/report.yaml"
    container:
        f"{IMAGES}/report.sif"
    resources:
        mem_mb=jobs.memory(2000),
        runtime=jobs.minutes(10),
    params:
        figures=lambda wildcards: [figure.name for figure in PLAN.figures("inside", wildcards.dataset)],
        code=lambda wildcards: code_digest("draw_inside", PLAN.figure_modules("inside", wildcards.dataset)),
    message:
        "drawing what is inside {wildcards.model} with {wildcards.loss} on {wildcards.dataset}"
    script:
        "../scripts/draw_inside.py"


# A look inside all networks, whether the config asks for it or not.
rule inside:
    input:
        PLAN.insides(asked=False),
