"""What a request says of its trace is recorded with every instance that it starts, by whatever way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import dfcli as df
from dfcli.host.host import Host
from dfcli.model.history import ExecutionStarted
from tests.http.serving import Serving, serving
from tests.http.test_with_the_real_host import BASE, Caller

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
app = df.DFApp()


@app.orchestration_trigger()
def empty(context: df.DurableOrchestrationContext) -> Any:
    return None


@app.route(route="go")
@app.durable_client_input(client_name="client")
async def go(req: Any, client: Any) -> str:
    return str(await client.start_new("empty"))


@app.route(route="plain")
@app.durable_client_input(client_name="client")
def plain(req: Any, client: Any) -> str:
    return str(client.start_new("empty"))


@pytest.fixture(scope="module")
def hosted() -> Iterator[tuple[Serving, Host]]:
    hosts: list[Host] = []

    def make() -> Host:
        hosts.append(Host(app, hub=":memory:"))
        return hosts[-1]

    with serving(make) as found:
        yield found, hosts[-1]


def recorded(host: Host, instance_id: str) -> Any:
    started = host.hub.history(instance_id)[0]
    assert isinstance(started, ExecutionStarted)
    return started.parent_trace_context


@pytest.mark.parametrize("way", ["management", "go", "plain"])
def test_an_instance_continues_the_trace_of_the_request_that_started_it(hosted: tuple[Serving, Host], way: str) -> None:
    serving, host = hosted
    headers = {"traceparent": CALLER, "tracestate": "vendor=7"}
    target = f"{BASE}/orchestrators/empty" if way == "management" else f"/api/{way}"
    for given in (headers, {}, {"traceparent": "nonsense"}):
        answer = Caller(serving)("POST", target, **given)
        instance_id = answer.json["id"] if way == "management" else answer.body.decode()
        found = recorded(host, instance_id)
        assert (found and (found.trace_parent, found.trace_state)) == (
            (CALLER, "vendor=7") if given is headers else None
        )
