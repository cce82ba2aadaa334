"""What functions are passed beside their trigger's value: the durable client and the context, in any function."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import AppLoadError
from dfcli.host.host import Host
from dfcli.registry.registry import Registry
from tests.host.running import in_real_time, in_virtual_time


def app_of_activities() -> df.DFApp:
    app = df.DFApp()

    @app.orchestration_trigger()
    def parent(context: df.DurableOrchestrationContext) -> Any:
        results = []
        for name in ("plain", "waiting", "told"):
            results.append((yield context.call_activity(name, name)))
        return results

    @app.orchestration_trigger()
    def child(context: df.DurableOrchestrationContext) -> Any:
        return context.get_input()

    @app.durable_client_input(client_name="client")
    @app.activity_trigger(input_name="name")
    def plain(client: Any, name: str) -> str:
        client.start_new("child", f"of-{name}", name)
        return str(client.wait(f"of-{name}", 10).output)

    @app.activity_trigger(input_name="name")
    @app.durable_client_input(client_name="client")
    async def waiting(name: str, client: df.DurableOrchestrationClient) -> str:
        await client.start_new("child", f"of-{name}", name)
        return str((await client.wait(f"of-{name}", 10)).output)

    @app.activity_trigger(input_name="name")
    def told(name: str, context: df.Context) -> list[Any]:
        assert df.activity_info().name == "told"
        directory = os.path.basename(context.function_directory)
        return [context.function_name, directory, context.retry_context.retry_count, len(context.invocation_id)]

    return app


def test_activities_may_take_the_client_and_their_context(tmp_path: Any) -> None:
    async def scene(host: Host) -> Any:
        instance_id = await host.client.start_new("parent")
        return (await host.client.wait(instance_id, 30)).output

    output = in_real_time(app_of_activities(), str(tmp_path / "hub"), scene)
    assert output == ["plain", "waiting", ["told", "host", 0, 32]]


@pytest.mark.parametrize("annotation", [df.Context, "df.Context", "func.Context"])
def test_the_context_is_known_by_its_annotation_or_its_name(annotation: object) -> None:
    app = df.DFApp()

    def by_type(call: Any, req: df.HttpRequest) -> None: ...

    by_type.__annotations__["call"] = annotation
    app.route()(by_type)

    @app.activity_trigger()
    def by_name(context: Any, value: int) -> None: ...

    @app.activity_trigger()
    def value_itself(context: Any) -> None: ...

    found = {f.name: (f.parameter, f.context_parameter) for f in Registry.from_app(app).all}
    assert found == {
        "by_type": ("req", "call"),
        "by_name": ("value", "context"),
        "value_itself": ("context", None),
    }


def test_a_parameter_that_nothing_fills_is_still_refused() -> None:
    app = df.DFApp()

    @app.activity_trigger(input_name="x")
    @app.durable_client_input(client_name="client")
    def two(x: int, client: Any, more: int) -> None: ...

    with pytest.raises(AppLoadError, match="has a parameter 'more' that nothing fills"):
        Registry.from_app(app)


def test_the_caller_of_an_http_function_is_told_of_its_trace() -> None:
    app = df.DFApp()

    @app.route()
    async def start(req: df.HttpRequest, context: df.Context) -> str:
        return context.trace_context.trace_parent

    async def scene(host: Host) -> Any:
        request = df.HttpRequest("GET", "http://x/", headers={"Traceparent": "00-1-2-3"})
        return await host.run_http_function(host.registry.http[0], request)

    assert in_virtual_time(app, scene) == "00-1-2-3"


def test_plain_functions_run_in_threads_that_never_delay_the_exit(tmp_path: Any) -> None:
    app = df.DFApp()
    begun, release = threading.Event(), threading.Event()
    threads: list[threading.Thread] = []

    @app.route()
    def stuck(req: df.HttpRequest) -> None:
        threads.append(threading.current_thread())
        begun.set()
        release.wait(30)

    async def scene(host: Host) -> None:
        call = asyncio.ensure_future(host.run_http_function(host.registry.http[0], df.HttpRequest("GET", "http://x/")))
        while not begun.is_set():
            await asyncio.sleep(0.001)
        call.cancel()

    in_real_time(app, str(tmp_path / "hub"), scene)  # asyncio.run would wait for a thread of its own pool
    assert threads[0].daemon
    assert threads[0].is_alive()
    release.set()
    threads[0].join(10)


def test_the_blocking_client_never_waits_for_the_thread_it_holds() -> None:
    app = df.DFApp()

    @app.route()
    @app.durable_client_input(client_name="client")
    def plain(req: df.HttpRequest, client: Any) -> Any:
        return client.get_status("a")

    async def scene(host: Host) -> None:
        with pytest.raises(RuntimeError, match="must not on the host's own thread"):
            await host.run_http_function(host.registry.http[0], df.HttpRequest("GET", "http://x/"))

    in_virtual_time(app, scene)


def test_a_function_that_takes_too_long_is_given_up_and_its_own_time_out_is_its_own() -> None:
    app = df.DFApp()

    @app.route()
    async def slow(req: df.HttpRequest) -> None:
        await asyncio.sleep(60)

    @app.route()
    async def quick(req: df.HttpRequest) -> None:
        raise TimeoutError("mine")

    async def scene(host: Host) -> None:
        quick_one, slow_one = host.registry.http
        with pytest.raises(df.DfError, match="function 'slow' was given up after 30 s"):
            await host.run_http_function(slow_one, df.HttpRequest("GET", "http://x/"))
        with pytest.raises(TimeoutError, match="mine"):
            await host.run_http_function(quick_one, df.HttpRequest("GET", "http://x/"))

    in_virtual_time(app, scene, settings=df.HostSettings(function_timeout=30))


def test_no_more_http_functions_run_at_a_time_than_allowed() -> None:
    app = df.DFApp()
    running: list[int] = []
    most: list[int] = []

    @app.route()
    async def work(req: df.HttpRequest) -> None:
        running.append(1)
        most.append(len(running))
        await asyncio.sleep(1)
        running.pop()

    async def scene(host: Host) -> None:
        (function,) = host.registry.http
        request = df.HttpRequest("GET", "http://x/")
        await asyncio.gather(*(host.run_http_function(function, request) for _ in range(7)))

    in_virtual_time(app, scene, settings=df.HostSettings(max_http_requests=2))
    assert max(most) == 2
    assert len(most) == 7
