"""`dfcli trigger`."""

from __future__ import annotations

import json
import sys
from typing import Annotated, Any

import msgspec
import typer

from dfcli.cli import apps, options, render, terminal
from dfcli.cli.connection import remote
from dfcli.cli.failure_view import lines as failure_lines
from dfcli.cli.options import Format
from dfcli.cli.payloads import payload
from dfcli.errors import InvalidArgument, NotFound, Unavailable
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import PAYLOAD_BYTES_MAX


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

    body = _content(data, "--data")
    bindings = dict(_binding(text) for text in binding or [])
    control = remote(apps.settings_of(options.place(folder, hub, hub_dir)).hub_path)
    if not isinstance(control, RemoteControl):
        raise Unavailable("no host runs on the task hub", why="functions are run by the host", hint="dfcli run")
    try:
        run = control.run_function(function, body, bindings)
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


def _binding(text: str) -> tuple[str, bytes]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InvalidArgument(
            f"--binding {text!r} names no content", hint="--binding NAME=JSON or --binding NAME=@file"
        )
    return name, _content(value, f"--binding {name}=")


def _content(text: str | None, option: str) -> bytes:
    """Text of JSON as itself, other JSON as JSON text; files and stdin as they are."""
    if text is None:
        return b""
    if text == "-":
        return sys.stdin.buffer.read(PAYLOAD_BYTES_MAX)
    if text.startswith("@"):
        try:
            with open(text[1:], "rb") as file:
                return file.read(PAYLOAD_BYTES_MAX)
        except FileNotFoundError:
            raise NotFound(f"there is no file {text[1:]!r}", why=f"{option} names it") from None
        except OSError as error:
            raise InvalidArgument(f"the file {text[1:]!r} cannot be read", why=error.strerror or str(error)) from None
    given = payload(text, option).json_text or ""
    value = json.loads(given)
    return (value if isinstance(value, str) else given).encode("utf-8", "surrogatepass")
