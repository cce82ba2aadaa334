"""The vendor's own client for Python, unmodified, against the workers' address of the real host.

It sends inputs, payloads of events and of operations as JSON in a JSON string. The address for it undoes that for
inputs; events keep their form, which its apps undo themselves.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dfcli.host.client_payload import client_payload
from tests.http.contract_world import World, world_in

BASE = "/runtime/webhooks/durabletask"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("hub")) as found:
        yield found


def binding(world: World, address: str = "python1/durabletask") -> str:
    """What Durable Functions hands to a function that asks for the client."""
    rpc = f"{world.running.url}/rpc/{world.running.host.rpc_token}/{address}/"
    return json.dumps(client_payload(world.running.url + BASE, rpc, "default"))


def with_client(world: World, use: Callable[[Any], Awaitable[None]], address: str = "python1/durabletask") -> None:
    from azure.durable_functions import DurableOrchestrationClient
    from azure.durable_functions.models.utils import http_utils

    async def run() -> None:
        http_utils._session_lock = asyncio.Lock()  # its session belongs to one loop
        http_utils._client_session = None
        try:
            await use(DurableOrchestrationClient(binding(world, address)))
        finally:
            await http_utils._close_session()

    asyncio.run(run())


async def ended(client: Any, instance_id: str) -> Any:
    while (found := await client.get_status(instance_id, show_input=True)).runtime_status.name in (
        "Pending",
        "Running",
    ):
        pass
    return found


def test_it_starts_asks_raises_events_and_purges(world: World) -> None:
    async def use(client: Any) -> None:
        instance_id = await client.start_new("approval", "v 1", {"a": "ü"})
        assert instance_id == "v 1"
        live = await client.get_status("v 1", show_history=True, show_history_output=True, show_input=True)
        assert live.name == "approval"
        await client.raise_event("v 1", "approval", {"ok": True})
        found = await ended(client, "v 1")
        assert (found.runtime_status.name, found.output) == ("Completed", '{"ok": true}')
        with_history = await client.get_status("v 1", show_history=True, show_history_output=True)
        assert [each["EventType"] for each in with_history.historyEvents] == [
            "ExecutionStarted",
            "EventRaised",
            "ExecutionCompleted",
        ]
        with pytest.raises(Exception, match="is gone"):
            await client.raise_event("v 1", "approval")
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.raise_event("nobody", "approval")
        assert (await client.purge_instance_history("v 1")).instances_deleted == 1
        assert (await client.purge_instance_history("v 1")).instances_deleted == 0

    with_client(world, use)


def test_refusals_come_as_its_exceptions(world: World) -> None:
    async def use(client: Any) -> None:
        with pytest.raises(Exception, match="The function 'nothing' doesn't exist"):
            await client.start_new("nothing")
        await client.start_new("approval", "taken")
        with pytest.raises(Exception, match=r"status (Pending|Running) already exists"):
            await client.start_new("approval", "taken")
        with pytest.raises(Exception, match='only orchestrations in the "Failed" state can be rewound'):
            await client.rewind("taken", "why")
        with pytest.raises(Exception, match="No instance with ID nobody found"):
            await client.rewind("nobody", "why")
        await client.terminate("taken", "no need & no time")
        assert (await ended(client, "taken")).output == "no need & no time"
        await client.terminate("taken", "twice")  # 410, which it takes for done
        with pytest.raises(Exception, match="No instance with ID 'nobody' found"):
            await client.terminate("nobody", "why")

    with_client(world, use)


def test_it_suspends_resumes_rewinds_and_restarts(world: World) -> None:
    async def use(client: Any) -> None:
        await client.start_new("approval", "held")
        await client.suspend("held", "wait a moment")
        assert (await client.get_status("held")).runtime_status.name == "Suspended"
        await client.resume("held", "go on")
        await client.raise_event("held", "Approval", 1)
        assert (await ended(client, "held")).output == "1"
        await client.restart("held", restart_with_new_instance_id=False)
        assert (await client.get_status("held")).runtime_status.name in ("Pending", "Running")
        again = await client.restart("held")
        assert (again["id"] if isinstance(again, dict) else again) != "held"
        await client.start_new("failing", "broken")
        assert (await ended(client, "broken")).runtime_status.name == "Failed"
        await client.rewind("broken", "try again")
        assert (await ended(client, "broken")).runtime_status.name == "Failed"

    with_client(world, use)


def test_it_lists_and_purges_by_filter(world: World) -> None:
    async def use(client: Any) -> None:
        from azure.durable_functions import OrchestrationRuntimeStatus

        for number in range(120):
            await client.start_new("echo", f"many-{number:03}", number)
        await ended(client, "many-119")
        everybody = await client.get_status_all()
        assert {f"many-{number:03}" for number in range(120)} <= {each.instance_id for each in everybody}
        before = datetime.now(UTC) - timedelta(hours=1)
        found = await client.get_status_by(
            created_time_from=before,
            created_time_to=datetime.now(UTC) + timedelta(hours=1),
            runtime_status=[OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Terminated],
        )
        assert sum(each.instance_id.startswith("many-") for each in found) == 120
        gone = await client.purge_instance_history_by(
            created_time_from=before, runtime_status=[OrchestrationRuntimeStatus.Completed]
        )
        assert gone.instances_deleted >= 120
        none = await client.purge_instance_history_by(created_time_from=datetime(2100, 1, 1, tzinfo=UTC))
        assert none.instances_deleted == 0

    with_client(world, use)


def test_it_signals_and_reads_entities(world: World) -> None:
    async def use(client: Any) -> None:
        from azure.durable_functions import EntityId

        shop = EntityId("counter", "my shop")
        assert not (await client.read_entity_state(shop)).entity_exists
        await client.signal_entity(shop, "set", {"n": 5})
        while not (found := await client.read_entity_state(shop)).entity_exists:
            pass
        assert found.entity_state == {"n": 5}

    with_client(world, use)


def test_its_helpers_for_http_functions_lead_to_the_host(world: World) -> None:
    async def use(client: Any) -> None:
        from azure.functions import HttpRequest

        request = HttpRequest("POST", f"{world.running.url}/api/begin", body=b"")
        await client.start_new("echo", "linked", 7)
        response = client.create_check_status_response(request, "linked")
        links = json.loads(response.get_body())
        await ended(client, "linked")
        target = links["statusQueryGetUri"].removeprefix(world.running.url)
        answer = world.call("GET", target)
        assert (answer.status, answer.json["output"]) == (200, 7)
        await client.start_new("echo", "waited", 8)
        done = await client.wait_for_completion_or_create_check_status_response(request, "waited", 10_000, 50)
        assert (done.status_code, json.loads(done.get_body())) == (200, 8)

    with_client(world, use)


VALUES = [0, False, "", "7", "null", '{"a": 1}', "not JSON", {"ü": [1.5, None, {"deep": "😀"}]}, []]


def test_inputs_arrive_as_they_were_meant_and_events_in_the_clients_form(world: World) -> None:
    async def use(client: Any) -> None:
        for number, value in enumerate([*VALUES, None]):
            await client.start_new("echo", f"meant-{number}", value)
            found = await ended(client, f"meant-{number}")
            assert (found.output, found.input_) == (value, value)
            await client.start_new("approval", f"event-{number}")
            await client.raise_event(f"event-{number}", "approval", value)
            assert (await ended(client, f"event-{number}")).output == json.dumps(value)

    with_client(world, use)


def test_the_address_for_other_clients_takes_bodies_as_they_are(world: World) -> None:
    async def use(client: Any) -> None:
        await client.start_new("echo", "as-it-is", {"a": 1})
        assert (await ended(client, "as-it-is")).output == '{"a": 1}'

    with_client(world, use, "durabletask")


def test_an_input_that_is_nested_too_deeply_is_refused_also_within_a_string(world: World) -> None:
    async def use(client: Any) -> None:
        deep: Any = 1
        for _ in range(70):
            deep = [deep]
        with pytest.raises(Exception, match="nested too deeply"):
            await client.start_new("echo", "deep", deep)

    with_client(world, use)
