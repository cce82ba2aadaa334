"""`dfcli inspect`."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer
from msgspec import Raw

from dfcli.cli import connection, history_view, moments, options, render, selection, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Cell, Column
from dfcli.errors import InvalidArgument
from dfcli.host.control import Control
from dfcli.model.history import Event
from dfcli.model.time import epoch_from_timestamp
from dfcli.model.voids import Voids, effective

_COLUMNS = (
    Column("SEQ", right=True),
    Column("TIME"),
    Column("EVENT"),
    Column("ID"),
    Column("NAME"),
    Column("DETAIL", fold=True),
)
_BOOKKEEPING = {"OrchestratorStarted", "OrchestratorCompleted"}
_BAD = {"TaskFailed", "SubOrchestrationInstanceFailed", "ExecutionTerminated"}
_GOOD = {"TaskCompleted", "SubOrchestrationInstanceCompleted"}


class View(StrEnum):
    """How a history is shown."""

    history = "history"
    timeline = "timeline"
    raw = "raw"
    azure = "azure"


def inspect_instance(
    instance_id: options.ReadingId,
    view: Annotated[
        View,
        typer.Option(
            "--view",
            metavar="VIEW",
            help="history: a row per event; timeline: how long things took; raw: the lines as they are on disk;"
            " azure: the events as Durable Functions stores them.",
        ),
    ] = View.history,
    execution: Annotated[
        int, typer.Option("--exec", metavar="N", min=0, help="Of an earlier execution, from 1. Default: the newest.")
    ] = 0,
    only_effective: Annotated[
        bool, typer.Option("--effective", help="Leave out what a rewind has voided; otherwise it is struck out.")
    ] = False,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Show the history of an instance.

    With -o json or jsonl it prints the lines of the history file, or with --view azure the events of Azure's form.
    """
    with connection.reading(options.place(folder, hub, hub_dir)) as control:
        found = selection.for_reading(control, instance_id)
        key = found.summary.instance_id
        if output is Format.id:
            terminal.answer(key)
        elif view is View.azure:
            _azure(control, key, execution, output)
        elif output is not Format.table:
            _lines(control, key, execution, output, only_effective)
        elif view is View.raw:
            for line in _raw_lines(control, key, execution, only_effective):
                terminal.answer(_one_line(line))
        else:
            events = control.history(key, execution or None)
            _heading(found.summary.name, found.summary.status, key, events)
            voids = Voids.of(events)
            shown = effective(events) if only_effective else events
            (_timeline if view is View.timeline else _history)(shown, voids)


def _one_line(line: bytes) -> str:
    text = line.decode("utf-8", "backslashreplace").rstrip("\n")
    return terminal.visible_json(text) if terminal.is_terminal(typer.get_text_stream("stdout")) else text


def _raw_lines(control: Control, key: str, execution: int, only_effective: bool) -> list[bytes]:
    lines = control.lines(key, execution or None)
    if not only_effective:
        return lines
    kept = {event.seq for event in effective(control.history(key, execution or None))}
    return [line for number, line in enumerate(lines, start=1) if number in kept]


def _lines(control: Control, key: str, execution: int, output: Format, only_effective: bool) -> None:
    lines = _raw_lines(control, key, execution, only_effective)
    if output is Format.jsonl:
        for line in lines:
            terminal.answer(_one_line(line))
    else:
        render.json_value([Raw(line) for line in lines])


def _azure(control: Control, key: str, execution: int, output: Format) -> None:
    from dfcli.model.projection import azure_history

    projected = azure_history(control.history(key, execution or None), key)
    if output is Format.jsonl:
        for event in projected:
            render.json_line(event)
    else:
        render.json_value(projected)


def _heading(name: str, status: str, key: str, events: list[Event]) -> None:
    """Talk, so that the table alone is the result."""
    if not events:
        raise InvalidArgument("this execution has no history")
    shown = terminal.paint(status, *terminal.status_colour(status))
    terminal.say(f"{terminal.visible(key)}  {terminal.visible(name)}  {shown}  {len(events)} events")


def _history(events: list[Event], voids: Voids | None) -> None:
    tables.draw(_COLUMNS, _history_rows(events, voids))


def _history_rows(events: list[Event], voids: Voids | None) -> Iterator[tables.Row]:
    for row in history_view.rows(events):
        style = _style(row)
        if voids is not None and row.event.seq in voids:
            yield _struck_out(row)
            continue
        yield (
            str(row.event.seq),
            row.event.timestamp[11:23],
            Cell(row.kind, style),
            row.number,
            row.name,
            Cell(row.detail, style if row.kind in _BAD else ()),
        )


def _struck_out(row: history_view.EventRow) -> tables.Row:
    """A voided line. The word is there for those who see no styles, and for pipes."""
    gone = ("dim", "strike")
    return (
        Cell(str(row.event.seq), gone),
        Cell(row.event.timestamp[11:23], gone),
        Cell(row.kind, gone),
        Cell(row.number, gone),
        Cell(row.name, gone),
        Cell(f"voided  {row.detail}".rstrip(), ("dim",)),
    )


def _style(row: history_view.EventRow) -> tuple[str, ...]:
    if row.kind in _BOOKKEEPING:
        return ("dim",)
    if row.kind in _BAD:
        return ("red",)
    if row.kind == "ExecutionCompleted":
        return terminal.status_colour(row.event.orchestration_status)  # type: ignore[union-attr]
    return ("green",) if row.kind in _GOOD else ()


def _timeline(events: list[Event], voids: Voids | None) -> None:
    """Offsets from the start, and how long each answer took; the episodes' frames are left out."""
    columns = (Column("AT", right=True), Column("TOOK", right=True), *_COLUMNS[2:])
    start = epoch_from_timestamp(events[0].timestamp)
    tables.draw(
        columns,
        (
            (
                f"+{epoch_from_timestamp(row.event.timestamp) - start:.3f}s",
                moments.elapsed(row.seconds) if row.seconds is not None else "",
                Cell(row.kind, _style(row)),
                row.number,
                row.name,
                ("voided  " if voids is not None and row.event.seq in voids else "") + row.detail,
            )
            for row in history_view.rows(events)
            if row.kind not in _BOOKKEEPING
        ),
    )
