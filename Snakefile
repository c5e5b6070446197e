from skybake import config as settings
from skybake.discovery import code_digest

# Another bake-off is a file of its own, given by --configfile: the default one is not mixed into it.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.basedir}/config.yaml"


PLAN = settings.plan(config)
PATHS = PLAN.paths


wildcard_constraints:
    dataset=r"[^/]+",
    model=r"[^/]+",
    loss=r"[^/]+",
    point=r"[^/]+=[^/]+|as_given",
    split_seed=r"\d+",


include: "rules/simulate.smk"
include: "rules/fetch.smk"
include: "rules/ingest.smk"
include: "rules/explore.smk"
include: "rules/split.smk"
include: "rules/train.smk"
include: "rules/sweep.smk"
include: "rules/evaluate.smk"
include: "rules/compare.smk"


rule all:
    default_target: True
    input:
        rules.join.output,
        rules.explored.input,
        PLAN.everything(),


# Failed jobs do not cost the report: it shows them, and Snakemake's exit code says so.
onerror:
    from skybake.report import unfinished

    unfinished.bake(PLAN)
