"""The config: its blocks, the plan that follows from them, and every path of the results tree.

The blocks (:mod:`skybake.config.blocks`) are the single source of ``schemas/config.schema.json`` and
``docs/config.md``, written by :mod:`skybake.config.page` (``make docs``); a test keeps them in step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from skybake.config import applications, labels, reference, starts
from skybake.config.blocks import Config
from skybake.config.checks import find_clashes, find_problems, head_problems
from skybake.config.messages import ConfigError, message_of, validation_problems
from skybake.config.plan import Plan


def make_plan(given: Mapping[str, Any], *, raw_is_here: bool = True) -> Plan:
    """Check a config and return what follows from it.

    Args:
        given: As read from YAML.
        raw_is_here: False where Snakemake takes the raw files from a storage, and says itself which of them is missing.

    Raises:
        ConfigError: One message with every problem found: the key, the value, what is allowed, the nearest valid name.
    """
    try:
        config = Config.model_validate(_with_text_keys(given))
    except ValidationError as error:
        raise ConfigError(message_of(validation_problems(error, Config))) from None
    problems = list(dict.fromkeys([*find_problems(config, raw_is_here), *labels.problems(config)]))
    if problems:
        raise ConfigError(message_of(problems))
    checked = Plan(config)
    problems = [*head_problems(checked), *find_clashes(checked), *dict.fromkeys(starts.problems(checked, raw_is_here))]
    problems += reference.problems(
        config.compare_with, {name: checked.select(dataset=name) for name in config.datasets}
    )
    if raw_is_here:
        problems += reference.problems_of_results(config.compare_with_results, checked.paths.results)
    problems += applications.problems(checked)
    if problems:
        raise ConfigError(message_of(problems))
    return checked


def _with_text_keys(node: Any) -> Any:
    """Return blocks with names that are text: YAML reads 12 as a number."""
    if not isinstance(node, Mapping):
        return node
    return {str(key): _with_text_keys(value) for key, value in node.items()}
