"""How a function that cannot be used is refused: what is wrong, and where it stands in the source."""

from __future__ import annotations

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError


def refusal(function: FunctionDefinition, what: str, hint: str) -> AppLoadError:
    """The error for one function: `what` follows its name."""
    return AppLoadError(f"function {function.name!r} {what}", why=f"it stands at {function.where}", hint=hint)
