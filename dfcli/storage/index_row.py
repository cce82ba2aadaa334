"""One row of the index: columns for what can be asked for, and one compact blob for the rest of a summary."""

from __future__ import annotations

from typing import TypeAlias

import msgspec
from msgspec import UNSET, Raw, UnsetType

from dfcli.model.entity_status import EntityFacts
from dfcli.model.failure import FailureDetails
from dfcli.model.history import Parent
from dfcli.model.payload import Payload
from dfcli.model.status import LIVE_STATUSES, TERMINAL_STATUSES, InstanceSummary, OrchestrationRuntimeStatus

STATUS_NAMES: tuple[str, ...] = tuple(status.value for status in OrchestrationRuntimeStatus)
"""A status is stored as its place here; new ones go to the end, or FORMAT of the index rises."""
STATUS_CODES = {name: code for code, name in enumerate(STATUS_NAMES)}
LIVE_CODES = tuple(sorted(STATUS_CODES[name] for name in LIVE_STATUSES))

COLUMNS = """
    id TEXT PRIMARY KEY NOT NULL,
    status INTEGER NOT NULL,
    created TEXT NOT NULL,
    name TEXT NOT NULL COLLATE NOCASE,
    parent TEXT,
    work INTEGER NOT NULL,
    entity INTEGER NOT NULL,
    rest BLOB NOT NULL
"""
SELECTED = "id, status, created, name, rest"
UPSERT = """
    INSERT INTO instances VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
    status = excluded.status, created = excluded.created, name = excluded.name, parent = excluded.parent,
    work = excluded.work, entity = excluded.entity, rest = excluded.rest
"""

Row: TypeAlias = tuple[str, int, str, str, str | None, bool, bool, bytes]
Found: TypeAlias = tuple[str, int, str, str, bytes]


class _Rest(msgspec.Struct, omit_defaults=True, gc=False):
    """The members of a summary that nobody filters by. Names are short: there may be a million of them."""

    x: int
    u: str = ""
    s: int = 0
    t: str = ""
    c: int = 0
    n: int = 0
    v: str | None = None
    e: str = ""
    i: Raw | UnsetType = UNSET
    it: str | UnsetType = UNSET
    o: Raw | UnsetType = UNSET
    ot: str | UnsetType = UNSET
    cs: Raw | UnsetType = UNSET
    ct: str | UnsetType = UNSET
    f: FailureDetails | None = None
    p: Parent | None = None
    g: dict[str, str] | None = None
    b: int = 0
    k: int = 0
    a: int = 0
    w: str | None = None
    h: bool = False
    q: str = ""
    r: str | None = None
    y: EntityFacts | None = None
    z: int = 0
    d: str | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Rest).decode


def row_of(summary: InstanceSummary) -> Row:
    """What is stored of a summary."""
    status = summary.status
    parent = summary.parent
    return (
        summary.instance_id,
        STATUS_CODES[status],
        summary.created,
        summary.name,
        None if parent is None else parent.instance_id,
        summary.has_work or (summary.next_timer is not None and not summary.quarantined and status in LIVE_STATUSES),
        summary.entity is not None,
        _encode(
            _Rest(
                summary.exec,
                summary.updated,
                summary.last_seq,
                summary.last_timestamp,
                summary.consumed,
                summary.last_inbound,
                summary.version,
                summary.execution_id,
                *summary.input,
                *summary.output,
                *summary.custom_status,
                summary.failure,
                parent,
                summary.tags,
                summary.bytes,
                summary.generation,
                summary.open_activities,
                summary.next_timer,
                summary.suspended,
                summary.quarantined,
                summary.request_id,
                summary.entity,
                summary.rewinds,
                summary.scheduled_start,
            )
        ),
    )


def summary_of(found: Found) -> InstanceSummary:
    """The summary as far as the index knows it: the sets of open work are empty, so only ended ones are complete."""
    instance_id, code, created, name, blob = found
    rest = _decode(blob)
    status = STATUS_NAMES[code]
    return InstanceSummary(
        instance_id=instance_id,
        exec=rest.x,
        name=name,
        version=rest.v,
        execution_id=rest.e,
        status=status,
        created=created,
        updated=rest.u,
        last_seq=rest.s,
        last_timestamp=rest.t,
        consumed=rest.c,
        last_inbound=rest.n,
        input=Payload(rest.i, rest.it),
        output=Payload(rest.o, rest.ot),
        custom_status=Payload(rest.cs, rest.ct),
        failure=rest.f,
        parent=rest.p,
        tags=rest.g,
        bytes=rest.b,
        generation=rest.k,
        open_activities=rest.a,
        next_timer=rest.w,
        suspended=rest.h,
        complete=status in TERMINAL_STATUSES,
        quarantined=rest.q,
        request_id=rest.r,
        entity=rest.y,
        rewinds=rest.z,
        scheduled_start=rest.d,
    )
