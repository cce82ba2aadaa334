"""`dfcli replay`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from dfcli.cli import apps, connection, options, render, selection, terminal
from dfcli.cli.options import Format, Place
from dfcli.errors import Disagreement, InvalidArgument, NotFound
from dfcli.model.entity_ids import is_entity_id
from dfcli.model.history import Event, decode_line
from dfcli.model.ids import ExecutionKey

if TYPE_CHECKING:
    from dfcli.replay import Divergence, Frame, Replay, Step

ARRIVALS_MARK, DECISIONS_MARK, FRAME_MARK = "←", "→", "·"


def replay_history(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID|FILE",
            help="An id, a unique beginning of one, @last or @failed; or a history file (.jsonl).",
            show_default=False,
        ),
    ],
    trace: Annotated[
        bool,
        typer.Option(
            "--trace/--brief",
            help="Show each event with function, line and local variables, or the verdict alone.",
        ),
    ] = True,
    execution: Annotated[
        int, typer.Option("--exec", metavar="N", min=0, help="Of an earlier execution, from 1. Default: the newest.")
    ] = 0,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Run a recorded history against the code and compare.

    Nothing is started or changed: activities give their recorded results. Ends with 0 when code and history agree, and
    with 5 and the first difference when they do not.
    """
    where = options.place(folder, hub, hub_dir)
    key, events = _history(where, what, execution)
    if is_entity_id(key.instance_id):
        raise InvalidArgument(
            f"{key.instance_id} is an entity, and entities are not replayed",
            why="what an operation did stands in the line of its batch",
            hint=f"dfcli inspect {key.instance_id}",
        )
    app = apps.load(where)
    from dfcli import replay

    with apps.user_code_talks():
        replayed = replay.run(events, app.registry.lookup, key=key, variables=trace or output is not Format.table)
    if output is Format.json:
        render.json_value(replayed)
    elif output is Format.jsonl:
        for step in replayed.steps:
            render.json_line(step)
    elif output is Format.id:
        terminal.answer(key.instance_id)
    else:
        _text(replayed, trace)
    for warning in replayed.warnings:
        terminal.say(f"{terminal.paint('warning:', 'yellow')} {terminal.visible(warning)}")
    if replayed.divergence is not None:
        raise _disagreement(replayed.divergence)


def _history(where: Place, what: str, execution: int) -> tuple[ExecutionKey, list[Event]]:
    if os.path.isfile(what):
        return _from_file(what)
    if what.endswith(".jsonl") or os.sep in what:
        raise NotFound(f"there is no file {what!r}", hint="give an instance id, or the path of a history file")
    with connection.reading(where) as control:
        summary = selection.for_reading(control, what).summary
        events = control.history(summary.instance_id, execution or None)
        return ExecutionKey(summary.instance_id, execution or summary.exec), events


def _from_file(path: str) -> tuple[ExecutionKey, list[Event]]:
    """The events of a history file, with the id and execution its first line names."""
    import msgspec

    class Owner(msgspec.Struct, rename="pascal"):
        instance_id: str
        exec: int = 1

    events: list[Event] = []
    owner: Owner | None = None
    with open(path, "rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n") and events:
                terminal.say(f"line {number} is not complete and is left out")
                break
            try:
                events.append(decode_line(line.rstrip(b"\n")))
                owner = owner or msgspec.json.decode(line, type=Owner)
            except msgspec.MsgspecError as error:
                raise InvalidArgument(f"{path} is not a history file", why=f"line {number}: {error}") from None
    if owner is None:
        raise InvalidArgument(f"{path} is not a history file", why="it is empty")
    return ExecutionKey(owner.instance_id, owner.exec), events


def _text(replayed: Replay, trace: bool) -> None:
    if trace:
        for step in replayed.steps:
            for line in _block(step):
                terminal.answer(line)
    steps = len(replayed.steps)
    episodes = max((step.episode for step in replayed.steps), default=0)
    if replayed.divergence is None:
        end = "to its end" if replayed.is_finished else "as far as it goes"
        terminal.answer(
            f"{terminal.paint('agrees', 'green')}: {terminal.visible(replayed.instance_id)} replays {end}"
            f" ({steps} events, {episodes} episodes of {terminal.visible(replayed.name)})"
        )
    else:
        terminal.answer(f"{terminal.paint('differs', 'red')} after {steps} events, in episode {episodes}")


def _block(step: Step) -> Iterator[str]:
    mark = DECISIONS_MARK if step.is_decision else ARRIVALS_MARK
    if step.event_type in ("OrchestratorStarted", "OrchestratorCompleted"):
        mark = FRAME_MARK
    number = f" #{step.event_id}" if step.event_id >= 0 else ""
    head = f"{step.seq:>5} {mark} {terminal.paint(step.event_type, 'bold')}{number}"
    yield f"{head}  {terminal.visible(step.what)}"
    if step.frames:
        for frame in step.frames:
            yield from _frame(frame)
    elif step.location is not None:
        file = render.shown_path(step.location.file)
        yield f"{'':8}{terminal.visible(step.location.function)} at {terminal.visible(file)}:{step.location.line}"
        source = render.source_line(step.location.file, step.location.line)
        if source:
            yield f"{'':10}{terminal.paint(terminal.visible(source), 'cyan')}"


def _frame(frame: Frame) -> Iterator[str]:
    file = render.shown_path(frame.location.file)
    yield f"{'':8}{terminal.visible(frame.location.function)} at {terminal.visible(file)}:{frame.location.line}"
    if frame.source:
        yield f"{'':10}{terminal.paint(terminal.visible(frame.source), 'cyan')}"
    for name, value in frame.variables.items():
        yield f"{'':10}{terminal.visible(name)} = {terminal.visible(value)}"


def _disagreement(found: Divergence) -> Disagreement:
    why = []
    if found.location is not None:
        file = render.shown_path(found.location.file)
        source = render.source_line(found.location.file, found.location.line)
        why.append(f"{file}:{found.location.line} in {found.location.function}" + (f": {source}" if source else ""))
    if found.why:
        why.append(found.why)
    what = f"replay diverged at event {found.seq}: history recorded {found.recorded}, the code now {found.asked}"
    return Disagreement(what, why="\n".join(why), hint=found.hint)
