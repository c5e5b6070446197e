"""
Say what this site will do: one short job of each kind of step looks around where it runs.

in:   nothing
out:  results/doctor/<step>.json: what a job found, made anew at every call
      results/doctor/doctor.txt: the lines that are printed at the end

Bake-offs that train alike have one job together; it asks for what a training asks for, the GPU included, but for its
time and memory. What is found stays in the folder of results, also where results go to a storage. A job that fails is a line of its own: the Snakefile's onsuccess and onerror print them all.
"""

DOCTORS = {
    step: f"{PATHS.results}/doctor/{step}.json"
    for step in (
        *DATA_KINDS,
        *(f"train_{name}" for name in jobs.train_differently(GIVEN, PLAN.config.bakeoffs)),
        "report",
    )
}


localrules:
    doctor,


for kind in (*DATA_KINDS, "report"):

    rule:
        name:
            f"doctor_{kind}"
        output:
            local(f"{PATHS.results}/doctor/{kind}.json"),
        log:
            PATHS.log("doctor", kind),
        retries: 0
        conda:
            f"../envs/{kind}.yaml"
        container:
            f"{IMAGES}/{kind}.sif"
        resources:
            mem_mb=1000,
            runtime=5,
        params:
            call=uuid4().hex,
        message:
            f"examining where {kind} runs"
        script:
            "../scripts/examine.py"


for name, bakeoff in PLAN.config.bakeoffs.items():

    rule:
        name:
            f"doctor_train_{name}"
        output:
            local(f"{PATHS.results}/doctor/train_{name}.json"),
        log:
            PATHS.log("doctor", f"train_{name}"),
        retries: 0
        conda:
            f"../envs/{TRAINED_IN[name]}.yaml"
        container:
            f"{IMAGES}/{TRAINED_IN[name]}.sif"
        threads: bakeoff.training.threads
        resources:
            mem_mb=jobs.TRAINING_MB[TRAINED_IN[name]],
            runtime=10,
        params:
            call=uuid4().hex,
            training=bakeoff.training.model_dump(include=jobs.DOCTORED),
        message:
            f"examining where {name} trains"
        script:
            "../scripts/examine_training.py"


rule doctor:
    input:
        [local(found) for found in DOCTORS.values()],
