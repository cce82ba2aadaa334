"""The verbs about entities, as the host offers them to its client, to HTTP and to commands.

A signal returns once its line is durable; whether the operation has been run is another question. Reading shows the
state after the last batch that is durable.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence

from dfcli.errors import InvalidArgument, UnknownFunction
from dfcli.host.draft import Draft
from dfcli.host.entities import Entities
from dfcli.host.lane import in_quarantine
from dfcli.host.requests import Requests, not_found
from dfcli.model import history as h
from dfcli.model.entity_ids import ENTITY_PREFIX, entity_instance_id
from dfcli.model.entity_messages import failure_response
from dfcli.model.entity_status import CleanedEntities, EntityPage, EntityView, view_of
from dfcli.model.failure import FailureDetails
from dfcli.model.ids import CALLED_NAME_LENGTH_MAX, REQUEST_ID_LENGTH_MAX, check_text
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.status import InstanceSummary
from dfcli.registry.registry import Registry
from dfcli.storage.transaction import Purge

LOOKED_AT_ONCE = 1_000
"""Entities that are looked at in one go, when only some of them are meant."""


class EntityRequests(Requests):
    """The part of the host that takes requests about entities."""

    entities: Entities

    async def signal_entity(
        self,
        name: str,
        key: str,
        operation: str,
        payload: Payload = NOTHING,
        *,
        due: str | None = None,
        request_id: str | None = None,
    ) -> None:
        """Have an entity do something, not before `due`. UnknownFunction, InvalidArgument, NoSpace, Quarantined.

        Repeating a call with the same `request_id` does nothing more: an entity remembers its newest 256 requests.
        """
        self._check_can_accept(payload)
        if self.registry.entity(name) is None:
            raise unknown_entity(name, self.registry)
        entity_id = entity_instance_id(name, key)
        check_text("operation", operation, CALLED_NAME_LENGTH_MAX)
        check_text("request id", request_id, REQUEST_ID_LENGTH_MAX)
        lane = self.entities.lane(entity_id)
        if lane is None:
            raise in_quarantine(entity_id, self.scheduler.quarantined.get(entity_id, ""))
        if request_id is not None and request_id in lane.entity.recent:
            await self._caught_up(lane)
            return
        seq, timestamp = self._line(lane)
        received = h.EntityOperationReceived(
            seq=seq,
            event_id=-1,
            timestamp=timestamp,
            request_id=request_id or self.scheduler.new_id(),
            operation=operation,
            input=payload.raw,
            input_text=payload.text,
            signal=True,
            due=due,
            keyed=request_id is not None,
        )
        self.entities.receive(lane, received)
        await self._durable(lane)

    def entity(self, name: str, key: str) -> EntityView | None:
        """An entity as its durable lines tell; None when there is none. One without a state does not `exist`."""
        summary = self.hub.summary(entity_instance_id(name, key))
        return None if summary is None else _view(summary)

    def list_entities(
        self,
        name: str = "",
        *,
        last_operation_from: str | None = None,
        last_operation_to: str | None = None,
        top: int = 100,
        continuation: str = "",
        fetch_state: bool = True,
        include_empty: bool = False,
    ) -> EntityPage:
        """Entities of one name or of all, in order of their ids. Those without a state are left out unless wished for.

        Times are timestamps, ends included. Raises InvalidArgument for a token that is none.
        """
        if top < 1:
            raise InvalidArgument(f"a page of {top} entities is not possible", hint="ask for at least 1")
        prefix = f"@{name.lower()}@" if name else ENTITY_PREFIX
        after = _place(continuation)
        found: list[EntityView] = []
        while True:
            summaries = self.hub.entities(prefix, after, max(top + 1 - len(found), LOOKED_AT_ONCE))
            for summary in summaries:
                view = _view(summary, with_state=fetch_state)
                if view is not None and _is_meant(view, last_operation_from, last_operation_to, include_empty):
                    found.append(view)
                if len(found) > top:
                    return EntityPage(found[:top], _token(found[top - 1].instance_id))
            if len(summaries) < LOOKED_AT_ONCE:
                return EntityPage(found)
            after = summaries[-1].instance_id

    async def clean_entities(
        self, *, remove_empty: bool = True, release_orphaned_locks: bool = True
    ) -> CleanedEntities:
        """Remove entities without state, work and lock; give up locks whose owners are gone."""
        self._check_can_accept()
        released = self.entities.sweep() if release_orphaned_locks else 0
        removed = 0
        after = ENTITY_PREFIX
        while remove_empty:
            summaries = self.hub.entities(ENTITY_PREFIX, after, LOOKED_AT_ONCE)
            empty = [s.instance_id for s in summaries if s.entity is not None and not s.entity.exists]
            idle = [entity_id for entity_id in empty if self._is_idle(entity_id)]
            if idle:
                await self._purge_entities(idle)
                removed += len(idle)
            if len(summaries) < LOOKED_AT_ONCE:
                break
            after = summaries[-1].instance_id
        await self.committer.barrier()
        return CleanedEntities(removed, released)

    async def purge_entity(self, entity_id: str) -> int:
        """Remove an entity, whatever waits for it: 1. Its callers get a failure. NotFound."""
        self._check_can_accept()
        if self.hub.summary(entity_id) is None and entity_id not in self.entities.lanes:
            raise not_found(entity_id)
        await self._purge_entities([entity_id])
        return 1

    async def _purge_entities(self, entity_ids: Sequence[str]) -> None:
        """In one transaction: the answers to those who wait, and the removal."""
        draft = Draft()
        for entity_id in entity_ids:
            lane = self.entities.existing(entity_id)
            if lane is None:  # in quarantine
                summary = self.hub.summary(entity_id)
                if summary is not None:
                    draft.purges.append(Purge(entity_id, summary.exec))
                continue
            self.entities.send(lane, draft)
            failure = FailureDetails(error_type="EntityPurged", error_message=f"the entity {entity_id} was purged")
            for operation in lane.entity.operations_waiting():
                self.entities.delivery.answer(entity_id, operation, failure_response(failure), draft)
            draft.purges.append(Purge(entity_id, lane.key.exec))
            self.entities.forget(lane)
        await self._committed_draft(draft)
        self.entities.purged([(purge.instance_id, purge.upto_exec) for purge in draft.purges])

    def _is_idle(self, entity_id: str) -> bool:
        lane = self.entities.existing(entity_id)
        return lane is not None and lane.is_idle and not lane.entity.has_work


def unknown_entity(name: str, registry: Registry) -> UnknownFunction:
    """The refusal in Durable Functions' words, which its clients show."""
    known = ", ".join(f"'{each}'" for each in registry.known("entity"))
    listed = f"The following are the known entity functions: {known}." if known else "No entity functions are known."
    return UnknownFunction(
        f"The function '{name}' doesn't exist, is disabled, or is not an entity function. Additional info: {listed}",
        hint="dfcli functions",
    )


def _view(summary: InstanceSummary, *, with_state: bool = True) -> EntityView | None:
    if summary.entity is None:
        return None
    return view_of(summary.instance_id, summary.entity, summary.updated, with_state=with_state)


def _is_meant(view: EntityView, first: str | None, last: str | None, include_empty: bool) -> bool:
    return (
        (view.exists or include_empty)
        and (first is None or view.last_operation_time >= first)
        and (last is None or view.last_operation_time <= last)
    )


def _token(entity_id: str) -> str:
    return base64.urlsafe_b64encode(entity_id.encode()).decode()


def _place(continuation: str) -> str:
    """The id after which the page begins."""
    if not continuation:
        return ""
    try:
        place = base64.urlsafe_b64decode(continuation.encode()).decode()
    except (binascii.Error, ValueError):
        place = ""
    if not place.startswith(ENTITY_PREFIX):
        raise InvalidArgument(
            f"the continuation token {continuation[:80]!r} cannot be used",
            why="it was not handed out by a list of entities",
            hint="begin without a token",
        )
    return place
