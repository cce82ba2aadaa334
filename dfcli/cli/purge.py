"""`dfcli purge`."""

from __future__ import annotations

from dfcli.cli import bulk, options
from dfcli.cli.options import Format
from dfcli.model.status import TERMINAL_STATUSES

_PURGE = bulk.Verb(
    infinitive="purge",
    done="purged",
    statuses=TERMINAL_STATUSES,
    destructive=True,
    act=lambda control, instance_id, _reason: control.purge(instance_id),
)


def purge(
    ids: options.Ids = None,
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
    instance; --yes answers, --dry-run only shows.
    """
    which = options.chosen(status, failed, running, name, prefix, since, until)
    wish = bulk.Wish(ids or [], which, everything, "", yes, dry_run, output)
    bulk.perform(_PURGE, options.place(folder, hub, hub_dir), wish)
