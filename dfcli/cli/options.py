"""The options that commands share, and what they mean."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated, NamedTuple

import typer

from dfcli.cli.moments import moment
from dfcli.errors import InvalidArgument, NotFound
from dfcli.model.query import InstanceFilter
from dfcli.model.status import LIVE_STATUSES, OrchestrationRuntimeStatus


class Format(StrEnum):
    """How a result is written. Only `table` is for people; the others are stable."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    id = "id"


Folder = Annotated[str, typer.Option("-C", "--folder", metavar="DIR", help="The app's folder.", show_default=False)]
Hub = Annotated[str, typer.Option("--hub", metavar="NAME", help="The task hub's name. Default: the app's.")]
HubDir = Annotated[str, typer.Option("--hub-dir", metavar="DIR", help="The folder that holds the task hubs.")]
Output = Annotated[
    Format, typer.Option("-o", "--output", metavar="FORMAT", help="How to write the result: table, json, jsonl or id.")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
Reason = Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; kept in the history.")]
Statuses = Annotated[
    list[str] | None,
    typer.Option("--status", "--runtime-status", metavar="STATUS", help="With this runtime status; may be repeated."),
]
Failed = Annotated[bool, typer.Option("--failed", help="Short for --status Failed.")]
Running = Annotated[bool, typer.Option("--running", help="All that have not ended.")]
Names = Annotated[list[str] | None, typer.Option("--name", metavar="FUNCTION", help="Of this orchestrator.")]
Prefix = Annotated[str, typer.Option("--prefix", metavar="TEXT", help="With ids that begin so.")]
Since = Annotated[
    str, typer.Option("--since", "--created-after", metavar="TIME", help="Created since: 10m, 2h, 3d, or a UTC time.")
]
Until = Annotated[str, typer.Option("--until", "--created-before", metavar="TIME", help="Created until.")]
All = Annotated[bool, typer.Option("--all", help="All that the command can act on.")]
Ids = Annotated[
    list[str] | None,
    typer.Argument(metavar="ID", help="Exact ids, @last, or - to read ids from stdin.", show_default=False),
]
ReadingId = Annotated[
    str, typer.Argument(metavar="ID", help="An id, a unique beginning of one, @last or @failed.", show_default=False)
]
ChangingId = Annotated[str, typer.Argument(metavar="ID", help="The exact id, or @last.", show_default=False)]
Wait = Annotated[bool, typer.Option("--wait", help="Wait until the instance has ended.")]
Timeout = Annotated[str, typer.Option("--timeout", metavar="S", help="Give up waiting after this long: 30, 2m.")]


class Place(NamedTuple):
    """Which app and which hub a command is about, as the command line says."""

    folder: str
    hub: str
    hub_dir: str


def place(folder: str, hub: str, hub_dir: str) -> Place:
    """The place, with absolute paths. NotFound when the app's folder does not exist."""
    path = os.path.abspath(folder)
    if not os.path.isdir(path):
        raise NotFound(
            f"there is no folder {folder!r}", why="-C names the app's folder", hint="dfcli new TEMPLATE NAME"
        )
    return Place(path, hub, os.path.abspath(hub_dir) if hub_dir else "")


def chosen(
    statuses: list[str] | None,
    failed: bool,
    running: bool,
    names: list[str] | None,
    prefix: str,
    since: str,
    until: str,
) -> InstanceFilter:
    """The filter that the shared options spell out together."""
    wanted = {_status(word) for text in statuses or () for word in text.split(",") if word.strip()}
    if failed:
        wanted.add("Failed")
    if running:
        wanted |= LIVE_STATUSES
    return InstanceFilter(
        statuses=frozenset(wanted),
        names=frozenset(name for text in names or () for name in text.split(",") if name),
        prefix=prefix,
        created_from=moment(since, "--since") if since else None,
        created_to=moment(until, "--until") if until else None,
    )


def is_everything(which: InstanceFilter) -> bool:
    """Whether the filter leaves nothing out."""
    return which == InstanceFilter(newest_first=which.newest_first)


def _status(word: str) -> str:
    for status in OrchestrationRuntimeStatus:
        if status.value.casefold() == word.strip().casefold():
            return status.value
    raise InvalidArgument(
        f"{word.strip()!r} is no runtime status",
        why=f"there are {', '.join(status.value for status in OrchestrationRuntimeStatus)}",
    )
