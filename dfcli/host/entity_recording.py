"""What a batch of operations becomes: its line, the answers to its callers, what it sent; now and then a new execution.

An entity rolls over to a new execution, so that no file grows for ever: the state stands in the first line, then the
lock and what waits. It does so when that is less than half of what it leaves behind: each line is copied seldom.
"""

from __future__ import annotations

import logging

import msgspec

from dfcli.authoring.entity import StartWish
from dfcli.engine.entity_batch import Batch
from dfcli.host.draft import Draft
from dfcli.host.entity_delivery import EntityDelivery
from dfcli.host.entity_lane import EntityLane, line_bytes
from dfcli.host.scheduler import Scheduler
from dfcli.model import history as h
from dfcli.model.entity_messages import failure_response, result_response
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import NOTHING

log = logging.getLogger("dfcli.host")

OPERATIONS_MAX = 10_000
BYTES_MAX = 4 * 1024 * 1024
STATES_MAX = 8
"""A state so long that eight of them exceed the limit may be written eight times."""
SENT_SHOWN_MAX = 500


def record_batch(lane: EntityLane, batch: Batch, delivery: EntityDelivery, scheduler: Scheduler, draft: Draft) -> None:
    """Put the line of a batch that has been run, and all that follows from it, into one transaction."""
    entity_id = lane.key.instance_id
    state = batch.state if batch.state != batch.before else NOTHING
    sent = [
        h.Sent(target_instance_id=wish.instance_id, name=wish.name, is_start=True)
        if isinstance(wish, StartWish)
        else h.Sent(target_instance_id=wish.entity_id, name=wish.operation)
        for wish in batch.sent[:SENT_SHOWN_MAX]
    ]
    completed = h.EntityBatchCompleted(
        seq=lane.next_seq(),
        event_id=-1,
        timestamp=lane.stamp(scheduler.now()),
        results=[ended.shown() for ended in batch.ended],
        state=state.raw,
        state_text=state.text,
        deleted=batch.state == NOTHING and batch.before != NOTHING,
        sent=sent,
        sent_count=len(batch.sent),
    )
    lane.receive(completed)
    lane.last_batch = completed.seq
    for operation, result, failure in batch.ended:
        lane.waiting_bytes -= line_bytes(operation)
        response = result_response(result) if failure is None else failure_response(failure)
        delivery.answer(entity_id, operation, response, draft)
        if failure is not None and operation.signal:
            log.warning("%s: operation %r failed: %s", entity_id, operation.operation, failure)
    for wish in batch.sent:
        delivery.send_from_entity(lane, completed.seq, wish, draft)


def is_due_to_roll_over(lane: EntityLane) -> bool:
    """Whether the execution is long, and little of it would have to be taken along."""
    limit = max(BYTES_MAX, STATES_MAX * lane.entity.state.size)
    is_long = lane.entity.operations >= OPERATIONS_MAX or lane.bytes >= limit
    return is_long and 2 * lane.waiting_bytes <= lane.bytes


def roll_over(lane: EntityLane, scheduler: Scheduler, draft: Draft) -> None:
    """End the execution and begin the next, with state, lock and what waits."""
    old, before = lane.key.exec, lane.entity
    waiting, lock = before.operations_waiting(), before.locked_by
    delayed = before.delayed_seqs()
    lane.receive(h.ContinueAsNew(seq=lane.next_seq(), event_id=-1, timestamp=lane.stamp(scheduler.now())))
    draft.send(lane)
    lane.roll_over(ExecutionKey(lane.key.instance_id, old + 1), scheduler.new_id())
    timestamp = lane.last_timestamp
    lane.receive(
        h.ExecutionStarted(
            seq=lane.next_seq(),
            event_id=-1,
            timestamp=timestamp,
            name=lane.name,
            execution_id=lane.execution_id,
            input=before.state.raw,
            input_text=before.state.text,
            origin="entity",
            rules=h.ENTITY_RULES,
            recent_requests=list(before.recent) or None,
            generation=lane.generation,
        )
    )
    if lock is not None:
        carried = lock.carried_from or h.CarriedFrom(exec=old, seq=lock.seq)
        lane.receive(msgspec.structs.replace(lock, seq=lane.next_seq(), timestamp=timestamp, carried_from=carried))
    for operation in waiting:
        lane.receive(
            msgspec.structs.replace(
                operation,
                seq=lane.next_seq(),
                timestamp=timestamp,
                carried_from=operation.carried_from or h.CarriedFrom(exec=old, seq=operation.seq),
                due=operation.due if operation.seq in delayed else None,  # one that was due keeps its place
            )
        )
