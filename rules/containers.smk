"""
Build the images in which steps run with `--software-deployment-method apptainer`: snakemake containers

in:   containers/<kind>.def, requirements/<kind>.lock
out:  containers/images/<kind>.sif, beside the Snakefile

The base image is docker's python:3.11-slim, or the image file that the environment variable SKYBAKE_BASE_IMAGE names,
for a machine that reaches no registry. APPTAINER_BIND lends files of this machine to the build, e.g. /etc/pip.conf.
"""


localrules:
    build_image,
    containers,


rule build_image:
    input:
        definition=f"{workflow.basedir}/containers/{{kind}}.def",
        lock=f"{workflow.basedir}/requirements/{{kind}}.lock",
    output:
        f"{IMAGES}/{{kind}}.sif",
    log:
        f"{IMAGES}/{{kind}}.log",
    benchmark:
        f"{IMAGES}/{{kind}}.tsv"
    wildcard_constraints:
        kind="|".join(jobs.ENVIRONMENTS),
    conda:
        "../envs/data.yaml"
    message:
        "building the image {wildcards.kind}"
    script:
        "../scripts/build_image.py"


rule containers:
    input:
        expand(f"{IMAGES}/{{kind}}.sif", kind=[*DATA_KINDS, *sorted({*TRAINED_IN.values()}), "report"]),
