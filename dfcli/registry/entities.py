"""What is refused of class-style entities."""

from __future__ import annotations

import inspect

from dfcli.authoring.entity_functions import operations_of
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.registry.refusals import refusal


def check_entity_class(function: FunctionDefinition) -> None:
    """Raises AppLoadError for a class that cannot serve an operation."""
    entity_class = function.function
    if function.kind != "entity":
        raise refusal(function, "is a class and no entity", "use @app.entity_trigger() on a class")
    if function.client_parameter:
        raise refusal(
            function,
            "is an entity and asks for the durable client",
            "an entity signals others with self.signal_entity(...) and starts instances with its context",
        )
    try:
        inspect.signature(entity_class).bind()
    except TypeError as error:
        raise refusal(
            function, f"cannot be made without arguments ({error})", "give the parameters of __init__ defaults"
        ) from None
    for name, method in operations_of(entity_class).items():  # type: ignore[arg-type]
        if inspect.isgeneratorfunction(method) or inspect.isasyncgenfunction(method):
            raise refusal(function, f"has an operation {name!r} that yields", "return the result instead")
        if not callable_with_input(method):
            raise refusal(
                function,
                f"has an operation {name!r} that takes more than its input",
                "an operation takes self and one input; pass several values as one object",
            )


def callable_with_input(method: object) -> bool:
    """Whether an operation needs no more than its input."""
    signature = inspect.signature(method)  # type: ignore[arg-type]
    try:
        signature.bind(None)
    except TypeError:
        try:
            signature.bind(None, None)
        except TypeError:
            return False
    return True
