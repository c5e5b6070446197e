import sys
from uuid import uuid4

from skybake.config import make_plan
from skybake.config import paths
from skybake.config import states
from skybake.config import yaml_files
from skybake import attempts
from skybake.workflow import containers
from skybake.workflow import endings
from skybake.workflow import jobs
from skybake.workflow import locks
from skybake.workflow import profiles
from skybake.workflow import refusals
from skybake.workflow import sigterm
from skybake.workflow.digests import code_digest

# Another bake-off is a file of its own, given by --configfile: the default one is not mixed into it.
if not workflow.overwrite_configfiles:

    configfile: f"{workflow.basedir}/config.yaml"


with refusals.alone():
    OVERRIDDEN = yaml_files.overridden(workflow.overwrite_configfiles or [f"{workflow.basedir}/config.yaml"])
    PLAN = make_plan(config, raw_is_here=not workflow.storage_settings.default_storage_prefix)
if workflow.is_main_process:
    endings.say_at_exit(sys.argv)
    if not containers.are_used(workflow.deployment_settings.deployment_method):
        endings.hold_for_scripts()
    print(*OVERRIDDEN, sep="\n", end="\n" if OVERRIDDEN else "", file=sys.stderr)
sigterm.forward_to_scripts()
jobs.wait_to_submit()
sys.executable = jobs.without_blank(sys.executable)  # Snakemake does not quote it
PATHS = PLAN.paths
locks.of_results(PATHS.results)
attempts.begin_run(locks.records_of(PATHS.results))
attempts.note_slurm_job(jobs.asked_of_this_job(sys.argv))
CONTAINERS = containers.are_used(workflow.deployment_settings.deployment_method)
DATA_KINDS = ["data", "mock"] if any(map(PLAN.is_mock, PLAN.datasets())) else ["data"]  # real data need no simulator
IMAGES = jobs.without_blank(f"{workflow.basedir}/containers/images", needed=CONTAINERS)  # by: snakemake containers

# Every bake-off has training rules of its own: what a profile gives `train` goes to all of them.
DEVICES = {name: bakeoff.training.device for name, bakeoff in PLAN.config.bakeoffs.items()}
DEFAULTS = workflow.resource_settings.default_resources or {}
NAMED = list(workflow.resource_settings.overwrite_resources)
with refusals.alone():
    profiles.check(workflow.resource_settings.overwrite_resources, DEFAULTS)
GIVEN = jobs.shared_by_trainings(workflow.resource_settings.overwrite_resources, DEFAULTS, DEVICES)
GIVEN = jobs.shared_by_doctors(GIVEN, DEVICES)
APPLIED_AS = {
    name: jobs.applied_as(GIVEN, DEFAULTS, found.bakeoffs, DEVICES) for name, found in PLAN.applications.items()
}
GIVEN = jobs.shared_by_applications(GIVEN, APPLIED_AS)
workflow.resource_settings.overwrite_resources = GIVEN
TRAINED_IN = {name: jobs.environment(GIVEN, DEFAULTS, name, device) for name, device in DEVICES.items()}
TRAINED_IN |= {f"apply/{name}": TRAINED_IN[bakeoff] for name, bakeoff in APPLIED_AS.items()}

# Raw data may lie anywhere: a container sees their folders too.
SEEN = [workflow.basedir, "."]
BINDS = jobs.with_binds(workflow.deployment_settings.apptainer_args, PLAN.given_files(), SEEN)
workflow.deployment_settings.apptainer_args = BINDS


# Steps of a group take turns, so that their job asks for the memory of one: skybake/workflow/groups.py.
resource_scopes:
    turn="local",


wildcard_constraints:
    dataset=r"(?!difference/)[^/]+",  # its page is that of no dataset
    apply=r"[^/]+",
    model=r"[^/]+",
    loss=r"[^/]+",
    point=r"[^/]+=[^/]+|as_given",
    split_seed=r"\d+",


include: "rules/simulate.smk"
include: "rules/fetch.smk"
include: "rules/ingest.smk"
include: "rules/labels.smk"
include: "rules/explore.smk"
include: "rules/split.smk"
include: "rules/limit.smk"
include: "rules/train.smk"
include: "rules/sweep.smk"
include: "rules/folds.smk"
include: "rules/ensemble.smk"
include: "rules/dropout.smk"
include: "rules/judge.smk"
include: "rules/draw.smk"
include: "rules/compare.smk"
include: "rules/inside.smk"
include: "rules/apply.smk"
include: "rules/difference.smk"
include: "rules/containers.smk"
include: "rules/doctor.smk"


with refusals.alone():
    profiles.check_rules(NAMED, [*jobs.rules_for_trainings(DEVICES), *(rule.name for rule in workflow.rules)])


rule all:
    default_target: True
    input:
        rules.join.output,
        rules.explored.input,
        PLAN.everything(),
        PLAN.insides(asked=True),


onstart:
    from skybake.workflow import groups
    from skybake.workflow.doctor import login

    attempts.forget_other_runs()
    groups.start(workflow)
    if login.is_asked(workflow):
        login.begin(DOCTORS, workflow)
    if CONTAINERS:
        containers.check(workflow.dag.container_imgs)
    if not workflow.storage_settings.default_storage_prefix:
        endings.watch(PATHS.results)  # makes the folder: only now is it sure that there will be results


onsuccess:
    from skybake.workflow import storage
    from skybake.workflow.doctor import login
    from skybake.report import summary

    if login.is_asked(workflow):
        login.end(DOCTORS, workflow)
    else:
        with storage.copied(workflow, PLAN, summary.needed(PLAN)) as (plan, _):
            summary.say(plan)


# Failed jobs do not cost the report: it shows them, and Snakemake's exit code says so.
onerror:
    from skybake.workflow import storage
    from skybake.workflow.doctor import login
    from skybake.report import unfinished

    if login.is_asked(workflow):
        login.end(DOCTORS, workflow)
    elif not endings.interrupted():
        with storage.copied(workflow, PLAN, unfinished.needed(PLAN)) as (plan, written):
            written += unfinished.write_reports(plan)
