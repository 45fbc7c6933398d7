"""A setting: a field of a dataclass with the rule that its value keeps, and the check of that rule."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from data_pipeline.common.errors import UserError


def setting(
    default: Any,
    help_text: str,
    *,
    choices: Sequence[str] | None = None,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
) -> Any:
    """A field with the rule that its value keeps; the help text cites the paper's section or says why."""
    rule = {"help": help_text, "choices": choices, "least": least, "above": above, "most": most}
    return dataclasses.field(default=default, metadata=rule)


def check(settings: Any) -> None:
    """Raises UserError for the first field whose value breaks its rule."""
    for field in dataclasses.fields(settings):
        value, rule = getattr(settings, field.name), field.metadata
        if rule["choices"] and value not in rule["choices"]:
            raise UserError(f"--{field.name} must be one of {', '.join(rule['choices'])}. Received: {value}")
        if isinstance(value, float) and not math.isfinite(value):
            raise UserError(f"--{field.name} must be finite. Received: {value}")
        # Written so that a value that is no number breaks its rule too.
        if rule["least"] is not None and not value >= rule["least"]:
            raise UserError(f"--{field.name} must be at least {rule['least']}. Received: {value}")
        if rule["above"] is not None and not value > rule["above"]:
            raise UserError(f"--{field.name} must be above {rule['above']}. Received: {value}")
        if rule["most"] is not None and not value <= rule["most"]:
            raise UserError(f"--{field.name} must be at most {rule['most']}. Received: {value}")
