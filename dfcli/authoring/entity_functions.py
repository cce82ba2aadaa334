"""What the decorators note about entities, which may be functions of a context, of context and input, or classes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

from dfcli.authoring.entity import NO_OPERATIONS, DurableEntity


def is_entity_class(candidate: object) -> bool:
    """Whether this is a class of a class-style entity."""
    return isinstance(candidate, type) and issubclass(candidate, DurableEntity)


def operations_of(entity_class: type) -> dict[str, Callable[..., Any]]:
    """The public methods of a class-style entity, by name."""
    found = {}
    for name in dir(entity_class):
        member = getattr(entity_class, name, None)
        if not name.startswith("_") and name not in NO_OPERATIONS and callable(member):
            found[name] = member
    return found


def place_of(entity_class: type) -> tuple[str, int]:
    """File and line of a class, as near as its methods tell."""
    places = [(code.co_filename, code.co_firstlineno) for code in _codes(entity_class)]
    file = places[0][0] if places else ""
    line = getattr(entity_class, "__firstlineno__", None) or min((line for _, line in places), default=2) - 1
    return file, line


def has_async_operation(entity_class: type) -> bool:
    """Whether an operation is an `async def`, so that all are run on the loop for user code."""
    return any(inspect.iscoroutinefunction(method) for method in operations_of(entity_class).values())


def input_parameter(function: Callable[..., Any], context: str | None, client: str | None) -> str | None:
    """The parameter of an entity function that takes the operation's input, when it has one beside the context."""
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind.name not in ("VAR_POSITIONAL", "VAR_KEYWORD", "KEYWORD_ONLY")
        and name not in (context, client)
    ]
    return names[0] if names else None


def _codes(entity_class: type) -> Iterator[Any]:
    for member in vars(entity_class).values():
        code = getattr(member, "__code__", None)
        if code is not None:
            yield code
