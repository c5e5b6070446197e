"""The config: its blocks, the plan that follows from them, and every path of the results tree.

The blocks (:mod:`skybake.config.blocks`) are the single source of ``schemas/config.schema.json`` and
``docs/config.md``, written by :mod:`skybake.config.page` (``make docs``); a test keeps them in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from skybake.config import reference
from skybake.config.blocks import Config
from skybake.config.checks import find_clashes, find_problems, head_problems
from skybake.config.messages import ConfigError, message_of, validation_problems
from skybake.config.plan import Plan
from skybake.data.splits.settings import AnyStrategy
from skybake.settings import without_nulls
from skybake.training.images.settings import AnyStep
from skybake.training.optimizers import AnyOptimizer
from skybake.training.schedules.settings import AnySchedule

NAMED = {  # blocks of which a key may be a name
    ("datasets", "*", "split"): AnyStrategy,
    ("bakeoffs", "*", "training", "optimizer"): AnyOptimizer,
    ("bakeoffs", "*", "training", "schedule"): AnySchedule,
    ("bakeoffs", "*", "training", "images"): AnyStep,
}


def make_plan(given: Mapping[str, Any], *, raw_is_here: bool = True) -> Plan:
    """Check a config and return what follows from it.

    Args:
        given: As read from YAML.
        raw_is_here: False where Snakemake takes the raw files from a storage, and says itself which of them is missing.

    Raises:
        ConfigError: One message with every problem found: the key, the value, what is allowed, the nearest valid name.
    """
    try:
        config = Config.model_validate(_without_nulls(given))
    except ValidationError as error:
        raise ConfigError(message_of(validation_problems(error, Config))) from None
    problems = list(dict.fromkeys(find_problems(config, raw_is_here)))
    if problems:
        raise ConfigError(message_of(problems))
    checked = Plan(config)
    problems = [*head_problems(checked), *find_clashes(checked)]
    problems += reference.problems(
        config.compare_with, {name: checked.select(dataset=name) for name in config.datasets}
    )
    if problems:
        raise ConfigError(message_of(problems))
    return checked


def _without_nulls(node: Any, place: tuple[str, ...] = ()) -> Any:
    """Leave out blocks that are null, as YAML has them when all lines below are commented out: defaults hold."""
    if (kind := NAMED.get((*place[:1], "*", *place[2:]))) is not None:
        return without_nulls(kind, node)
    if not isinstance(node, Mapping):
        return node
    meant = ("early_stopping",)
    return {
        str(key): _without_nulls(value, (*place, str(key)))
        for key, value in node.items()
        if value is not None or key in meant
    }
