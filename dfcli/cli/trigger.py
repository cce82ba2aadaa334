"""`dfcli trigger`."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import Annotated, Any

import msgspec
import typer

from dfcli.cli import apps, options, render, terminal
from dfcli.cli.connection import master_key, remote
from dfcli.cli.failure_view import lines as failure_lines
from dfcli.cli.options import Format
from dfcli.cli.payloads import content, payload
from dfcli.errors import InvalidArgument, Unavailable
from dfcli.http import wire
from dfcli.model.failure import FailureDetails


def trigger(
    function: Annotated[str, typer.Argument(metavar="NAME", help="The function's name.", show_default=False)],
    data: Annotated[
        str | None,
        typer.Option("--data", "--input", metavar="JSON", help="What the trigger brings: JSON, @file, or - for stdin."),
    ] = None,
    binding: Annotated[
        list[str] | None,
        typer.Option(
            "--binding",
            metavar="NAME=JSON",
            help="The content of an input binding: NAME=JSON or NAME=@file; repeatable.",
        ),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            "--metadata", metavar="NAME=JSON", help="A member of the message, such as subject or name; repeatable."
        ),
    ] = None,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Run a function once, whatever triggers it: a queue, a blob, a timer.

    The running host calls it with --data as the message, the event or the content of the blob, waits, and prints what
    it returned and what it gave to its output bindings, which go nowhere. Text is passed as text, other JSON as JSON
    text, a file as it is. Orchestrators, activities and entities have commands of their own.
    """
    from dfcli.http.remote_client import RemoteControl

    given = wire.RunRequest(
        input=_base64(data, "--data"),
        base64=True,
        file_name=os.path.basename(data[1:]) if data is not None and data.startswith("@") else "",
        metadata={
            name: json.loads(payload(text, "--metadata").json_text or "null")
            for name, text in _pairs(metadata, "--metadata")
        },
        bindings={name: _base64(text, "--binding") for name, text in _pairs(binding, "--binding")},
    )
    hub_path = apps.settings_of(options.place(folder, hub, hub_dir)).hub_path
    control = remote(hub_path)
    if not isinstance(control, RemoteControl):
        raise Unavailable("no host runs on the task hub", why="functions are run by the host", hint="dfcli run")
    try:
        run = control.run_function(function, given, key=master_key(hub_path))
    finally:
        control.close()
    _show(run, output)
    if run.get("failure") is not None:
        raise typer.Exit(1)


def _show(run: dict[str, Any], output: Format) -> None:
    if output is Format.json:
        render.json_value(run)
    elif output in (Format.jsonl, Format.id):
        render.json_line(run)
    elif run.get("failure") is not None:
        for line in failure_lines(msgspec.convert(run["failure"], FailureDetails)):
            terminal.answer(line)
    else:
        if run.get("returned") is not None:
            terminal.answer(f"returned    {terminal.visible(json.dumps(run['returned'], ensure_ascii=False))}")
        for name, value in run.get("outputs", {}).items():
            terminal.answer(f"{terminal.visible(name):<11} {terminal.visible(json.dumps(value, ensure_ascii=False))}")
        terminal.say("done; outputs go nowhere here" if run.get("outputs") else "done")


def _pairs(texts: list[str] | None, option: str) -> list[tuple[str, str]]:
    return [_named(text, option) for text in texts or []]


def _named(text: str, option: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(f"{option} {text!r} names no content", hint=f"{option} NAME=JSON or {option} NAME=@file")
    return name, value


def _base64(text: str | None, option: str) -> str:
    return b64encode(content(text, option)).decode()
