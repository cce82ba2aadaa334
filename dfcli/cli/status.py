"""`dfcli status`."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

import typer

from dfcli.cli import apps, connection, options, render, running_file, selection, terminal, waiting
from dfcli.cli.options import Format, Place
from dfcli.errors import InvalidArgument
from dfcli.host.control import Control, InstanceStatus
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary, OrchestrationRuntimeStatus

NEWEST_SHOWN = 10


def status(
    instance_id: Annotated[
        str,
        typer.Argument(metavar="ID", help="An id, a unique beginning of one, @last or @failed.", show_default=False),
    ] = "",
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Show it again at each change until it has ended.")
    ] = False,
    wait: options.Wait = False,
    timeout: options.Timeout = "",
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Show one instance and what it waits for, or the hub at a glance.

    A live instance's status ends with what it waits for and the line of code that waits, with the host up or down.
    """
    if (watch or wait or timeout) and not instance_id:
        raise InvalidArgument(
            "which instance?", why="--wait and --watch are about one", hint="dfcli status @last --watch"
        )
    if timeout and not (watch or wait):
        raise InvalidArgument("--timeout says how long to wait", why="neither --wait nor --watch is given")
    seconds = waiting.time_limit(timeout)
    where = options.place(folder, hub, hub_dir)
    with connection.reading(where) as control:
        if not instance_id:
            _overview(control, where, output)
            return
        found = selection.for_reading(control, instance_id)
        if watch:
            waiting.watch(control, found.summary.instance_id, seconds, output)
        elif wait and found.summary.is_live:
            waiting.until_ended(control, found.summary.instance_id, seconds, output)
        else:
            render.one(_explained(where, control, found), output)
            if wait:
                waiting.leave(found)


def _explained(where: Place, control: Control, found: InstanceStatus) -> InstanceStatus:
    """With no host to ask, what a live instance waits for is found by replaying its history on the app's code."""
    if control.online or not found.summary.is_live:
        return found
    from dfcli.cli.explanation import explained

    return explained(where, control, found)


def _overview(control: Control, where: Place, output: Format) -> None:
    """Counts by status, and the newest instances."""
    newest = control.query(InstanceFilter(newest_first=True), top=NEWEST_SHOWN).items
    if output is Format.id:
        for summary in newest:
            terminal.answer(summary.instance_id)
        return
    counts = Counter(summary.status for summary in selection.matching(control, InstanceFilter()))
    settings = apps.settings_of(where)
    if output is not Format.table:
        shown = {
            "taskHub": settings.hub,
            "path": settings.hub_path,
            "hostRunning": control.online,
            "counts": dict(counts),
            "newest": [render.summary_object(summary) for summary in newest],
        }
        (render.json_value if output is Format.json else render.json_line)(shown)
        return
    _overview_text(control, settings.hub_path, counts, newest)


def _overview_text(control: Control, hub_path: str, counts: Counter[str], newest: list[InstanceSummary]) -> None:
    host = running_file.read(hub_path) if control.online else None
    terminal.answer(f"hub   {terminal.visible(hub_path)}")
    terminal.answer(f"host  {host.url}, pid {host.pid}" if host else "host  not running; `dfcli run` starts it")
    total = sum(counts.values())
    if not total:
        terminal.answer("no instances yet; `dfcli start FUNCTION` starts one")
        return
    order = [status.value for status in OrchestrationRuntimeStatus if counts[status.value]]
    parts = [terminal.paint(f"{counts[status]:,} {status}", *terminal.status_colour(status)) for status in order]
    terminal.answer(f"{total:,} instance{'' if total == 1 else 's'}: " + ", ".join(parts))
    terminal.answer()
    render.instances(newest, Format.table)
    if total > len(newest):
        terminal.say(f"the newest {len(newest)}; all of them: `dfcli list`")
