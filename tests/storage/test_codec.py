"""Lines: what is written is read back, and whatever else happened to the bytes is noticed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw

from dfcli.model import history as h
from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import envelope_of, is_sealed, read_envelope, seal_event, seal_events, valid_prefix
from tests.storage.support import first_episode, last_episode, plain

KEY = ExecutionKey("order-42", 1)
ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=12,
)


def lines_of(events: list[h.Event], key: ExecutionKey = KEY) -> list[bytes]:
    lines: list[bytes] = []
    assert seal_events(events, envelope_of(key), 1 << 20, lines) == len(events)
    return lines


def test_a_line_has_its_members_in_the_order_of_the_format() -> None:
    line = lines_of(first_episode())[2]
    assert line.endswith(b'"}\n')
    assert list(json.loads(line)) == [
        *("Seq", "EventType", "EventId", "Timestamp", "InstanceId", "Exec", "Name", "Input", "Crc")
    ]


@given(instance_id=ids, exec=st.integers(1, 10**9), value=json_values, name=ids)
def test_any_event_of_any_instance_round_trips(instance_id: str, exec: int, value: object, name: str) -> None:
    key = ExecutionKey(instance_id, exec)
    payload = Raw(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    event = h.EventRaised(seq=1, event_id=-1, timestamp="2026-01-02T03:04:05.678901Z", name=name, input=payload)
    line = lines_of([event], key)[0]
    assert line == seal_event(event, envelope_of(key))
    assert line.count(b"\n") == 1
    assert is_sealed(line[:-1])
    assert plain([h.decode_line(line)]) == plain([event])
    envelope = read_envelope(line)
    assert envelope is not None
    assert (envelope.seq, envelope.key) == (1, key)
    assert valid_prefix(line, key).lines == [line[:-1]]


@given(value=json_values, name=ids, has_payload=st.booleans(), is_odd=st.booleans())
def test_the_quick_way_to_write_a_step_gives_the_bytes_of_the_general_one(
    value: object, name: str, has_payload: bool, is_odd: bool
) -> None:
    raw = Raw(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) if has_payload else UNSET
    time = "2026-01-02T03:04:05.678901Z"
    text = "NaN" if is_odd else UNSET
    events: list[h.Event] = [
        h.TaskCompleted(seq=7, event_id=-1, timestamp=time, task_scheduled_id=3, result=raw),
        h.TaskCompleted(seq=8, event_id=-1, timestamp=time, task_scheduled_id=4, result_text=text),
        h.OrchestratorStarted(seq=9, event_id=-1, timestamp=time, consumed=8),
        h.TaskScheduled(seq=10, event_id=5, timestamp=time, name=name, input=raw),
        h.TaskScheduled(seq=11, event_id=6, timestamp=time, name=name, input=raw, attempt=2, call=5),
        h.TaskScheduled(seq=12, event_id=7, timestamp=time, name=name, input_text=text, version="2"),
        h.OrchestratorCompleted(seq=13, event_id=-1, timestamp=time, custom_status=raw, custom_status_text=text),
    ]
    assert lines_of(events) == [seal_event(event, envelope_of(KEY)) for event in events]


@given(value=json_values)
def test_user_data_that_looks_like_an_envelope_is_not_taken_for_one(value: object) -> None:
    posing = {"Seq": 9, "InstanceId": "other", "Exec": 7, "Crc": "00000000", "Timestamp": "Z", "x": value}
    payload = Raw(json.dumps(posing, separators=(",", ":")).encode())
    event = h.EventRaised(seq=1, event_id=-1, timestamp="2026-01-02T03:04:05.678901Z", name="e", input=payload)
    line = lines_of([event])[0]
    envelope = read_envelope(line)
    assert envelope is not None
    assert envelope.key == KEY
    assert valid_prefix(line, ExecutionKey("other", 7)).lines == []


def test_every_change_of_a_single_byte_is_refused() -> None:
    line = lines_of(first_episode())[2][:-1]
    for position in range(len(line)):
        for new in {0x00, 0x0A, 0x20, 0x22, 0x30, 0x7D, line[position] ^ 1, line[position] ^ 0x80}:
            if new != line[position]:
                assert not is_sealed(line[:position] + bytes([new]) + line[position + 1 :]), (position, new)


@given(st.data())
def test_cuts_insertions_and_repetitions_are_refused(data: st.DataObject) -> None:
    line = lines_of(first_episode())[0][:-1]
    start = data.draw(st.integers(0, len(line) - 1))
    end = data.draw(st.integers(start + 1, len(line)))
    assert not is_sealed(line[:start] + line[end:])
    assert not is_sealed(line[:start] + line[start:end] * 2 + line[end:])


@given(st.binary(max_size=300))
def test_a_file_of_any_bytes_is_read_without_an_error(data: bytes) -> None:
    prefix = valid_prefix(data, KEY)
    assert prefix.lines == []
    assert prefix.end == 0
    assert bool(prefix.fault) == bool(data)


@given(st.data())
def test_a_file_cut_anywhere_gives_the_whole_lines_before_the_cut(data: st.DataObject) -> None:
    lines = lines_of([*first_episode(), *last_episode()])
    whole = b"".join(lines)
    cut = data.draw(st.integers(0, len(whole)))
    prefix = valid_prefix(whole[:cut], KEY)
    assert prefix.lines == [line[:-1] for line in lines][: whole[:cut].count(b"\n")]
    assert prefix.end == sum(map(len, lines[: len(prefix.lines)]))
    assert (prefix.fault == "") == (prefix.end == cut)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda lines: [lines[0], lines[2], lines[1]], "line 2: it is number 3"),
        (lambda lines: [lines[0], lines[0]], "line 2: it is number 1"),
        (lambda lines: [lines[0], lines[1].replace(b"Consumed", b"Consumes")], "line 2: its checksum does not match"),
        (lambda lines: [lines[0], b'{"hello":1}\n'], "line 2: it has no checksum"),
        (
            lambda _: [*lines_of(first_episode(), ExecutionKey("other", 1))],
            "line 1: it belongs to instance 'other'",
        ),
    ],
)
def test_lines_out_of_place_are_named(wrong, says: str) -> None:  # type: ignore[no-untyped-def]
    prefix = valid_prefix(b"".join(wrong(lines_of(first_episode()))), KEY)
    assert prefix.fault.startswith(says)


def test_lines_are_split_at_line_feeds_only() -> None:
    event = h.EventRaised(
        seq=1, event_id=-1, timestamp="2026-01-02T03:04:05.678901Z", name="e", input=Raw('"a\u2028b\u0085c"'.encode())
    )
    line = lines_of([event])[0]
    assert valid_prefix(line, KEY).lines == [line[:-1]]
