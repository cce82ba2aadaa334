"""Messages to entities and their answers: each line stands in the transaction of what caused it.

A call's EventSent and the entity's line are one transaction, and so are a batch, the answers to its callers and what it
sent. The owner of a lock, or of a request for one, gives it up in the transaction in which it ends, however it ends.
"""

from __future__ import annotations

import logging
from typing import Protocol

import msgspec
from msgspec import Raw

from dfcli.authoring.entity import SignalWish, StartWish
from dfcli.engine.entity import Operation
from dfcli.host.callers import still_waits
from dfcli.host.draft import Draft
from dfcli.host.entity_lane import EntityLane
from dfcli.host.lane import Lane, in_quarantine
from dfcli.host.scheduler import Scheduler
from dfcli.model import history as h
from dfcli.model.entity_ids import parse_entity_id
from dfcli.model.entity_messages import LOCK_GRANTED, RELEASE, Message, failure_response, message_of, result_response
from dfcli.model.failure import FailureDetails
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import Payload

log = logging.getLogger("dfcli.host")


class Lanes(Protocol):
    """What delivery needs of the host's entities."""

    def lane(self, entity_id: str) -> EntityLane | None: ...

    def existing(self, entity_id: str) -> EntityLane | None: ...

    def append(self, lane: EntityLane, event: h.Event, draft: Draft) -> None: ...


