"""`dfcli new`."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from dfcli.cli import options, render, tables, terminal
from dfcli.cli.options import Format
from dfcli.cli.tables import Column
from dfcli.errors import InvalidArgument
from dfcli.project.scaffold import Sdk


def new_app(
    template: Annotated[
        str, typer.Argument(metavar="TEMPLATE", help="Which template; --list shows them.", show_default=False)
    ] = "",
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The folder to make, and the app's name.", show_default=False)
    ] = "",
    sdk: Annotated[
        Sdk, typer.Option("--sdk", help="Whose library the app imports; with `azure` it runs here and in Azure.")
    ] = Sdk.dfcli,
    show: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
    output: options.Output = Format.table,
) -> None:
    """Make an app from a template.

    Writes a folder with function_app.py, dfcli.toml, a README and a passing test. Nothing is ever overwritten. With
    `--sdk azure` the app imports Azure's packages (pip install 'dfcli[azure]'), and has the files that Azure needs.
    """
    from dfcli.project import scaffold

    if show:
        _list(output)
        return
    if not template or not name:
        raise InvalidArgument(
            "a template and a name are needed" if not template else "a name for the app is needed",
            why=f"templates: {', '.join(t.name for t in scaffold.list_templates())}",
            hint=f"dfcli new {template or 'sequence'} my-app",
        )
    target = os.path.abspath(name)
    made = scaffold.scaffold(template, target, sdk)
    shown = render.shown_path(made.folder)
    if output in (Format.json, Format.jsonl):
        result = {"folder": made.folder, "files": made.files, "next": made.next_steps}
        (render.json_value if output is Format.json else render.json_line)(result)
        return
    terminal.answer(terminal.visible(shown))
    if output is Format.id:
        return
    for file in made.files:
        terminal.say(f"  wrote {terminal.visible(os.path.join(shown, file))}")
    terminal.say("next:")
    for step in made.next_steps:
        terminal.say(f"  {terminal.visible(step)}")


def _list(output: Format) -> None:
    from dfcli.project import scaffold

    templates = scaffold.list_templates()
    if output is Format.table:
        tables.draw(
            (Column("TEMPLATE"), Column("WHAT IT SHOWS", fold=True)), [(t.name, t.description) for t in templates]
        )
    elif output is Format.id:
        for template in templates:
            terminal.answer(template.name)
    else:
        shown = [{"name": template.name, "description": template.description} for template in templates]
        if output is Format.json:
            render.json_value(shown)
        else:
            for one in shown:
                render.json_line(one)
