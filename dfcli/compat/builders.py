"""What Azure's decorators leave behind: builders around functions, and wrappers around those that are durable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_WRAPPED_AS = ("orchestrator_function", "entity_function", "client_function")


def is_builder(candidate: object) -> bool:
    """Whether this is what a decorator of Azure's returns."""
    return callable(getattr(getattr(candidate, "_function", None), "_func", None))


def user_function(builder: Any) -> Callable[..., Any]:
    """The function that the app's author wrote, under every wrapper of the SDK's."""
    return unwrapped(builder._function._func)


def unwrapped(function: Any) -> Callable[..., Any]:
    """The same of a function that is no builder's."""
    while True:
        inner = next((getattr(function, name) for name in _WRAPPED_AS if getattr(function, name, None)), None)
        if inner is None:
            found: Callable[..., Any] = function
            return found
        function = inner


def misnamed(builder: Any) -> str:
    """The registered name of a durable function whose decorated object Azure's SDK calls by another one: that of the
    Python function. Empty when both are the same, in any case."""
    function = user_function(builder)
    name = getattr(getattr(function, "__dfcli__", None), "name", function.__name__)
    return "" if name.casefold() == function.__name__.casefold() else str(name)
