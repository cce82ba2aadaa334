"""`dfcli purge`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import bulk, options
from dfcli.cli.moments import moment
from dfcli.cli.options import Format
from dfcli.model.status import TERMINAL_STATUSES


def purge(
    ids: options.Ids = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="With the sub-orchestrations below; all must have ended.")
    ] = False,
    older_than: Annotated[
        str, typer.Option("--older-than", metavar="TIME", help="Last changed before: 12h, 7d, or a UTC time.")
    ] = "",
    everything: options.All = False,
    status: options.Statuses = None,
    failed: options.Failed = False,
    running: options.Running = False,
    name: options.Names = None,
    prefix: options.Prefix = "",
    since: options.Since = "",
    until: options.Until = "",
    yes: options.Yes = False,
    dry_run: options.DryRun = False,
    folder: options.Folder = ".",
    hub: options.Hub = "",
    hub_dir: options.HubDir = "",
    output: options.Output = Format.table,
) -> None:
    """Remove ended instances and their histories.

    A live instance is refused: terminate it first. What will go is shown and asked about when it is more than one
    instance; --yes answers, --dry-run only shows. --since and --until go by the time of creation, --older-than by that
    of the last change.
    """
    verb = bulk.Verb(
        infinitive="purge",
        done="purged",
        statuses=TERMINAL_STATUSES,
        destructive=True,
        act=lambda control, instance_id, _reason: control.purge(instance_id, recursive=recursive),
        older_than=moment(older_than, "--older-than") if older_than else "",
    )
    which = options.chosen(status, failed, running, name, prefix, since, until)
    wish = bulk.Wish(ids or [], which, everything or bool(older_than), "", yes, dry_run, output)
    bulk.perform(verb, options.place(folder, hub, hub_dir), wish)
