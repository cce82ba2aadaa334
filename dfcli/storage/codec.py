"""One history line: the event's members, the envelope that says whose it is, and a CRC that seals both.

`{"Seq":4,"EventType":"TaskScheduled","EventId":0,"Timestamp":"...Z","InstanceId":"a","Exec":1,<members>,"Crc":"..."}`

The CRC covers the bytes before `,"Crc":"`, so a line is checked by slicing, before anything parses it. Lines are
split at byte 0x0A only. Writing is the hottest path of storage: bytes are spliced, nothing is serialised twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from zlib import crc32

import msgspec
from msgspec import UNSET

from dfcli.model.history import (
    Event,
    OrchestratorCompleted,
    OrchestratorStarted,
    TaskCompleted,
    TaskScheduled,
    encode_members,
)
from dfcli.model.ids import ExecutionKey

LINE_BYTES_MAX = 1024 * 1024
_SEAL_BYTES = 18  # ,"Crc":"hhhhhhhh"}


def seal(body: bytes) -> bytes:
    """The finished line, with its newline, of a JSON object without its closing brace."""
    return b'%b,"Crc":"%08x"}\n' % (body, crc32(body))


def is_sealed(line: bytes) -> bool:
    """Whether a line, without its newline, is exactly as it was written."""
    body = line[:-_SEAL_BYTES]
    return line[-_SEAL_BYTES:] == b',"Crc":"%08x"}' % crc32(body) and body[:1] == b"{"


def envelope_of(key: ExecutionKey) -> bytes:
    """The bytes that stand after the timestamp on every line of an execution."""
    return b',"InstanceId":%b,"Exec":%d' % (msgspec.json.encode(key.instance_id), key.exec)


def seal_event(event: Event, envelope: bytes, extra: bytes = b"") -> bytes:
    """The finished line of one event; `extra` is further members, each with its comma in front."""
    return _seal_members(encode_members(event), envelope, extra)


def _seal_members(members: bytes, envelope: bytes, extra: bytes) -> bytes:
    seq = members.find(b',"Seq":')
    event_id = members.find(b',"EventId":', seq)
    rest = members.find(b'Z"', event_id) + 2
    body = b"{%b,%b%b%b%b%b" % (
        members[seq + 1 : event_id],
        members[1:seq],
        members[event_id:rest],
        envelope,
        members[rest:-1],
        extra,
    )
    return b'%b,"Crc":"%08x"}\n' % (body, crc32(body))


def seal_events(events: Sequence[Event], envelope: bytes, inline_bytes_max: int, lines: list[bytes]) -> int:
    """Append the line of each event to `lines`; stops before the first one above `inline_bytes_max` and returns how
    many were sealed, so that the caller can move its payload to a blob. HOT."""
    count = 0
    for event in events:
        plain = _PLAIN.get(type(event))
        body = plain(event, envelope) if plain is not None else None
        if body is not None and len(body) <= inline_bytes_max:
            lines.append(b'%b,"Crc":"%08x"}\n' % (body, crc32(body)))
        else:
            members = encode_members(event)
            if len(members) > inline_bytes_max:
                break
            lines.append(_seal_members(members, envelope, b""))
        count += 1
    return count


# The four events that a step of an orchestrator writes, in the form they nearly always have: one formatting instead of
# a JSON encoding that is taken apart. The same bytes, at half the price; None for any other form.


def _orchestrator_started(event: OrchestratorStarted, envelope: bytes) -> bytes | None:
    return b'{"Seq":%d,"EventType":"OrchestratorStarted","EventId":%d,"Timestamp":"%b"%b,"Consumed":%d' % (
        event.seq,
        event.event_id,
        event.timestamp.encode(),
        envelope,
        event.consumed,
    )


def _orchestrator_completed(event: OrchestratorCompleted, envelope: bytes) -> bytes | None:
    if event.custom_status is not UNSET or event.custom_status_text is not UNSET:
        return None
    return b'{"Seq":%d,"EventType":"OrchestratorCompleted","EventId":%d,"Timestamp":"%b"%b' % (
        event.seq,
        event.event_id,
        event.timestamp.encode(),
        envelope,
    )


def _task_scheduled(event: TaskScheduled, envelope: bytes) -> bytes | None:
    if event.input is UNSET or event.version is not None or event.call is not None or event.attempt != 1:
        return None
    return b'{"Seq":%d,"EventType":"TaskScheduled","EventId":%d,"Timestamp":"%b"%b,"Name":%b,"Input":%b' % (
        event.seq,
        event.event_id,
        event.timestamp.encode(),
        envelope,
        _encode_text(event.name),
        event.input,
    )


def _task_completed(event: TaskCompleted, envelope: bytes) -> bytes | None:
    if event.result is UNSET:
        return None
    return b'{"Seq":%d,"EventType":"TaskCompleted","EventId":%d,"Timestamp":"%b"%b,"TaskScheduledId":%d,"Result":%b' % (
        event.seq,
        event.event_id,
        event.timestamp.encode(),
        envelope,
        event.task_scheduled_id,
        event.result,
    )


_encode_text = msgspec.json.Encoder().encode
_PLAIN: dict[type[Event], Callable[[Any, bytes], bytes | None]] = {
    OrchestratorStarted: _orchestrator_started,
    OrchestratorCompleted: _orchestrator_completed,
    TaskScheduled: _task_scheduled,
    TaskCompleted: _task_completed,
}


class Envelope(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """Whose line it is."""

    seq: int
    instance_id: str
    exec: int

    @property
    def key(self) -> ExecutionKey:
        return ExecutionKey(self.instance_id, self.exec)


_envelope_decoder = msgspec.json.Decoder(Envelope)


def read_envelope(line: bytes) -> Envelope | None:
    """The envelope of a history line; None for a line that has none."""
    try:
        return _envelope_decoder.decode(line)
    except (msgspec.MsgspecError, ValueError):  # a UnicodeDecodeError is a ValueError
        return None


class ValidPrefix(NamedTuple):
    """The lines at the head of a history file that are whole and in their place; `end` is the offset after them.

    `fault` says what is wrong with the next line, and is empty when the file ends there.
    """

    lines: list[bytes]
    """Without their newlines; line n has seq n."""
    end: int
    fault: str


def valid_prefix(data: bytes, key: ExecutionKey) -> ValidPrefix:
    """The valid head of one execution's file. Never raises, whatever the bytes."""
    lines = data.split(b"\n")
    rest = lines.pop()
    envelope = envelope_of(key)
    end = 0
    for number, line in enumerate(lines, start=1):
        fault = _fault_of(line, number, key, envelope)
        if fault:
            return ValidPrefix(lines[: number - 1], end, f"line {number}: {fault}")
        end += len(line) + 1
    return ValidPrefix(lines, end, f"line {len(lines) + 1} is incomplete" if rest else "")


def _fault_of(line: bytes, number: int, key: ExecutionKey, envelope: bytes) -> str:
    if not is_sealed(line):
        return "its checksum does not match its bytes" if b',"Crc":"' in line[-40:] else "it has no checksum"
    if line.startswith(b'{"Seq":%d,' % number) and line.startswith(envelope, line.find(b'Z"') + 2):
        return ""
    found = read_envelope(line)
    if found is None:
        return "it is no history line"
    if found.key != key:
        return f"it belongs to instance {found.instance_id!r}, execution {found.exec}"
    return "" if found.seq == number else f"it is number {found.seq}"
