"""`dfcli terminate`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import bulk, options
from dfcli.cli.options import Format
from dfcli.model.status import LIVE_STATUSES


def terminate(
    ids: options.Ids = None,
    reason: options.Reason = "",
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="With the sub-orchestrations that live below, all at once.")
    ] = False,
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
    """End instances now, without running their code again.

    Activities that are running finish, and their results are dropped. Sub-orchestrations go on by themselves unless
    --recursive is given. More than one instance is asked about first; --yes answers.
    """
    verb = bulk.Verb(
        infinitive="terminate",
        done="terminated",
        statuses=LIVE_STATUSES,
        destructive=True,
        act=lambda control, instance_id, why: control.terminate(instance_id, why, recursive=recursive),
    )
    which = options.chosen(status, failed, running, name, prefix, since, until)
    wish = bulk.Wish(ids or [], which, everything, reason, yes, dry_run, output)
    bulk.perform(verb, options.place(folder, hub, hub_dir), wish)
