"""Short steps share a SLURM job: how much it asks for, and what one that fails costs the others of its group.

The groups are named in the rules, and a profile says how many steps make one (``group-components``). Snakemake decides
which, before anything runs: it cannot know which trainings will fail. Of its own it would wait for ever with all
rows of a group of which one training failed, and take back the results of all when one of them fails.
"""

from __future__ import annotations

import snakemake.api  # noqa: F401  before the others, which are imported in a circle
from snakemake.dag import DAG
from snakemake.jobs import AbstractJob, GroupJob, Job
from snakemake.logging import logger
from snakemake.scheduling.job_scheduler import JobScheduler
from snakemake.workflow import Workflow

TURN = "turn"  # a resource of each step that may be in a group, which is there once: one runs after the other


def start(workflow: Workflow) -> None:
    """Let groups ask for what one step needs, and divide them where a step fails; for ``onstart``.

    A group asks for the memory and processors of one step and the time of all, since its steps follow one another.
    """
    if not workflow.local_exec:  # there steps run beside each other, without groups
        workflow.global_resources[TURN] = 1
        divide_on_failure(workflow.scheduler)


def divide_on_failure(scheduler: JobScheduler) -> None:
    """Let a job that fails cost nothing but itself and what needs it.

    A group that fails is divided: each of its steps is tried again in a job of its own. The steps that need a job which
    has failed for good leave their groups, and the others go on without them.
    """
    handle = scheduler._handle_error

    def handle_and_divide(job: AbstractJob, postprocess_job: bool = True) -> None:
        errors = scheduler._errors
        handle(job, postprocess_job)
        if job.is_group() and len(job) > 1:
            scheduler._errors = errors  # it is not over: its steps are tried again
            scheduler.failed.discard(job)
            _divide(scheduler, job)
        elif job in scheduler.failed:
            _leave(scheduler, job)

    scheduler._handle_error = handle_and_divide


def _divide(scheduler: JobScheduler, group: GroupJob) -> None:
    """Make a job of its own of each step of a group that failed."""
    dag = scheduler.workflow.dag
    dag._ready_jobs.discard(group)
    dag._running.discard(group)
    logger.info(f"Each of the {len(group)} steps of group {group.groupid} is tried again in a job of its own.")
    for job in group:
        _regroup(dag, [job], group.attempt)
    dag.update_ready(list(group))


def _leave(scheduler: JobScheduler, failed: AbstractJob) -> None:
    """Take the steps that need a failed job out of their groups."""
    dag = scheduler.workflow.dag
    needing = set(dag.bfs(dag.depending, *(failed if failed.is_group() else [failed])))
    for group in {dag.get_job_group(job) for job in needing} - {None}:
        rest = [job for job in group if job not in needing]
        if rest:
            for job in needing.intersection(group):
                _regroup(dag, [job], group.attempt)
            _regroup(dag, rest, group.attempt)
            dag.update_ready(rest)


def _regroup(dag: DAG, jobs: list[Job], attempt: int) -> None:
    # Not from Snakemake's factory, which gives the merged group again for one of its steps.
    group = GroupJob(jobs[0].group, frozenset(jobs), dag.workflow.global_resources)
    group.finalize()
    group.attempt = attempt
    dag._group.update(dict.fromkeys(jobs, group))
