"""How instances are shown: one at length, many as a table, or as JSON in the HTTP API's field names."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from dfcli.cli import failure_view, moments, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Cell, Column
from dfcli.host.control import InstanceStatus
from dfcli.model.payload import Payload
from dfcli.model.query import CodeLocation, Wait
from dfcli.model.status import InstanceSummary

PAYLOAD_CHARACTERS_SHOWN = 2_000
ALIKE_SHOWN = 4
"""More open calls of one function than this are counted instead of listed."""

_LIST_COLUMNS = (Column("ID"), Column("FUNCTION"), Column("STATUS"), Column("CREATED"), Column("UPDATED"))


def json_value(value: Any) -> None:
    """One value as indented JSON, the whole result of a command."""
    terminal.answer(_json(value, indent=2))


def json_line(value: Any) -> None:
    """One value as JSON on a line."""
    terminal.answer(_json(value, indent=-1))


def json_array(values: Iterable[Any]) -> None:
    """Values as one JSON array, written as they come."""
    count = 0
    for value in values:
        terminal.answer(("," if count else "[") + _json(value, indent=-1))
        count += 1
    terminal.answer("]" if count else "[]")


def _json(value: Any, *, indent: int) -> str:
    text = msgspec.json.format(msgspec.json.encode(value), indent=indent).decode()
    return terminal.visible_json(text) if terminal.is_terminal(sys.stdout) else text


def summary_object(summary: InstanceSummary) -> dict[str, Any]:
    """An instance in the HTTP API's words."""
    from dfcli.model.status_object import status_object

    shown = status_object(summary)
    names = zip(shown.__struct_fields__, shown.__struct_encode_fields__, strict=True)
    members = {encoded: getattr(shown, name) for name, encoded in names}
    return {name: value for name, value in members.items() if value is not msgspec.UNSET}


def status_json(status: InstanceStatus) -> dict[str, Any]:
    """The HTTP API's status object, with what that API has no words for added at the end."""
    shown = summary_object(status.summary)
    shown["hostRunning"] = status.host_running
    if status.summary.is_live:
        shown["waits"] = msgspec.to_builtins(status.waits)
    if status.parked:
        shown["parked"] = status.parked
    if status.summary.quarantined:
        shown["quarantined"] = status.summary.quarantined
    return shown


def instances(summaries: Iterable[InstanceSummary], output: Format) -> int:
    """Many instances, streamed; how many."""
    counter = _Counted(summaries)
    if output is Format.id:
        for summary in counter:
            terminal.answer(summary.instance_id)
    elif output is Format.jsonl:
        for summary in counter:
            json_line(summary_object(summary))
    elif output is Format.json:
        json_array(summary_object(summary) for summary in counter)
    else:
        tables.draw(_LIST_COLUMNS, map(_list_row, counter))
    return counter.count


class _Counted:
    def __init__(self, summaries: Iterable[InstanceSummary]) -> None:
        self._summaries = summaries
        self.count = 0

    def __iter__(self) -> Iterator[InstanceSummary]:
        for summary in self._summaries:
            self.count += 1
            yield summary


def _list_row(summary: InstanceSummary) -> tables.Row:
    status = "Quarantined" if summary.quarantined else summary.status
    return (
        Cell(summary.instance_id, ("bold",)),
        summary.name,
        Cell(status, terminal.status_colour(status)),
        _when(summary.created),
        _when(summary.updated),
    )


def _when(timestamp: str) -> str:
    if not timestamp:
        return ""
    return moments.relative(timestamp) if terminal.is_terminal(sys.stdout) else timestamp


def one(status: InstanceStatus, output: Format) -> None:
    """One instance. As text it ends with what the instance waits for."""
    if output is Format.id:
        terminal.answer(status.summary.instance_id)
    elif output is Format.json:
        json_value(status_json(status))
    elif output is Format.jsonl:
        json_line(status_json(status))
    else:
        for line in lines(status):
            terminal.answer(line)


