"""The state of an entity in an Azure app is the object that the code holds: changes in place are kept, as there."""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import azure.durable_functions as vendors
import pytest

import dfcli as df
from dfcli.compat.app import functions_of
from dfcli.host.host import Host
from dfcli.host.settings import HostSettings
from tests.host.running import VirtualMachine


def changes(context: Any) -> None:
    state = context.get_state(dict)
    if context.operation_name == "change":
        state["n"] = state.get("n", 0) + 1
    elif context.operation_name == "set and change":
        context.set_state(state)
        state["later"] = True
    elif context.operation_name == "delete":
        context.destruct_on_exit()
    elif context.operation_name == "spoil":
        state["n"] = 7
        raise ValueError("after it was changed")
    context.set_result(context.get_state(dict))


def theirs(*operations: str) -> Any:
    """The state as the SDK leaves it."""
    batch = [{"name": name, "input": json.dumps("null"), "isSignal": False} for name in operations]
    body = {"self": {"name": "kept", "key": "a"}, "exists": True, "state": '{"n": 1}', "batch": batch}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the SDK's advice on types, once in a process
        answer = json.loads(vendors.Entity.create(changes)(json.dumps(body)))
    return json.loads(answer["entityState"])


def ours(*operations: str, rollback: bool = True) -> Any:
    app = vendors.DFApp()

    @app.entity_trigger(context_name="context", entity_name="kept")
    def kept(context: Any) -> None:
        if context.operation_name == "begin":
            context.set_state({"n": 1})
        else:
            changes(context)

    async def play(host: Host) -> Any:
        entity = df.EntityId("kept", "a")
        for name in ("begin", *operations):
            await host.client.signal_entity(entity, name, None)
        await asyncio.sleep(10)
        return (await host.client.read_entity_state(entity)).entity_state

    settings = HostSettings(rollback_entity_operations=rollback)
    return VirtualMachine().run(functions_of(app), play, settings=settings)


@pytest.mark.parametrize(
    "operations",
    [("change",), ("change", "change", "get"), ("set and change", "get"), ("get",), ("change", "delete", "change")],
)
def test_changes_in_place_are_kept_as_the_sdk_keeps_them(operations: tuple[str, ...]) -> None:
    assert ours(*operations) == theirs(*operations)


def test_a_failed_operation_takes_them_back_unless_the_settings_say_otherwise() -> None:
    assert ours("spoil") == {"n": 1}
    assert ours("spoil", rollback=False) == {"n": 7} == theirs("spoil")
