"""The decorators an app author writes: `DFApp`, and `Blueprint` for functions in other modules.

Decorators note and change nothing: the decorated name stays the plain function, so that it can be called in a test.
They stack in any order. Nothing is checked across functions here; that is the registry's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from dfcli.authoring.cloud_bindings import HTTP_OUTPUT, RETURN, CloudBindings
from dfcli.authoring.timer import TimerBinding
from dfcli.authoring.triggers import AuthLevel, FunctionDefinition, Kind, define, settle
from dfcli.errors import AppLoadError

__all__ = ["AuthLevel", "Blueprint", "DFApp", "FunctionDefinition"]

F = TypeVar("F", bound=Callable[..., Any])


class Blueprint(CloudBindings):
    """A set of functions declared in a module of its own and given to the app with `register_functions`."""

    def __init__(self) -> None:
        self.functions: list[FunctionDefinition] = []
        """In the order of declaration."""

    def orchestration_trigger(
        self, context_name: str | None = None, orchestration: str | None = None, input_type: Any = None
    ) -> Callable[[F], F]:
        """The function is an orchestrator: a generator, an `async def`, or a plain function of the context.

        `context_name` is the parameter that takes the context, by default the first; `orchestration` the name that
        instances are started by, by default the function's; `input_type` what `get_input()` gives.
        """
        decorate = self._trigger("orchestrator", context_name, orchestration)

        def with_input_type(function: F) -> F:
            decorated = decorate(function)
            define(function).input_type = input_type
            return decorated

        return with_input_type

    def activity_trigger(self, input_name: str | None = None, activity: str | None = None) -> Callable[[F], F]:
        """The function is an activity: `def` (run in a thread) or `async def`.

        `input_name` is the parameter that takes the input, by default the first; `activity` the name it is called by.
        """
        return self._trigger("activity", input_name, activity)

    def entity_trigger(self, context_name: str | None = None, entity_name: str | None = None) -> Callable[[F], F]:
        """The function, or the class derived from `df.DurableEntity`, is an entity.

        A function takes the context of an operation, and its input when it has a second parameter: then, what it
        returns is the result. `context_name` is the parameter for the context, by default the first; `entity_name` the
        name in the entity's id, by default the function's.
        """
        return self._trigger("entity", context_name, entity_name)

    def route(
        self,
        route: str | None = None,
        methods: Iterable[str] | None = None,
        auth_level: AuthLevel | str | None = None,
        trigger_arg_name: str | None = None,
        binding_arg_name: str | None = None,
        **_: Any,
    ) -> Callable[[F], F]:
        """The function answers HTTP requests below `/api/`; it returns an `HttpResponse`, text or None.

        `route` is a template such as `orders/{id:int}`, by default the function's name; no `methods` means all.
        The request goes to `trigger_arg_name`, by default `req`, or the first parameter when there is no `req`.
        With a `binding_arg_name` the answer is what the function gives to that parameter's `set`.
        """
        _refuse_bare("route", route)
        level = AuthLevel(auth_level) if auth_level is not None else None
        allowed = [methods] if isinstance(methods, str) else methods

        def decorate(function: F) -> F:
            definition = self._add(function)
            definition.route = route.lstrip("/") if route is not None else None
            definition.methods = frozenset(_method(m) for m in allowed) if allowed is not None else None
            definition.auth_level = level or self.default_auth_level
            if binding_arg_name not in (None, RETURN):
                definition.outputs[str(binding_arg_name)] = HTTP_OUTPUT
            _note_trigger(definition, "http", trigger_arg_name)
            return function

        return decorate

    def timer_trigger(
        self,
        arg_name: str | None = None,
        schedule: str = "",
        run_on_startup: bool | None = None,
        use_monitor: bool | None = None,
        data_type: Any = None,
        **_: Any,
    ) -> Callable[[F], F]:
        """The function runs on a schedule, one run at a time; `arg_name` takes a `TimerRequest`.

        `schedule` is `second minute hour day month weekday` (five fields: the second is 0), where day and weekday must
        both match; or an interval `hh:mm:ss`; `%NAME%` is replaced by the app's setting. With `run_on_startup` it runs
        when the host starts, too. Runs that were missed are caught up once, unless `use_monitor` is false or the
        schedule comes more often than each minute.
        """
        del data_type
        _refuse_bare("timer_trigger", arg_name)
        if not isinstance(schedule, str):
            raise AppLoadError(f"the schedule {schedule!r} is no text", hint='schedule="0 */5 * * * *"')

        def decorate(function: F) -> F:
            definition = self._add(function)
            definition.timer = TimerBinding(
                schedule=schedule.strip(), run_on_startup=bool(run_on_startup), use_monitor=use_monitor
            )
            _note_trigger(definition, "timer", arg_name)
            return function

        return decorate

    schedule = timer_trigger

    def durable_client_input(
        self,
        client_name: str = "client",
        task_hub: str | None = None,
        connection_name: str | None = None,
    ) -> Callable[[F], F]:
        """The parameter `client_name` takes a `DurableOrchestrationClient` of the app's own task hub, or of `task_hub`.

        `connection_name` is accepted so that apps written for Azure load; there is no connection to choose here.
        """
        del connection_name
        _refuse_bare("durable_client_input", client_name)

        def decorate(function: F) -> F:
            definition = self._add(function)
            if definition.client_parameter is not None:
                definition.faults.append("it asks for the durable client twice")
            definition.client_parameter, definition.client_task_hub = client_name, task_hub
            settle(definition)
            return function

        return decorate

    def function_name(self, name: str, setting_extra_fields: Any = None) -> Callable[[F], F]:
        """The function's name in the app, unless its trigger gives one."""
        del setting_extra_fields
        _refuse_bare("function_name", name)

        def decorate(function: F) -> F:
            definition = self._add(function)
            if not definition.name_from_trigger:
                definition.name = name
            settle(definition)
            return function

        return decorate

    default_auth_level = AuthLevel.FUNCTION

    def _trigger(self, kind: Kind, parameter: str | None, name: str | None) -> Callable[[F], F]:
        _refuse_bare(f"{'orchestration' if kind == 'orchestrator' else kind}_trigger", parameter)

        def decorate(function: F) -> F:
            definition = self._add(function)
            if name is not None:
                definition.name, definition.name_from_trigger = name, True
            _note_trigger(definition, kind, parameter)
            return function

        return decorate

    def _add(self, function: Callable[..., Any]) -> FunctionDefinition:
        definition = define(function)
        if definition not in self.functions:
            self.functions.append(definition)
        return definition