class EntityDelivery:
    """Owned by the loop's thread."""

    def __init__(self, lanes: Lanes, scheduler: Scheduler) -> None:
        self._lanes = lanes
        self._scheduler = scheduler
        self.owners: dict[str, set[str]] = {}
        """Instance id to the entities that it has locked or whose lock it waits for."""

    # -- from orchestrators --------------------------------------------------------------------------------------

    def send(self, sender: Lane, event: h.EventSent, draft: Draft, *, goes_on: bool) -> None:
        """Deliver what an orchestrator's episode has sent. `goes_on`: it can still take an answer."""
        message = message_of(event)
        caller = h.Caller(
            instance_id=sender.key.instance_id,
            exec=sender.key.exec,
            execution_id=sender.execution_id,
            seq=event.seq,
            event_id=event.event_id,
        )
        if event.name == RELEASE:
            self.release(event.target_instance_id, message.id, caller, "", draft)
            return
        lane, failure = self._receiver(event.target_instance_id, message)
        if lane is None:
            if not message.signal and goes_on:
                self._answer(sender, event.target_instance_id, message.id, failure_response(failure), draft)
            log.warning("%s: %s; what was sent to it is dropped", caller.instance_id, failure.error_message)
            return
        payload = message.payload
        received = h.EntityOperationReceived(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=lane.stamp(self._scheduler.now()),
            request_id=message.id,
            operation=message.op or "",
            input=payload.raw,
            input_text=payload.text,
            signal=message.signal,
            caller=caller,
            due=message.due,
            lock_set=message.lockset,
            position=message.pos or 0,
        )
        if received.lock_set is not None:
            self._note_owner(caller, lane)
        self._lanes.append(lane, received, draft)

    def _receiver(self, entity_id: str, message: Message) -> tuple[EntityLane | None, FailureDetails]:
        """The lane of the entity that is meant, or why there is none. Of a lock set all must be there."""
        for each in message.lockset or [entity_id]:
            if self._scheduler.codes.registry.entity(parse_entity_id(each).name) is None:
                return None, unknown_entity(self._scheduler, parse_entity_id(each).name)
        lane = self._lanes.lane(entity_id)
        refusal = in_quarantine(entity_id, "")
        return lane, FailureDetails(error_type="Quarantined", error_message=refusal.what)

    # -- from entities -------------------------------------------------------------------------------------------

    def send_from_entity(self, sender: EntityLane, seq: int, wish: SignalWish | StartWish, draft: Draft) -> None:
        """Deliver what a batch, whose line has the number `seq`, has sent."""
        scheduler = self._scheduler
        if isinstance(wish, StartWish):
            self._start(sender, wish, draft)
            return
        lane, failure = self._receiver(wish.entity_id, Message())
        if lane is None:
            log.warning("%s: %s; the signal is dropped", sender.key.instance_id, failure.error_message)
            return
        caller = h.Caller(
            instance_id=sender.key.instance_id, exec=sender.key.exec, execution_id=sender.execution_id, seq=seq
        )
        received = h.EntityOperationReceived(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=lane.stamp(scheduler.now()),
            request_id=scheduler.new_id(),
            operation=wish.operation,
            input=wish.input.raw,
            input_text=wish.input.text,
            signal=True,
            caller=caller,
            due=wish.due,
        )
        self._lanes.append(lane, received, draft)

    def _start(self, sender: EntityLane, wish: StartWish, draft: Draft) -> None:
        scheduler = self._scheduler
        held = scheduler.lane(wish.instance_id)
        if (held is not None and not held.finished) or wish.instance_id in scheduler.quarantined:
            log.warning("%s: %s is live already and is not started", sender.key.instance_id, wish.instance_id)
            return
        definition = scheduler.codes.registry.orchestrator(wish.name)
        number = held.key.exec + 1 if held is not None else scheduler.next_exec(wish.instance_id)
        started = h.ExecutionStarted(
            seq=1,
            event_id=-1,
            timestamp=scheduler.now(),
            name=definition.name if definition is not None else wish.name,
            execution_id=scheduler.new_id(),
            version=wish.version,
            input=wish.input.raw,
            input_text=wish.input.text,
            origin=sender.key.instance_id,
            rules=scheduler.codes.registry.rules,
            code_id=scheduler.codes.code_id,
        )
        lane = scheduler.open_lane(ExecutionKey(wish.instance_id, number), started)
        draft.send(lane)
        scheduler.ready(lane)

    # -- answers -------------------------------------------------------------------------------------------------

    def answer(self, entity_id: str, operation: Operation, response: Raw, draft: Draft) -> None:
        """Answer a call or a lock request, unless its caller has ended or moved on."""
        caller = operation.caller
        if caller is None or operation.signal:
            return
        lane = self._scheduler.lane(caller.instance_id)
        if lane is None or not still_waits(lane, caller):
            log.info("%s: nobody waits for the result of %r any more", entity_id, operation.operation)
            return
        self._answer(lane, entity_id, operation.request_id, response, draft)

    def _answer(self, lane: Lane, entity_id: str, request_id: str, response: Raw, draft: Draft) -> None:
        event = h.EventRaised(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=lane.stamp(self._scheduler.now()),
            name=request_id,
            input=response,
            sender=entity_id,
        )
        lane.receive(event)
        draft.send(lane)
        self._scheduler.ready(lane)

    # -- locks ---------------------------------------------------------------------------------------------------

    def grant(self, lane: EntityLane, request: Operation, draft: Draft) -> None:
        """The lock request has its turn: the lock is its caller's, and the next entity is asked, or the caller told."""
        caller, lock_set = request.caller, request.lock_set or []
        assert caller is not None
        if not still_waits(self._scheduler.lane(caller.instance_id), caller):
            self.release(lane.key.instance_id, request.request_id, caller, "its caller has ended", draft)
            return
        granted = h.EntityLockGranted(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=lane.stamp(self._scheduler.now()),
            request_id=request.request_id,
            owner=caller,
        )
        self._lanes.append(lane, granted, draft)
        if request.position + 1 >= len(lock_set):
            self.answer(lane.key.instance_id, request, result_response(Payload(text=LOCK_GRANTED)), draft)
            return
        following = self._lanes.lane(lock_set[request.position + 1])
        if following is None:
            failure = FailureDetails(
                error_type="Quarantined", error_message=f"{lock_set[request.position + 1]} is in quarantine"
            )
            self.answer(lane.key.instance_id, request, failure_response(failure), draft)
            self.owner_ended(caller.instance_id, "another entity of the lock set is in quarantine", draft)
            return
        self._note_owner(caller, following)
        passed_on = msgspec.structs.replace(
            request,
            seq=following.next_seq(),
            timestamp=following.stamp(self._scheduler.now()),
            position=request.position + 1,
            carried_from=None,
        )
        self._lanes.append(following, passed_on, draft)

    def release(self, entity_id: str, request_id: str, owner: h.Caller, reason: str, draft: Draft) -> None:
        """Give up a lock, or a request for it. One that is neither held nor waits is left alone."""
        lane = self._lanes.existing(entity_id)
        if lane is None:
            return
        held = lane.entity.locked_by
        is_held = held is not None and held.request_id == request_id
        if not is_held and all(request.request_id != request_id for request in lane.entity.lock_requests()):
            return
        released = h.EntityLockReleased(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=lane.stamp(self._scheduler.now()),
            request_id=request_id,
            owner=owner,
            reason=reason,
        )
        self._forget_owner(owner.instance_id, entity_id)
        self._lanes.append(lane, released, draft)

    def owner_ended(self, instance_id: str, reason: str, draft: Draft, *, only_orphans: bool = False) -> int:
        """Give up every lock and lock request of an instance; how many. `only_orphans`: those nobody waits for."""
        released = 0
        for entity_id in sorted(self.owners.get(instance_id, ())):
            lane = self._lanes.existing(entity_id)
            if lane is None:  # purged, or in quarantine
                self._forget_owner(instance_id, entity_id)
                continue
            held = lane.entity.locked_by
            owned = [(held.request_id, held.owner)] if held is not None else []
            owned += [(r.request_id, r.caller) for r in lane.entity.lock_requests() if r.caller is not None]
            for request_id, owner in owned:
                is_kept = only_orphans and still_waits(self._scheduler.lane(instance_id), owner)
                if owner.instance_id == instance_id and not is_kept:
                    self.release(entity_id, request_id, owner, reason, draft)
                    released += 1
        return released

    def note_owners(self, lane: EntityLane) -> None:
        """Take in the locks of an entity that has been loaded."""
        held = lane.entity.locked_by
        if held is not None:
            self._note_owner(held.owner, lane)
        for request in lane.entity.lock_requests():
            if request.caller is not None:
                self._note_owner(request.caller, lane)

    def _forget_owner(self, instance_id: str, entity_id: str) -> None:
        entities = self.owners.get(instance_id, set())
        entities.discard(entity_id)
        if not entities:
            self.owners.pop(instance_id, None)

    def _note_owner(self, owner: h.Caller, lane: EntityLane) -> None:
        self.owners.setdefault(owner.instance_id, set()).add(lane.key.instance_id)


def unknown_entity(scheduler: Scheduler, name: str) -> FailureDetails:
    """In Durable Functions' words: nothing in the app has that name."""
    known = ", ".join(f"'{each}'" for each in scheduler.codes.registry.known("entity")) or "none"
    message = (
        f"The function '{name}' doesn't exist, is disabled, or is not an entity function. "
        f"Additional info: The following are the known entity functions: {known}."
    )
    return FailureDetails(error_type="UnknownFunction", error_message=message)
