"""`dfcli functions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dfcli.cli import apps, options, render, tables, terminal
from dfcli.cli.function_triggers import Trigger, triggers_of
from dfcli.cli.options import Format
from dfcli.cli.tables import Column

if TYPE_CHECKING:
    from dfcli.authoring.triggers import FunctionDefinition


def functions(
    folder: options.Folder = ".",
    output: options.Output = Format.table,
) -> None:
    """List the app's functions.

    Loads the app as `dfcli run` would, and says what is wrong when it cannot. A timer is shown with its next time by
    the clock; functions whose trigger needs a service of the cloud are listed as unsupported.
    """
    where = options.place(folder, "", "")
    all_functions = apps.load(where).registry.all
    triggers = triggers_of(all_functions, apps.settings_of(where))
    if output is Format.id:
        for function in all_functions:
            terminal.answer(function.name)
    elif output is Format.json:
        render.json_value([_object(*pair) for pair in zip(all_functions, triggers, strict=True)])
    elif output is Format.jsonl:
        for pair in zip(all_functions, triggers, strict=True):
            render.json_line(_object(*pair))
    else:
        columns = (Column("FUNCTION"), Column("KIND"), Column("TRIGGER", fold=True), Column("DEFINED AT", fold=True))
        tables.draw(columns, (_row(*pair) for pair in zip(all_functions, triggers, strict=True)))
        if not all_functions:
            terminal.say("the app has no functions")
    for function in all_functions:
        for note in function.notes:
            terminal.say(f"note: {function.name}: {note}")


def _row(function: FunctionDefinition, trigger: Trigger) -> tables.Row:
    place = f"{render.shown_path(function.file)}:{function.line}"
    return (function.name, function.kind, trigger.words, place)


def _object(function: FunctionDefinition, trigger: Trigger) -> dict[str, Any]:
    shown = {"name": function.name, "kind": function.kind, "async": function.is_async, **trigger.members()}
    return {**shown, "file": function.file, "line": function.line}
