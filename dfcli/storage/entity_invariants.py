"""What must be true of the lines of an entity: the part of the invariants that its file alone can show.

An operation has one result at most, and was received before. The lock has one owner at a time, who asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence

from dfcli.model import history as h


def is_entity(events: Sequence[h.Event]) -> bool:
    """Whether these are the lines of an entity."""
    return bool(events) and isinstance(events[0], h.ExecutionStarted) and events[0].rules == h.ENTITY_RULES


def check_entity(events: Sequence[h.Event]) -> list[tuple[str, int, str]]:
    """What is wrong: invariant, seq of the line, and words."""
    wrong: list[tuple[str, int, str]] = []
    timestamp, ended = "", 0
    for place, event in enumerate(events, start=1):
        if event.seq != place:
            wrong.append(("I4", event.seq, f"it stands at place {place}"))
        if event.timestamp < timestamp:
            wrong.append(("I28", event.seq, f"its time {event.timestamp} is before {timestamp}"))
        timestamp = max(timestamp, event.timestamp)
        if ended:
            wrong.append(("I10", event.seq, f"it stands after the end at line {ended}"))
        if isinstance(event, h.ContinueAsNew):
            ended = event.seq
    if not is_entity(events):
        wrong.append(("I4", events[0].seq, "the first line is no ExecutionStarted of an entity"))
    return wrong + list(_check_results(events)) + list(_check_lock(events))


def _check_results(events: Sequence[h.Event]) -> list[tuple[str, int, str]]:
    wrong: list[tuple[str, int, str]] = []
    waiting: set[int] = set()
    known: set[int] = set()
    for event in events:
        match event:
            case h.EntityOperationReceived() if event.lock_set is None:
                waiting.add(event.seq)
                known.add(event.seq)
            case h.EntityBatchCompleted():
                for result in event.results:
                    if result.seq not in known:
                        wrong.append(("I9", event.seq, f"line {result.seq}, which it answers, is no operation"))
                    elif result.seq not in waiting:
                        wrong.append(("I9", event.seq, f"the operation of line {result.seq} was answered before"))
                    waiting.discard(result.seq)
            case _:
                pass
    return wrong


def _check_lock(events: Sequence[h.Event]) -> list[tuple[str, int, str]]:
    wrong: list[tuple[str, int, str]] = []
    asked: set[str] = set()
    owner = ""
    for event in events:
        match event:
            case h.EntityOperationReceived() if event.lock_set is not None:
                asked.add(event.request_id)
            case h.EntityLockGranted():
                if owner:
                    wrong.append(("I32", event.seq, f"the lock is held by request {owner}"))
                if event.request_id not in asked and event.carried_from is None:
                    wrong.append(("I32", event.seq, f"nobody asked for the lock by request {event.request_id}"))
                asked.discard(event.request_id)
                owner = event.request_id
            case h.EntityLockReleased():
                if event.request_id == owner:
                    owner = ""
                elif event.request_id not in asked:
                    wrong.append(("I32", event.seq, f"request {event.request_id} neither holds the lock nor waits"))
                asked.discard(event.request_id)
            case _:
                pass
    return wrong
