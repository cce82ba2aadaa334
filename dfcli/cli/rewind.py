"""`dfcli rewind`."""

from __future__ import annotations

from typing import Annotated

import typer

from dfcli.cli import bulk, options
from dfcli.cli.options import Format
from dfcli.errors import InvalidArgument
from dfcli.host.control import Control
from dfcli.model.rewound import RewindReport

SHOWN_MAX = 20


def rewind(
    ids: options.Ids = None,
    reason: options.Reason = "",
    cut: Annotated[
        int,
        typer.Option(
            "--from", metavar="N", min=0, help="Go back to before this event (SEQ in `inspect`). Default: the failure."
        ),
    ] = 0,
    no_verify: Annotated[
        bool, typer.Option("--no-verify", help="Do not replay the app's code first: it may not load, or not agree.")
    ] = False,
    everything: options.All = False,
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
    """Take failed instances back to before their failure, and let them go on.

    Activities that failed run again, those that succeeded before do not. Sub-orchestrations that failed are rewound
    too; those that the code started because of the failure are terminated. Nothing is removed from the history. The
    app's code is replayed against what is left first: when it does not agree, nothing is done. --dry-run tells what
    would run again, and whether the code would fail again at once.
    """
    if cut and (len(ids or []) != 1 or "-" in (ids or [])):
        raise InvalidArgument("--from names an event of one instance", why="one id is needed with it")

    with_parents: set[str] = set()

    def act(control: Control, instance_id: str, why: str) -> RewindReport:
        if instance_id in with_parents:
            return RewindReport(instance_id=instance_id, cut=0)
        report = control.rewind(instance_id, why, cut=cut or None, dry_run=dry_run, verify=not no_verify)
        with_parents.update(report.rewound_children)
        return report

    verb = bulk.Verb(
        infinitive="rewind",
        done="would rewind" if dry_run else "rewound",
        statuses=frozenset({"Failed"}),
        destructive=not dry_run,
        act=act,
        told=lines,
        with_app=not no_verify,
        waits_for_host=not dry_run,
    )
    which = options.chosen(None, False, False, name, prefix, since, until)
    wish = bulk.Wish(ids or [], which, everything, reason, yes, False, output)
    bulk.perform(verb, options.place(folder, hub, hub_dir), wish)


def lines(report: RewindReport) -> list[str]:
    """What is voided, what runs again, and what happens to sub-orchestrations."""
    if not report.cut:
        return ["with its parent"]
    named = ", ".join(f"{line.seq} {line.event_type}" for line in report.voided[:SHOWN_MAX])
    more = f", and {len(report.voided) - SHOWN_MAX} more" if len(report.voided) > SHOWN_MAX else ""
    found = [f"back to before event {report.cut}; these no longer count: {named}{more}"]
    for what, values in (
        ("runs again", report.runs_again),
        ("rewound with it", report.rewound_children),
        ("started anew", report.new_children),
        ("terminated", report.ended_children),
    ):
        if values:
            rest = f", and {len(values) - SHOWN_MAX} more" if len(values) > SHOWN_MAX else ""
            found.append(f"{what}: {', '.join(values[:SHOWN_MAX])}{rest}")
    if report.critical_section:
        found.append(f"the code held locks, which are gone: it asks for them again: {report.critical_section}")
    if report.fails_again:
        found.append(f"the code fails again at once: {report.fails_again.splitlines()[0]}")
    if not report.verified:
        found.append("not verified: the app's code was not replayed; what runs again is what failed")
    return [*found, *report.warnings[:SHOWN_MAX]]
