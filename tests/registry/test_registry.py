"""Finding functions by name, and what is refused before anything runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import AppLoadError
from dfcli.registry.registry import Registry


def refused(app: df.Blueprint) -> AppLoadError:
    with pytest.raises(AppLoadError) as caught:
        Registry.from_app(app)
    assert caught.value.hint, "every refusal says how to go on"
    return caught.value


def test_functions_are_found_in_any_case_and_by_kind() -> None:
    app = df.DFApp()

    @app.orchestration_trigger()
    def Flow(context: df.DurableOrchestrationContext) -> None: ...

    @app.activity_trigger()
    def step(x: int) -> None: ...

    @app.route()
    def start(req: df.HttpRequest) -> None: ...

    registry = Registry.from_app(app)
    for spelling in ("Flow", "flow", "FLOW"):
        found = registry.orchestrator(spelling)
        assert found is not None
        assert found.function is Flow
        assert registry.lookup(spelling) is Flow
    assert registry.activity("STEP") is not None
    assert registry.activity("Flow") is None
    assert registry.orchestrator("step") is None
    assert registry.lookup("nobody") is None
    assert [f.name for f in registry.http] == ["start"]
    assert registry.http_function("START") is registry.http[0]
    assert registry.known("orchestrator") == ["Flow"]
    assert [f.name for f in registry.all] == ["step", "start", "Flow"]


def test_an_app_without_functions_is_an_empty_registry() -> None:
    assert Registry.from_app(df.DFApp()).all == []


def test_two_functions_of_one_name_are_refused_with_both_places() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    def hello(x: int) -> None: ...

    first = hello.__code__.co_firstlineno

    @app.orchestration_trigger(orchestration="HELLO")
    def other(context: df.DurableOrchestrationContext) -> None: ...

    error = refused(app)
    assert error.what == "two functions are named 'HELLO'"
    assert f"{__file__}:{first} (as 'hello')" in error.why
    assert f"{__file__}:{other.__code__.co_firstlineno}" in error.why


@pytest.mark.parametrize("name", ["", "1st", "with space", "ä", "a/b", "x" * 200, "@entity"])
def test_a_name_that_cannot_be_used_is_refused_with_its_place(name: str) -> None:
    app = df.DFApp()

    @app.function_name(name)
    @app.activity_trigger()
    def step(x: int) -> None: ...

    assert f"{__file__}:{step.__code__.co_firstlineno}" in refused(app).why


def test_a_function_without_a_trigger_is_refused() -> None:
    app = df.DFApp()

    @app.function_name("lonely")
    def step(x: int) -> None: ...

    assert refused(app).what == "function 'lonely' has no trigger"


def test_a_function_with_two_triggers_is_refused() -> None:
    app = df.DFApp()

    @app.route()
    @app.activity_trigger()
    def step(x: int) -> None: ...

    assert refused(app).what == "function 'step' has 2 triggers: activity, http"


def test_a_function_that_two_apps_trigger_is_refused() -> None:
    app, other = df.DFApp(), df.DFApp()

    @app.activity_trigger()
    @other.activity_trigger()
    def step(x: int) -> None: ...

    assert "2 triggers" in refused(app).what


def orchestrator_that_streams() -> Callable[..., Any]:
    async def flow(context: df.DurableOrchestrationContext) -> AsyncIterator[Any]:
        yield context.call_activity("step")

    return flow


def test_an_async_orchestrator_that_yields_is_refused_and_told_to_await() -> None:
    app = df.DFApp()
    app.orchestration_trigger()(orchestrator_that_streams())
    error = refused(app)
    assert "is an `async def` that yields" in error.what
    assert "use `await` instead of `yield`" in error.hint


def test_generators_and_coroutines_and_plain_functions_are_orchestrators() -> None:
    app = df.DFApp()

    @app.orchestration_trigger()
    def generator(context: df.DurableOrchestrationContext) -> Iterator[Any]:
        yield context.call_activity("step")

    @app.orchestration_trigger()
    async def coroutine(context: df.DurableOrchestrationContext) -> None: ...

    @app.orchestration_trigger()
    def plain(context: df.DurableOrchestrationContext) -> None: ...

    assert Registry.from_app(app).known("orchestrator") == ["coroutine", "generator", "plain"]


def test_an_activity_that_yields_is_refused() -> None:
    app = df.DFApp()

    @app.activity_trigger()
    def step(x: int) -> Iterator[int]:
        yield x

    assert refused(app).what == "function 'step' is an activity and yields"


def test_an_http_function_that_yields_is_refused() -> None:
    app = df.DFApp()

    @app.route()
    async def stream(req: df.HttpRequest) -> AsyncIterator[int]:
        yield 1

    assert refused(app).what == "function 'stream' is an HTTP function and yields"


def _no_context() -> None: ...
def _extra(context: Any, more: Any) -> None: ...
def _by_name(*, context: Any) -> None: ...
def _second(a: int = 1, context: Any = None) -> None: ...


@pytest.mark.parametrize(
    ("function", "name", "what"),
    [
        (_no_context, None, "takes no context"),
        (_extra, None, "has a parameter 'more' that nothing fills"),
        (_extra, "ctx", "has no parameter 'ctx', which its trigger names"),
        (_by_name, None, "takes 'context' by name only"),
        (_second, "context", "takes 'context', which is not its first parameter"),
    ],
)
def test_an_orchestrator_takes_exactly_its_context(function: Callable[..., Any], name: str | None, what: str) -> None:
    app = df.DFApp()
    function.__dict__.pop("__dfcli__", None)
    app.orchestration_trigger(context_name=name)(function)
    assert what in refused(app).what


def test_the_durable_client_is_not_for_orchestrators() -> None:
    app = df.DFApp()

    @app.durable_client_input()
    @app.orchestration_trigger()
    def flow(context: df.DurableOrchestrationContext, client: Any) -> None: ...

    assert "is an orchestrator and asks for the durable client" in refused(app).what


def test_a_client_parameter_that_does_not_exist_is_refused() -> None:
    app = df.DFApp()

    @app.durable_client_input(client_name="starter")
    @app.route()
    def start(req: df.HttpRequest) -> None: ...

    error = refused(app)
    assert error.what == "function 'start' has no parameter 'starter', which its durable client names"
    assert "(req)" in error.hint


def test_the_client_cannot_stand_in_the_requests_parameter() -> None:
    app = df.DFApp()

    @app.durable_client_input(client_name="req")
    @app.route(trigger_arg_name="req")
    def start(req: df.HttpRequest) -> None: ...

    assert "uses 'req' for its trigger and for the durable client" in refused(app).what


def test_asking_for_the_client_twice_is_refused() -> None:
    app = df.DFApp()

    @app.durable_client_input(client_name="a")
    @app.durable_client_input(client_name="b")
    @app.route()
    def start(req: df.HttpRequest, a: Any = None, b: Any = None) -> None: ...

    assert "asks for the durable client twice" in refused(app).what
