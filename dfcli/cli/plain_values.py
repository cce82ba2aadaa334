"""Words of the command line to values, for the few types our commands use.

The parser's newest versions do this with pydantic, whose import alone would double the start-up time of every command.
Where the parser keeps its converter elsewhere, nothing is replaced and its own way is used.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import typer

_SLOT = "_runtime_param"


def use_plain_values(command: Any) -> None:
    """Give each parameter of a command a converter that needs no further import."""
    for parameter in command.params:
        annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if hasattr(parameter, _SLOT) and _is_plain(annotation):
            setattr(parameter, _SLOT, PlainValue(annotation))


def _is_plain(annotation: Any) -> bool:
    return annotation in (str, int, bool, list[str]) or (
        isinstance(annotation, type) and issubclass(annotation, StrEnum)
    )


class PlainValue:
    """The converter of one parameter, in the shape the parser asks for."""

    def __init__(self, annotation: Any) -> None:
        self._annotation = annotation

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        """The value of what stands on the line; None was not given."""
        if self._annotation == list[str]:
            return () if value is None else tuple(map(str, value))
        if value is None or isinstance(value, self._annotation):
            return value
        if self._annotation is int:
            return _whole_number(value, param, ctx)
        if self._annotation is bool:
            return str(value).strip().lower() in ("1", "true", "yes", "on", "t", "y")
        try:
            return self._annotation(value)
        except ValueError:
            allowed = ", ".join(member.value for member in self._annotation)
            raise typer.BadParameter(f"{value!r} is not one of {allowed}", ctx=ctx, param=param) from None


def _whole_number(value: Any, param: Any, ctx: Any) -> int:
    try:
        number = int(value)
    except ValueError:
        raise typer.BadParameter(f"{value!r} is not a whole number", ctx=ctx, param=param) from None
    low, high = getattr(param, "min", None), getattr(param, "max", None)
    if (low is not None and number < low) or (high is not None and number > high):
        limits = f"at least {low:g}" if high is None else f"from {low or 0:g} to {high:g}"
        raise typer.BadParameter(f"{number} is not allowed; it is {limits}", ctx=ctx, param=param)
    return number
