"""`dfcli functions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfcli.cli import apps, options, render, tables, terminal
from dfcli.cli.connection import remote
from dfcli.cli.function_triggers import Trigger, triggers_of
from dfcli.cli.options import Format
from dfcli.cli.tables import Column
from dfcli.errors import Unavailable
from dfcli.host.client_payload import ClientSdk

if TYPE_CHECKING:
    from dfcli.authoring.triggers import FunctionDefinition


def functions(
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    client_payload: Annotated[
        bool,
        typer.Option(
            "--client-payload", help="Print what a durable client outside the host is made from; holds a secret."
        ),
    ] = False,
    sdk: Annotated[
        ClientSdk,
        typer.Option(
            "--sdk",
            metavar="SDK",
            help="For which client: azure-functions-durable 1.x (python1), or any other (plain).",
        ),
    ] = ClientSdk.plain,
    output: options.Output = Format.table,
) -> None:
    """List the app's functions.

    Loads the app as `dfcli run` would, and says what is wrong when it cannot. A timer is shown with its next time by
    the clock; functions whose trigger needs a service of the cloud are listed as unsupported.

    --client-payload asks the running host instead: programs outside it make a durable client of that text.
    """
    where = options.place(folder, hub, hub_dir)
    if client_payload:
        _print_payload(where, sdk)
        return
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


def _print_payload(where: options.Place, sdk: ClientSdk) -> None:
    """One line of JSON, for `DurableOrchestrationClient(text)` and its like. Unavailable when no host runs."""
    from dfcli.http.remote_client import RemoteControl

    control = remote(apps.settings_of(where).hub_path)
    if not isinstance(control, RemoteControl):
        raise Unavailable(
            "no host runs on the task hub",
            why="the payload names the address of a running host, which is new at each start",
            hint="dfcli run",
        )
    try:
        terminal.answer(control.client_payload(sdk).decode())
    finally:
        control.close()


def _row(function: FunctionDefinition, trigger: Trigger) -> tables.Row:
    place = f"{render.shown_path(function.file)}:{function.line}"
    return (function.name, function.kind, trigger.words, place)


def _object(function: FunctionDefinition, trigger: Trigger) -> dict[str, Any]:
    shown = {"name": function.name, "kind": function.kind, "async": function.is_async, **trigger.members()}
    return {**shown, "file": function.file, "line": function.line}
