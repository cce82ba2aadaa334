"""What is refused before anything runs, each with the file and line of the code to change."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence

from dfcli.authoring.triggers import CALLED_BY_NAME, FunctionDefinition
from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.model.ids import check_function_name
from dfcli.registry.entities import check_entity_class
from dfcli.registry.refusals import refusal
from dfcli.registry.routes import check_route, check_routes
from dfcli.registry.schedules import check_schedule

_ARTICLES = {
    "orchestrator": "an orchestrator",
    "activity": "an activity",
    "entity": "an entity",
    "http": "an HTTP function",
    "timer": "a timer function",
}


def check_functions(functions: Sequence[FunctionDefinition]) -> None:
    """Raises AppLoadError for the first fault, in the order of the source."""
    in_source_order = sorted(functions, key=lambda f: (f.file, f.line))
    for function in in_source_order:
        _check_trigger(function)
        _check_name(function)
        if function.kind == "unsupported":
            continue  # nothing starts it but a person, who is told what is wrong then
        if function.is_class:
            check_entity_class(function)
            continue
        _check_parameters(function)
        _check_shape(function)
        if function.kind == "http":
            check_route(function)
        elif function.kind == "timer":
            check_schedule(function)
    _check_duplicates(in_source_order)
    check_routes(in_source_order)


def _check_trigger(function: FunctionDefinition) -> None:
    if not function.triggers:
        raise refusal(
            function,
            "has no trigger",
            "add one: @app.orchestration_trigger(), @app.activity_trigger(), @app.entity_trigger(), @app.route() or "
            "@app.timer_trigger(...)",
        )
    if len(function.triggers) > 1:
        raise refusal(
            function,
            f"has {len(function.triggers)} triggers: {', '.join(function.triggers)}",
            "a function has exactly one; move the shared code into a plain function and call it from both",
        )
    if function.faults:
        raise refusal(function, f"cannot be used: {function.faults[0]}", "remove one of the decorators")


def _check_name(function: FunctionDefinition) -> None:
    try:
        check_function_name(function.name)
    except InvalidArgument as error:
        raise AppLoadError(error.what, why=f"{error.why}; it stands at {function.where}", hint=error.hint) from None


def _check_parameters(function: FunctionDefinition) -> None:
    """Every parameter without a default is filled by the trigger, the client or the context."""
    parameters = inspect.signature(function.function).parameters
    filled = {function.parameter, function.client_parameter, function.input_parameter, function.context_parameter}
    filled.update(function.outputs)
    for wished, decorator in ((function.parameter, "trigger"), (function.client_parameter, "durable client")):
        if wished and wished not in parameters:
            raise refusal(
                function,
                f"has no parameter {wished!r}, which its {decorator} names",
                f"its parameters are ({', '.join(parameters)}); name one of them in the decorator",
            )
    for name, parameter in parameters.items():
        optional = parameter.default is not parameter.empty or parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if not optional and name not in filled:
            raise refusal(
                function,
                f"has a parameter {name!r} that nothing fills",
                "give it a default, pass one object as input, or add @app.durable_client_input(...) for a client",
            )
    if function.client_parameter and function.client_parameter == function.parameter:
        raise refusal(
            function,
            f"uses {function.parameter!r} for its trigger and for the durable client",
            "give it two parameters",
        )
    if function.client_parameter and function.kind not in (*CALLED_BY_NAME, "activity"):
        raise refusal(
            function,
            f"is {_ARTICLES[function.kind]} and asks for the durable client",
            "HTTP functions, timers and activities are given one; an orchestrator calls others with "
            "context.call_sub_orchestrator(...)",
        )
    if function.kind in CALLED_BY_NAME or function.has_extras:
        _check_called_by_name(function, parameters)
    else:
        _check_only_parameter(function, parameters)


def _check_called_by_name(function: FunctionDefinition, parameters: Mapping[str, inspect.Parameter]) -> None:
    """Request, client, context and outputs are passed by name, and so is what stands beside them."""
    for name in (function.parameter, function.client_parameter, function.context_parameter, *function.outputs):
        if name and name in parameters and parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY:
            raise refusal(function, f"takes {name!r} by position only", "remove the '/' from its parameters")


def _check_only_parameter(function: FunctionDefinition, parameters: Mapping[str, inspect.Parameter]) -> None:
    """The context of an orchestrator and the input of an activity are passed by position."""
    name = function.parameter
    if name is None:
        return
    if parameters[name].kind is inspect.Parameter.KEYWORD_ONLY:
        raise refusal(function, f"takes {name!r} by name only", "remove the '*' from its parameters")
    if name != next(iter(parameters)):
        raise refusal(function, f"takes {name!r}, which is not its first parameter", "make it the first")


def _check_shape(function: FunctionDefinition) -> None:
    """Generators, coroutines and plain functions: which of them each trigger can run."""
    code = inspect.unwrap(function.function)
    if function.kind == "orchestrator":
        if inspect.isasyncgenfunction(code):
            raise refusal(
                function,
                "is an `async def` that yields, which cannot be an orchestrator",
                "use `await` instead of `yield`, or write `def` instead of `async def`",
            )
        if function.parameter is None:
            raise refusal(function, "takes no context", f"write `def {code.__name__}(context):`")
    elif function.kind == "entity" and function.parameter is None:
        raise refusal(function, "takes no context", f"write `def {code.__name__}(context):`")
    elif inspect.isgeneratorfunction(code) or inspect.isasyncgenfunction(code):
        raise refusal(
            function,
            f"is {_ARTICLES[function.kind]} and yields",
            "return the result instead, or use @app.orchestration_trigger() if it was meant to orchestrate",
        )


def _check_duplicates(functions: Sequence[FunctionDefinition]) -> None:
    seen: dict[str, FunctionDefinition] = {}
    for function in functions:
        other = seen.setdefault(function.name.casefold(), function)
        if other is not function:
            spelt = "" if other.name == function.name else f" (as {other.name!r})"
            raise AppLoadError(
                f"two functions are named {function.name!r}",
                why=f"one stands at {other.where}{spelt}, the other at {function.where}; case does not count",
                hint="rename one of them, or give it a name with @app.function_name(...)",
            )
