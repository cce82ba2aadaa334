"""A host with instances in a dictionary: what the HTTP room needs of the real one, and no disk."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable

import msgspec

from dfcli.authoring.http import HttpRequest
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import (
    InstanceExists,
    InstanceGone,
    InvalidArgument,
    NotFound,
    TimedOut,
    UnknownFunction,
    WrongState,
)
from dfcli.host.by_hand import FunctionRun
from dfcli.model import history as h
from dfcli.model import payload
from dfcli.model.entity_ids import entity_instance_id
from dfcli.model.entity_status import EntityPage, EntityView
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.query import InstanceFilter, Page, Wait
from dfcli.model.status import InstanceSummary

STARTED = "2026-01-05T10:00:00.100000Z"


class FakeRegistry:
    def __init__(self, http: list[FunctionDefinition] | None = None) -> None:
        self.http = http or []
        self.all = [*self.http, function("hello", "orchestrator")]

    def orchestrator(self, name: str) -> FunctionDefinition | None:
        return next((f for f in self.all if f.kind == "orchestrator" and f.name == name), None)

    def known(self, kind: str) -> list[str]:
        return ["hello", "other"] if kind == "orchestrator" else []


class FakeHost:
    hub_name = "default"
    hub_path = "/fake/hub"
    started_at = STARTED
    health = "ok"
    rpc_token = "token-nobody-guesses"

    def __init__(self, http: list[FunctionDefinition] | None = None) -> None:
        self.registry = FakeRegistry(http)
        self.instances: dict[str, InstanceSummary] = {}
        self.entities: dict[str, EntityView] = {}
        self.histories: dict[str, list[h.Event]] = {}
        self.told: list[tuple[object, ...]] = []
        self.ended = asyncio.Event()
        self.waiting = 0
        self.answer: Callable[[FunctionDefinition, HttpRequest], object] = lambda *_: None

    def put(self, instance_id: str, status: str, **members: object) -> InstanceSummary:
        given = {"name": "hello", "exec": 1, "created": STARTED, "updated": STARTED, **members}
        summary = InstanceSummary(instance_id=instance_id, status=status, **given)  # type: ignore[arg-type]
        self.instances[instance_id] = summary
        return summary

    async def start_instance(self, name, payload, *, instance_id=None, version=None, request_id=None, **_more):
        if name.lower() not in ("hello", "other"):
            raise UnknownFunction(
                f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function.",
                why="Additional info: The following are the known orchestrator functions: 'hello', 'other'.",
            )
        instance_id = instance_id or request_id or f"{len(self.instances):032x}"
        known = self.instances.get(instance_id)
        if known is not None and known.is_live:
            raise InstanceExists(f"An Orchestration instance with the status {known.status} already exists.")
        self.told.append(("start", name, payload.json_text, instance_id, version, request_id))
        self.put(instance_id, "Pending", input=payload, version=version)
        return instance_id

    def other_hub(self, name: str, *, creating: bool = False) -> None:
        return None

    def begin_by_hand(self, name, data):
        self.told.append(("run", name, data))

    async def run_by_hand(self, name, given):
        self.told.append(("run", name, given))
        return FunctionRun(name=name)

    def client_payload(self, task_hub, sdk):
        return '{"taskHubName": "default", "managementUrls": {}, "rpcBaseUrl": ""}'

    def summary(self, instance_id: str) -> InstanceSummary | None:
        return self.instances.get(instance_id)

    def history(self, instance_id: str, exec: int | None = None) -> list[h.Event]:
        self._known(instance_id)
        return self.histories.get(instance_id, [])

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return [h.encode_members(event) for event in self.history(instance_id, exec)]

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        if not re.fullmatch("[0-9]*", continuation):
            raise InvalidArgument("the continuation token is not one of ours")
        found = [
            s for s in sorted(self.instances.values(), key=lambda s: (s.created, s.instance_id)) if which.matches(s)
        ]
        start = int(continuation or "0")
        return Page(found[start : start + top], str(start + top) if start + top < len(found) else "")

    async def raise_event(self, instance_id, name, payload, *, request_id=None):
        self._live(instance_id)
        self.told.append(("raise", instance_id, name, payload.json_text, request_id))

    async def signal_entity(self, name, key, operation, payload, *, due=None, request_id=None):
        self.told.append(("signal", name, key, operation, payload.json_text, due, request_id))

    async def terminate(self, instance_id, reason, *, recursive=False):
        self._live(instance_id)
        self.put(instance_id, "Terminated", output=payload.encode(reason))

    async def suspend(self, instance_id, reason):
        self._change(instance_id, reason, "suspend", "Suspended")

    async def resume(self, instance_id, reason):
        self._change(instance_id, reason, "resume", "Running")

    async def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        known = self._known(instance_id)
        if known.is_live:
            raise WrongState(
                "Only orchestrations in a terminal state can be purged, but the orchestration with instance ID "
                f"{instance_id} has status {known.status}",
                hint=f"dfcli terminate {instance_id}",
            )
        del self.instances[instance_id]
        return 1

    async def purge_by(self, which: InstanceFilter) -> int:
        found = [s for s in self.instances.values() if which.matches(s)]
        for summary in found:
            await self.purge(summary.instance_id)
        return len(found)

    async def wait(self, instance_id: str, timeout: float | None = None) -> InstanceSummary:
        if self._known(instance_id).is_live:
            self.waiting += 1
            try:
                await asyncio.wait_for(self.ended.wait(), timeout)
            except TimeoutError:
                raise TimedOut("it has not ended") from None
            finally:
                self.waiting -= 1
        return self._known(instance_id)

    def end(self, instance_id: str, output: Payload = NOTHING, status: str = "Completed") -> None:
        self.put(instance_id, status, output=output)
        self.ended.set()

    def put_entity(self, name: str, key: str, state: Payload, last_operation_time: str = STARTED) -> None:
        exists = state != NOTHING
        self.entities[f"@{name}@{key}"] = EntityView(
            name=name,
            key=key,
            state=state,
            exists=exists,
            last_operation_time=last_operation_time,
            waiting=0,
            locked_by=None,
        )

    def entity(self, name: str, key: str) -> EntityView | None:
        return self.entities.get(entity_instance_id(name, key))

    def list_entities(
        self,
        name="",
        *,
        last_operation_from=None,
        last_operation_to=None,
        top=100,
        continuation="",
        fetch_state=True,
    ) -> EntityPage:
        if not re.fullmatch("[0-9]*", continuation):
            raise InvalidArgument("the continuation token is not one of ours")
        found = [
            view if fetch_state else msgspec.structs.replace(view, state=NOTHING)
            for _, view in sorted(self.entities.items())
            if view.exists
            and name.lower() in ("", view.name)
            and (last_operation_from or "") <= view.last_operation_time <= (last_operation_to or "9")
        ]
        start = int(continuation or "0")
        return EntityPage(found[start : start + top], str(start + top) if start + top < len(found) else "")

    def waits(self, instance_id: str) -> list[Wait]:
        return [Wait(kind="event", name="Approval")]

    def parked(self, instance_id: str) -> str:
        return ""

    def run_timer_now(self, name: str) -> None:
        self.told.append(("run", name))

    async def run_http_function(self, definition: FunctionDefinition, request: HttpRequest) -> object:
        return self.answer(definition, request)

    def _known(self, instance_id: str) -> InstanceSummary:
        known = self.instances.get(instance_id)
        if known is None:
            raise NotFound(f"there is no instance {instance_id!r}", hint="dfcli list")
        return known

    def _live(self, instance_id: str) -> InstanceSummary:
        known = self._known(instance_id)
        if not known.is_live:
            raise InstanceGone(f"instance {instance_id!r} has ended", why=f"its status is {known.status}")
        return known

    def _change(self, instance_id: str, reason: str, verb: str, wanted: str) -> None:
        known = self._live(instance_id)
        if (known.status == "Suspended") == (wanted == "Suspended"):
            raise WrongState(
                f"Cannot {verb} the orchestration instance {instance_id} "
                f"because instance is in the {known.status} state."
            )
        self.told.append((verb, instance_id, reason))
        self.put(instance_id, wanted)


def function(
    name: str, kind: str = "http", route: str | None = None, methods: list[str] | None = None
) -> FunctionDefinition:
    return FunctionDefinition(
        name=name,
        kind=kind,  # type: ignore[arg-type]
        function=lambda: None,
        is_async=False,
        parameter="req",
        route=route,
        methods=None if methods is None else frozenset(methods),
        file="function_app.py",
        line=3,
    )
