"""`dfcli functions`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dfcli.cli import apps, options, render, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Column

if TYPE_CHECKING:
    from dfcli.authoring.triggers import FunctionDefinition


def functions(
    folder: options.Folder = ".",
    output: options.Output = Format.table,
) -> None:
    """List the app's functions.

    Loads the app as `dfcli run` would, and says what is wrong when it cannot.
    """
    where = options.place(folder, "", "")
    all_functions = apps.load(where).registry.all
    if output is Format.id:
        for function in all_functions:
            terminal.answer(function.name)
    elif output is Format.json:
        render.json_value([_object(function) for function in all_functions])
    elif output is Format.jsonl:
        for function in all_functions:
            render.json_line(_object(function))
    else:
        draw(all_functions)
        if not all_functions:
            terminal.say("the app has no functions")


def draw(all_functions: Sequence[FunctionDefinition]) -> None:
    """The functions as a table."""
    columns = (Column("FUNCTION"), Column("KIND"), Column("ROUTE", fold=True), Column("DEFINED AT", fold=True))
    tables.draw(columns, (_row(function) for function in all_functions))


def route_of(function: FunctionDefinition) -> str:
    """`[GET,POST] /api/orders/{id}` of an HTTP function; empty for the others."""
    if function.kind != "http":
        return ""
    methods = methods_of(function)
    route = function.route if function.route is not None else function.name
    return f"{f'[{methods}] ' if methods else ''}/api/{route.lstrip('/')}"


def methods_of(function: FunctionDefinition) -> str:
    """`GET,POST` when an HTTP function takes these only."""
    return ",".join(sorted(function.methods)) if function.methods else ""


def _row(function: FunctionDefinition) -> tables.Row:
    return (function.name, function.kind, route_of(function), f"{render.shown_path(function.file)}:{function.line}")


def _object(function: FunctionDefinition) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": function.name, "kind": function.kind, "async": function.is_async}
    if function.kind == "http":
        shown["route"] = function.route or function.name
        shown["methods"] = sorted(function.methods) if function.methods else None
        shown["authLevel"] = str(function.auth_level)
    return {**shown, "file": function.file, "line": function.line}
