"""`dfcli doctor`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from dfcli.cli import apps, options, render, tables, terminal
from dfcli.cli.connection import url_of_host
from dfcli.cli.options import Format
from dfcli.cli.tables import Column
from dfcli.errors import AppLoadError

if TYPE_CHECKING:
    from dfcli.project.diagnosis import Finding
    from dfcli.project.load import LoadedApp
    from dfcli.project.settings import Settings

FOUND_SOMETHING = 5


def doctor(
    azure: Annotated[
        bool, typer.Option("--azure", help="Say instead whether the app would run on Azure as it is, item by item.")
    ] = False,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Show the effective settings, and what is to be mended.

    Each setting is shown with its source. Nothing is started and nothing is changed; the app is loaded, as `dfcli run`
    would. Values whose names look like secrets are masked. The exit code is 5 when there is something to mend.

    With --azure: packages, versions, host.json, extension bundle, Python, what orchestrators must not do, and what
    works here and not there, seen in the code or in runs on this machine.
    """
    from dfcli.project import diagnosis

    where = options.place(folder, hub, hub_dir)
    settings = apps.settings_of(where)
    if azure:
        _for_azure(where, settings, output)
        return
    host_url = url_of_host(settings.hub_path)
    facts = dict(diagnosis.facts(settings, host_url))
    registry = None
    found: list[Finding] = []
    try:
        registry = apps.load(where).registry
    except AppLoadError as error:
        found.append(diagnosis.Finding(code="app", what=error.what, why=error.why, hint=error.hint))
    found += diagnosis.findings(settings, host_url, registry)
    if output is Format.id:
        for finding in found:
            terminal.answer(finding.code)
    elif output is Format.table:
        _draw(settings, facts, found)
    else:
        shown = {"facts": facts, "settings": _settings(settings), "findings": found}
        (render.json_value if output is Format.json else render.json_line)(shown)
    if found:
        raise typer.Exit(FOUND_SOMETHING)


def _for_azure(where: options.Place, settings: Settings, output: Format) -> None:
    from dfcli.project.azure_diagnosis import azure_items

    app: LoadedApp | AppLoadError
    try:
        app = apps.load(where)
    except AppLoadError as refused:
        app = refused
    found = azure_items(settings, app)
    errors = [item for item in found if item.level == "error"]
    if output is Format.id:
        for item in errors:
            terminal.answer(item.code)
    elif output is Format.table:
        for item in found:
            paint = {"ok": "green", "warning": "yellow", "error": "red"}[item.level]
            terminal.answer(f"{terminal.paint(item.level.ljust(7), paint)} {item.code}: {terminal.visible(item.what)}")
            if item.why and item.level != "ok":
                terminal.answer(f"          why: {terminal.visible(item.why)}")
            if item.hint:
                terminal.answer(f"          hint: {terminal.visible(item.hint)}")
        terminal.answer(
            f"{len(errors)} to mend before it runs on Azure as it runs here" if errors else "it would run on Azure"
        )
    else:
        shown = {"app": settings.folder, "deployable": not errors, "items": found}
        (render.json_value if output is Format.json else render.json_line)(shown)
    if errors:
        raise typer.Exit(FOUND_SOMETHING)


def _settings(settings: Settings) -> list[dict[str, Any]]:
    from dfcli.project.diagnosis import masked

    return [
        {"name": line.name, "value": masked(line.name, line.value), "source": line.source}
        for line in settings.effective()
    ]


def _draw(settings: Settings, facts: dict[str, str], found: list[Finding]) -> None:
    width = max(map(len, facts))
    for name, text in facts.items():
        terminal.answer(f"{name.ljust(width)}  {terminal.visible(text)}")
    terminal.answer()
    columns = (Column("SETTING"), Column("VALUE", fold=True), Column("SOURCE"))
    tables.draw(columns, ((line["name"], _shown(line["value"]), line["source"]) for line in _settings(settings)))
    terminal.answer()
    if not found:
        terminal.answer("nothing to mend")
    for finding in found:
        terminal.answer(f"{terminal.paint('mend:', 'yellow')} {terminal.visible(finding.what)}")
        if finding.why:
            terminal.answer(f"  why: {terminal.visible(finding.why)}")
        if finding.hint:
            terminal.answer(f"  hint: {terminal.visible(finding.hint)}")


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
