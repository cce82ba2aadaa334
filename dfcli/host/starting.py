"""Starting instances: whose id may be taken, when they begin, and starting one again with what it was given."""

from __future__ import annotations

import hashlib

from dfcli.errors import InstanceExists, NotFound, UnknownFunction
from dfcli.host.draft import Draft
from dfcli.host.lane import in_quarantine
from dfcli.host.requests import Requests
from dfcli.host.rewinding import terminate
from dfcli.host.tracing import callers_trace
from dfcli.model import history as h
from dfcli.model.ids import (
    CALLED_NAME_LENGTH_MAX,
    REQUEST_ID_LENGTH_MAX,
    ExecutionKey,
    check_instance_id,
    check_text,
)
from dfcli.model.payload import NOTHING, Payload
from dfcli.registry.registry import Registry


class Starting(Requests):
    """The part of the host that starts instances."""

    async def start_instance(
        self,
        name: str,
        payload: Payload = NOTHING,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        request_id: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
        tags: dict[str, str] | None = None,
    ) -> str:
        """The id of the new instance, durable. UnknownFunction, InvalidArgument, InstanceExists, NoSpace.

        Repeating a call with the same `request_id` starts nothing more; without an id the id derives from it.
        `start_at` is a timestamp before which no code runs. `replace`: a live instance of that id is ended in the
        transaction that starts the new one; by default the settings decide.
        """
        self._check_can_accept(payload)
        definition = self.registry.orchestrator(name)
        if definition is None:
            raise unknown_orchestrator(name, self.registry)
        check_text("version", version, CALLED_NAME_LENGTH_MAX)
        check_text("request id", request_id, REQUEST_ID_LENGTH_MAX)
        if instance_id:
            check_instance_id(instance_id)
        elif request_id:
            instance_id = hashlib.sha256(request_id.encode()).hexdigest()[:32]
        draft = Draft()
        generation = 1
        if not instance_id:
            instance_id = self.scheduler.new_id()
        else:
            existing = await self._settled(instance_id)
            # From here to the end nothing is waited for: whoever comes second finds the lane of the first.
            if existing is not None and request_id and existing.request_id == request_id:
                return instance_id
            if existing is not None and existing.quarantined:
                raise in_quarantine(instance_id, existing.quarantined)
            generation = self.hub.next_exec(instance_id)
            if existing is not None and existing.is_live:
                may_replace = self.settings.overridable_states == "any" if replace is None else replace
                if not may_replace:
                    raise _taken(instance_id, existing.status)
                generation = max(generation, self._end_live(instance_id, draft) + 1)
        execution_id = self.scheduler.new_id()
        traces = self._traces
        started = h.ExecutionStarted(
            seq=1,
            event_id=-1,
            timestamp=self.scheduler.now(),
            name=definition.name,
            execution_id=execution_id,
            parent_trace_context=traces.of_new(execution_id, name) if traces is not None else callers_trace.get(),
            version=version or self.settings.default_version or None,
            input=payload.raw,
            input_text=payload.text,
            tags=tags,
            scheduled_start_time=start_at,
            origin="client",
            rules=self.registry.rules,
            code_id=self.code_id,
            request_id=request_id,
        )
        lane = self.scheduler.open_lane(ExecutionKey(instance_id, generation), started)
        if draft.is_empty:
            self.scheduler.ready(lane)
            await self._durable(lane)
        else:
            draft.send(lane)
            self.scheduler.ready(lane)
            await self._committed_draft(draft)
        return instance_id

    async def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        """Start an orchestrator again with the name, the input, the version and the tags of one of its instances: under
        a new id, or under the same when that one has ended. The id. NotFound, InstanceExists, UnknownFunction."""
        self._check_can_accept()
        source = await self._settled(check_instance_id(instance_id))
        if source is None:
            raise NotFound(f"An orchestrastion with the instanceId {instance_id} was not found.", hint="dfcli list")
        if source.is_live and not new_id:
            raise InstanceExists(
                "A non-terminal instance with this instance ID already exists.",
                why=f"{instance_id!r} is {source.status}",
                hint=f"terminate it first: dfcli terminate {instance_id}",
            )
        return await self.start_instance(
            source.name,
            source.input,
            instance_id=None if new_id else instance_id,
            version=source.version,
            tags=source.tags,
            replace=False,
        )

    def _end_live(self, instance_id: str, draft: Draft) -> int:
        """End the instance that has the id; the number of its execution."""
        lane = self.scheduler.lane(instance_id)
        if lane is None:
            return 0
        terminate(self.scheduler, instance_id, "another instance was started under its id", draft, recursive=False)
        return lane.key.exec


def _taken(instance_id: str, status: str) -> InstanceExists:
    return InstanceExists(
        f"An Orchestration instance with the status {status} already exists.",
        why=f"the id {instance_id!r} belongs to a live instance",
        hint="choose another id, or terminate that one first",
    )


def unknown_orchestrator(name: str, registry: Registry) -> UnknownFunction:
    """The refusal in Durable Functions' words, which its clients show."""
    known = registry.known("orchestrator")
    listed = (
        "The following are the known orchestrator functions: " + ", ".join(f"'{n}'" for n in known) + "."
        if known
        else "No orchestrator functions are currently registered!"
    )
    return UnknownFunction(
        f"The function '{name}' doesn't exist, is disabled, or is not an orchestrator function.",
        why=f"Additional info: {listed}",
        hint="dfcli functions",
    )
