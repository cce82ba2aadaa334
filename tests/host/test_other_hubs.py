"""Clients of task hubs beside the host's own: worked on as files, or through the host that runs them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dfcli as df
from dfcli.errors import HubLocked, InvalidArgument, NotFound, Unavailable
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from dfcli.http.remote_client import RemoteControl
from tests.host.running import in_real_time, in_virtual_time
from tests.http.serving import serving

REQUEST = df.HttpRequest("GET", "http://127.0.0.1/")


def make_app() -> df.DFApp:
    app = df.DFApp()

    @app.orchestration_trigger()
    def approval(context: df.DurableOrchestrationContext) -> Any:
        return (yield context.wait_for_external_event("approve"))

    @app.route()
    @app.durable_client_input(client_name="client", task_hub="%WHERE%")
    async def waiting(req: df.HttpRequest, client: df.DurableOrchestrationClient) -> str:
        await client.start_new("approval", "one", {"n": 1})
        assert (await client.get_status("one")).input_ == {"n": 1}
        await client.raise_event("one", "approve", "yes")
        return client.task_hub_name

    @app.route()
    @app.durable_client_input(client_name="client", task_hub="Archive")
    def plain(req: df.HttpRequest, client: Any) -> list[str]:
        client.start_new("approval", "two")
        client.suspend("two")
        client.resume("two")
        client.terminate("two", "enough")
        return [f"{status.instance_id} {status.runtime_status.value}" for status in client.get_status_all()]

    return app


async def call(host: Host, name: str) -> Any:
    function = host.registry.http_function(name)
    assert function is not None
    return await host.run_http_function(function, REQUEST)


WHERE = HostSettings(app_values={"WHERE": "Archive"})


def test_a_hub_that_nobody_runs_is_worked_on_as_files_and_its_host_goes_on_from_there(tmp_path: Path) -> None:
    async def scene(host: Host) -> None:
        assert await call(host, "waiting") == "Archive"
        assert await call(host, "plain") == ["one Pending", "two Terminated"]
        assert await host.client.get_status_all() == []

    in_real_time(make_app(), str(tmp_path / "default"), scene, settings=WHERE)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["Archive", "default"]

    async def later(host: Host) -> Any:
        return (await host.client.wait("one", 10)).output

    assert in_real_time(make_app(), str(tmp_path / "Archive"), later, hub_name="Archive") == "yes"


def test_a_hub_that_another_host_runs_is_reached_through_it(tmp_path: Path) -> None:
    other = str(tmp_path / "archive")

    with serving(lambda: Host(make_app(), hub=other, hub_name="archive")) as served:

        async def scene(host: Host) -> Any:
            host.reach = lambda path: RemoteControl(served.url) if path == other else None
            assert await call(host, "waiting") == "Archive"
            return (await host.other_hubs.client("ARCHIVE").wait("one", 10)).output

        assert in_real_time(make_app(), str(tmp_path / "default"), scene, settings=WHERE) == "yes"


def test_a_hub_that_is_held_by_a_host_that_cannot_be_reached_is_locked(tmp_path: Path) -> None:
    async def scene(host: Host) -> None:
        async with Host(make_app(), hub=str(tmp_path / "Archive")):
            with pytest.raises(HubLocked):
                await call(host, "plain")

    in_real_time(make_app(), str(tmp_path / "default"), scene)


def test_the_own_hub_goes_by_its_name_in_any_case() -> None:
    async def scene(host: Host) -> None:
        assert host.other_hubs.client("DEFAULT") is host.client
        with pytest.raises(InvalidArgument, match="there is no task hub 'Archive'"):
            host.other_hubs.client("Archive")

    in_virtual_time(make_app(), lambda host: scene(_in_memory(host)))


def _in_memory(host: Host) -> Host:
    host.hub_path = ":memory:"
    return host


def test_what_another_hub_cannot_be_asked_is_refused_in_words(tmp_path: Path) -> None:
    async def scene(host: Host) -> None:
        client = host.other_hubs.client("Archive")
        assert not await client.get_status("nobody")
        for act in (client.terminate("nobody"), client.raise_event("nobody", "e"), client.wait("nobody", 1)):
            with pytest.raises(NotFound):
                await act
        assert not (tmp_path / "Archive").exists()
        await client.start_new("approval", "live")
        with pytest.raises(Unavailable, match="no host runs the task hub 'Archive'"):
            await client.wait("live", 1)
        with pytest.raises(InvalidArgument, match="is not possible on another task hub"):
            await client.clean_entity_storage()
        with pytest.raises(InvalidArgument, match="is not an entity function"):
            await client.signal_entity(df.EntityId("counter", "a"), "add", 1)
        with pytest.raises(InvalidArgument, match="Idempotency-Key"):
            await client.signal_entity(df.EntityId("counter", "a"), "add", 1, request_id="once")
        with pytest.raises(df.DfError, match="nothing_of_that_name"):
            await client.start_new("nothing_of_that_name", "x")
        with pytest.raises(InvalidArgument):
            host.other_hubs.client("../elsewhere")
        await host.client.raise_event("live", "approve", 1, task_hub_name="archive")
        await client.terminate("live")
        assert (await client.purge_instance_history("live")).instances_deleted == 1
        await client.start_new("approval", "again")
        await client.terminate("again")
        assert (await client.purge_instance_history_by()).instances_deleted == 1

    in_real_time(make_app(), str(tmp_path / "default"), scene)
