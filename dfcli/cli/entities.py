"""How commands name and show entities: `@counter@my-key`, or a name and a key as two words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from dfcli.cli import moments, render, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Cell, Column
from dfcli.errors import InvalidArgument
from dfcli.model.entity_ids import EntityName, entity_instance_id, parse_entity_id
from dfcli.model.entity_status import EntityView, view_of
from dfcli.model.projection import shown
from dfcli.model.status import InstanceSummary

STATE_CHARACTERS_SHOWN = 60
_COLUMNS = (
    Column("ENTITY"),
    Column("STATE", fold=True),
    Column("WAITING", right=True),
    Column("LOCKED BY"),
    Column("LAST"),
)


def named(words: list[str]) -> EntityName:
    """The entity that `@name@key`, or `name key`, means. InvalidArgument."""
    if len(words) == 1:
        return parse_entity_id(words[0])
    if len(words) == 2:
        return parse_entity_id(entity_instance_id(*words))
    raise InvalidArgument("an entity is named by @name@key, or by a name and a key", hint="quote a key with blanks")


def view(summary: InstanceSummary) -> EntityView | None:
    """What is told of an entity; None for an instance that is none."""
    if summary.entity is None:
        return None
    return view_of(summary.instance_id, summary.entity, summary.updated)


def json_object(entity: EntityView) -> dict[str, Any]:
    """An entity in the HTTP API's words, with what that API has no words for at the end."""
    return {
        "entityId": {"name": entity.name, "key": entity.key},
        "lastOperationTime": entity.last_operation_time,
        "state": shown(entity.state),
        "exists": entity.exists,
        "queueSize": entity.waiting,
        "lockedBy": entity.locked_by,
    }


def many(entities: Iterable[EntityView], output: Format) -> None:
    """Many entities, streamed."""
    if output is Format.id:
        for entity in entities:
            terminal.answer(entity.instance_id)
    elif output is Format.jsonl:
        for entity in entities:
            render.json_line(json_object(entity))
    elif output is Format.json:
        render.json_array(map(json_object, entities))
    else:
        tables.draw(_COLUMNS, map(_row, entities))


def one(entity: EntityView, output: Format) -> None:
    if output is Format.id:
        terminal.answer(entity.instance_id)
    elif output is Format.json:
        render.json_value(json_object(entity))
    elif output is Format.jsonl:
        render.json_line(json_object(entity))
    else:
        for line in _lines(entity):
            terminal.answer(line)


def _row(entity: EntityView) -> tables.Row:
    return (
        Cell(entity.instance_id, ("bold",)),
        terminal.shortened(_state(entity), STATE_CHARACTERS_SHOWN),
        str(entity.waiting or ""),
        entity.locked_by or "",
        moments.shown(entity.last_operation_time),
    )


def _lines(entity: EntityView) -> Iterator[str]:
    fields = [
        ("entity", entity.instance_id),
        ("state", _state(entity)),
        ("last", moments.shown(entity.last_operation_time)),
    ]
    if entity.waiting:
        fields.append(("waiting", f"{entity.waiting} operations"))
    if entity.locked_by:
        fields.append(("locked by", entity.locked_by))
    for label, text in fields:
        yield f"{terminal.paint(label.ljust(12), 'dim')}{terminal.visible(text)}"


def _state(entity: EntityView) -> str:
    return entity.state.json_text or "(none)"
