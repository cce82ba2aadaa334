"""Apps written for Azure load whatever they bind to; what this machine lacks is listed, and never started."""

from __future__ import annotations

import logging
from typing import Any

import pytest

import dfcli as df
from dfcli.authoring.cloud_bindings import CloudBindings
from dfcli.registry.registry import Registry
from tests.host.running import in_virtual_time

DECORATORS = sorted(name for name in dir(CloudBindings) if name.endswith(("_trigger", "_input", "_output", "_binding")))


def test_every_decorator_of_azure_functions_is_there() -> None:
    decorators = pytest.importorskip("azure.functions.decorators.function_app")
    theirs = {name for name in dir(decorators.FunctionApp) if name.endswith(("_trigger", "_input", "_output"))}
    theirs |= {"schedule", "retry", "route", "function_name", "generic_input_binding", "generic_output_binding"}
    theirs |= {"mcp_tool", "mcp_tool_property"} & set(dir(decorators.FunctionApp))
    assert {name for name in theirs if not hasattr(df.DFApp, name)} == set()
    assert {name for name in theirs if not hasattr(df.Blueprint, name)} == set()


@pytest.mark.parametrize("name", [name for name in DECORATORS if name.endswith("_trigger")])
def test_a_function_with_a_trigger_of_the_cloud_is_listed_as_unsupported(name: str) -> None:
    app = df.DFApp()

    @getattr(app, name)(arg_name="message", type="x", connection="C", queue_name="q")
    def handle(message: Any, anything: int) -> None: ...

    registry = Registry.from_app(app)
    assert [f.name for f in registry.unsupported] == ["handle"]
    assert registry.unsupported[0].needs
    assert registry.http == registry.timers == []


def test_an_input_from_the_cloud_makes_any_function_unsupported_whatever_the_order() -> None:
    app = df.DFApp()

    @app.route()
    @app.blob_input(arg_name="blob", path="a/b", connection="C")
    def below(req: df.HttpRequest, blob: Any) -> None: ...

    @app.generic_input_binding(arg_name="row", type="sql", commandText="select 1")
    @app.activity_trigger(input_name="x")
    def above(x: int, row: Any) -> None: ...

    registry = Registry.from_app(app)
    assert {f.name: f.needs for f in registry.unsupported} == {"below": ["blob"], "above": ["sql"]}
    assert registry.activity("above") is None


def test_names_of_unsupported_functions_are_checked_as_any() -> None:
    app = df.DFApp()

    @app.queue_trigger(arg_name="m", queue_name="q", connection="C")
    @app.function_name("Same")
    def one(m: Any) -> None: ...

    @app.activity_trigger()
    @app.function_name("same")
    def two(x: Any) -> None: ...

    with pytest.raises(df.DfError, match="two functions are named"):
        Registry.from_app(app)


def test_what_is_given_to_an_output_goes_nowhere_and_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    app = df.DFApp()

    @app.route()
    @app.queue_output(arg_name="out", queue_name="q", connection="C")
    @app.retry(strategy="fixed_delay", max_retry_count="3", delay_interval="00:00:10")
    def send(req: df.HttpRequest, out: df.Out[str]) -> str:
        out.set("lost")
        return "sent"

    async def scene(host: df.Host) -> None:
        (function,) = host.registry.http
        assert function.notes == ["its retry policy is not applied here"]
        for _ in range(2):
            assert await host.run_http_function(function, df.HttpRequest("GET", "http://x/")) == "sent"

    with caplog.at_level(logging.WARNING):
        in_virtual_time(app, scene)
    assert caplog.messages == ["function send: what it gives to 'out' goes nowhere: there is no queue here"]


def test_an_answer_may_be_given_to_a_parameter() -> None:
    app = df.DFApp()

    @app.route(trigger_arg_name="req", binding_arg_name="answer")
    def send(req: df.HttpRequest, answer: df.Out[str]) -> None:
        answer.set("hello")

    async def scene(host: df.Host) -> Any:
        return await host.run_http_function(host.registry.http[0], df.HttpRequest("GET", "http://x/"))

    assert in_virtual_time(app, scene) == "hello"