class DFApp(Blueprint):
    """The app: exactly one stands at module level in `function_app.py`."""

    def __init__(self, http_auth_level: AuthLevel | str = AuthLevel.FUNCTION) -> None:
        super().__init__()
        self.default_auth_level = AuthLevel(http_auth_level)

    def register_functions(self, blueprint: Blueprint) -> None:
        """Add the functions of a blueprint. Once it is given, later functions of the blueprint are not seen."""
        if not isinstance(blueprint, Blueprint) or isinstance(blueprint, DFApp):
            raise TypeError(f"register_functions takes a df.Blueprint, not {type(blueprint).__name__}")
        self.functions.extend(f for f in blueprint.functions if f not in self.functions)

    register_blueprint = register_functions


def _note_trigger(definition: FunctionDefinition, kind: Kind, parameter: str | None) -> None:
    definition.triggers.append(kind)
    definition.kind = kind
    definition.wished_parameter = parameter
    settle(definition)


def _method(method: Any) -> str:
    """Upper case; members of an enumeration, as Azure apps use, count as their value."""
    return str(getattr(method, "value", method)).upper()


def _refuse_bare(decorator: str, argument: object) -> None:
    """`@app.activity_trigger` without parentheses would quietly replace the user's function."""
    if callable(argument):
        raise AppLoadError(
            f"@{decorator} stands without parentheses",
            why="the decorator was given the function itself instead of its own arguments",
            hint=f"write `@app.{decorator}({'...' if decorator == 'function_name' else ''})`",
        )
