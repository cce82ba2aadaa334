"""The decorators: what they note, in which orders they stack, and that functions stay functions."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import Any

import pytest

import dfcli as df
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError


def only(app: df.Blueprint) -> FunctionDefinition:
    (definition,) = app.functions
    return definition


def test_a_decorated_function_stays_the_function_it_was() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    def double(number: int) -> int:
        return 2 * number

    assert double(21) == 42
    assert double.__dfcli__ is only(app)  # type: ignore[attr-defined]
    assert only(app).function is double


def test_an_activity_takes_its_input_in_the_first_parameter_unless_told_otherwise() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    def first(a: int, b: int = 2) -> None: ...

    @app.activity_trigger(input_name="b")
    def told(a: int = 1, b: int = 2) -> None: ...

    @app.activity_trigger()
    def nothing() -> None: ...

    @app.activity_trigger()
    def wrapped(*arguments: Any) -> None: ...

    assert [f.parameter for f in app.functions] == ["a", "b", None, "arguments"]


def test_the_request_goes_to_req_or_else_to_the_first_parameter_that_is_not_the_client() -> None:
    app = df.DFApp()

    @app.durable_client_input()
    @app.route()
    def usual(client: Any, req: df.HttpRequest) -> None: ...

    @app.durable_client_input(client_name="starter")
    @app.route()
    def other(starter: Any, request: df.HttpRequest) -> None: ...

    @app.route()
    def without() -> None: ...

    @app.route(trigger_arg_name="b")
    def told(a: int = 1, b: Any = None) -> None: ...

    assert [f.parameter for f in app.functions] == ["req", "request", None, "b"]
    assert [f.client_parameter for f in app.functions] == ["client", "starter", None, None]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_decorators_stack_in_any_order(order: tuple[int, ...]) -> None:
    app = df.DFApp()
    decorators: list[Callable[..., Any]] = [
        app.function_name("starter"),
        app.route(route="/orders/{id}", methods=["get", "POST"]),
        app.durable_client_input(client_name="client", task_hub="other"),
    ]

    async def start(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> None: ...

    for position in order:
        decorators[position](start)
    definition = only(app)
    assert (definition.name, definition.kind, definition.is_async) == ("starter", "http", True)
    assert (definition.route, definition.methods) == ("orders/{id}", {"GET", "POST"})
    assert (definition.parameter, definition.client_parameter) == ("req", "client")
    assert definition.client_task_hub == "other"


@pytest.mark.parametrize("trigger_first", [True, False])
def test_the_name_given_to_the_trigger_wins_over_function_name_and_that_over_the_function(trigger_first: bool) -> None:
    app = df.DFApp()
    decorators = [app.function_name("second"), app.orchestration_trigger(orchestration="first")]

    def third(context: df.DurableOrchestrationContext) -> None: ...

    for decorate in reversed(decorators) if trigger_first else decorators:
        decorate(third)
    assert only(app).name == "first"

    @app.function_name("named")
    @app.activity_trigger()
    def unnamed(x: int) -> None: ...

    assert app.functions[-1].name == "named"


def test_a_definition_knows_file_and_line() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    def somewhere(x: int) -> None: ...

    code = somewhere.__code__
    assert only(app).where == f"{__file__}:{code.co_firstlineno}"


def test_a_decorator_of_the_users_own_between_ours_is_kept() -> None:
    app = df.DFApp()

    def shout(function: Callable[[str], str]) -> Callable[[str], str]:
        @functools.wraps(function)
        def wrapper(text: str) -> str:
            return function(text).upper()

        return wrapper

    @app.function_name("loud")
    @shout
    @app.activity_trigger()
    def say(text: str) -> str:
        return text

    assert only(app).function("hello") == "HELLO"
    assert only(app).name == "loud"


def test_async_functions_are_noted_as_such() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    async def fetch(url: str) -> None: ...

    @app.orchestration_trigger()
    async def flow(context: df.DurableOrchestrationContext) -> None: ...

    assert [f.is_async for f in app.functions] == [True, True]


def test_functions_of_a_blueprint_join_the_app_once() -> None:
    app, blueprint = df.DFApp(), df.Blueprint()

    @blueprint.activity_trigger()
    def shared(x: int) -> None: ...

    app.register_functions(blueprint)
    app.register_blueprint(blueprint)
    assert [f.name for f in app.functions] == ["shared"]


@pytest.mark.parametrize("wrong", [df.DFApp(), "blueprint", None])
def test_only_a_blueprint_can_be_registered(wrong: Any) -> None:
    with pytest.raises(TypeError, match=r"takes a df\.Blueprint"):
        df.DFApp().register_functions(wrong)


def test_the_auth_level_of_the_app_holds_for_functions_without_one() -> None:
    app = df.DFApp(http_auth_level="anonymous")

    @app.route()
    def usual(req: df.HttpRequest) -> None: ...

    @app.route(auth_level=df.AuthLevel.ADMIN)
    def guarded(req: df.HttpRequest) -> None: ...

    assert [f.auth_level for f in app.functions] == [df.AuthLevel.ANONYMOUS, df.AuthLevel.ADMIN]
    assert df.DFApp().default_auth_level is df.AuthLevel.FUNCTION


@pytest.mark.parametrize(
    "decorator", ["orchestration_trigger", "activity_trigger", "route", "durable_client_input", "function_name"]
)
def test_a_decorator_without_parentheses_is_refused_with_the_right_spelling(decorator: str) -> None:
    def function(x: int) -> None: ...

    with pytest.raises(AppLoadError, match=f"@{decorator} stands without parentheses") as refused:
        getattr(df.DFApp(), decorator)(function)
    assert f"@app.{decorator}(" in refused.value.hint


@pytest.mark.parametrize("thing", [int, 3, staticmethod(len), len, functools.partial(print)])
def test_what_is_no_function_is_refused(thing: Any) -> None:
    with pytest.raises(AppLoadError, match="cannot be a function of the app"):
        df.DFApp().activity_trigger()(thing)