def lines(status: InstanceStatus) -> Iterator[str]:
    """One instance as lines of text."""
    summary = status.summary
    yield _field("instance", terminal.paint(terminal.visible(summary.instance_id), "bold"))
    yield _field(
        "function", terminal.visible(summary.name) + (f"  version {summary.version}" if summary.version else "")
    )
    yield _field("status", terminal.paint(summary.status, *terminal.status_colour(summary.status)))
    yield _field("created", moments.shown(summary.created))
    yield _field("updated", moments.shown(summary.updated))
    if summary.generation:
        yield _field("execution", f"{summary.exec} (continued as new {summary.generation} times)")
    if summary.parent is not None:
        yield _field("parent", terminal.visible(summary.parent.instance_id))
    for label, payload in (("input", summary.input), ("custom", summary.custom_status), ("output", summary.output)):
        if payload.json_text is not None and not (label == "output" and summary.failure is not None):
            yield _field(label, _payload(payload))
    if summary.failure is not None:
        yield from failure_view.lines(summary.failure)
    if summary.quarantined:
        yield _field("quarantined", terminal.visible(summary.quarantined))
    if status.parked:
        yield _field("parked", terminal.visible(status.parked))
    if summary.is_live:
        yield from _waiting(status)


def _field(label: str, text: str) -> str:
    return f"{terminal.paint(label.ljust(12), 'dim')}{text}"


def _payload(payload: Payload) -> str:
    return terminal.shortened(terminal.visible(payload.json_text or ""), PAYLOAD_CHARACTERS_SHOWN)


def _waiting(status: InstanceStatus) -> Iterator[str]:
    if not status.host_running:
        yield _field("host", "not running: nothing goes on until `dfcli run`")
    if not status.waits:
        return
    yield ""
    yield terminal.paint("waits for", "bold")
    yield from waits_lines(status.waits)


def waits_lines(waits: Sequence[Wait]) -> Iterator[str]:
    """What is waited for, and below it the line of code that waits; many calls of one function are counted."""
    by_location: dict[CodeLocation | None, dict[tuple[str, str], list[Wait]]] = {}
    for wait in waits:
        by_location.setdefault(wait.location, {}).setdefault((wait.kind, wait.name), []).append(wait)
    for location, alike in by_location.items():
        for several in alike.values():
            if len(several) > ALIKE_SHOWN:
                oldest = min((wait.since for wait in several if wait.since), default=None)
                since = f", the oldest since {moments.shown(oldest)}" if oldest else ""
                kind, name = several[0].kind, several[0].name
                yield f"  {kind}{f' `{terminal.visible(name)}`' if name else ''}: {len(several):,} open{since}"
            else:
                yield from (f"  {_wait_sentence(wait)}" for wait in several)
        if location is not None:
            yield from _location_lines(location)


def _location_lines(location: CodeLocation) -> Iterator[str]:
    where = f"{shown_path(location.file)}:{location.line}"
    yield f"    at {terminal.visible(where)} in {terminal.visible(location.function)}"
    source = source_line(location.file, location.line)
    if source:
        yield f"       {terminal.paint(terminal.visible(source), 'cyan')}"


def _wait_sentence(wait: Wait) -> str:
    parts = [wait.kind if not wait.name else f"{wait.kind} `{terminal.visible(wait.name)}`"]
    if wait.instance_id:
        parts.append(f"instance {terminal.visible(wait.instance_id)}")
    if wait.attempt and wait.attempt > 1:
        parts.append(f"attempt {wait.attempt}")
    if wait.since:
        parts.append(f"since {moments.shown(wait.since)}")
    if wait.due:
        parts.append(f"due {moments.shown(wait.due)}")
    if wait.detail:
        parts.append(terminal.visible(wait.detail))
    return ", ".join(parts)


def shown_path(path: str) -> str:
    """A path as short as it can be from here."""
    relative = os.path.relpath(path) if os.path.isabs(path) else path
    return path if relative.startswith("..") else relative


def source_line(path: str, number: int) -> str:
    """The source of a line without its indentation; empty when the file cannot be read."""
    import linecache

    return linecache.getline(path, number).strip()
