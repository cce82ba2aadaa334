"""`dfcli resume`."""

from __future__ import annotations

from dfcli.cli import bulk
from dfcli.cli.catalogue import COMMANDS

resume = bulk.command(
    bulk.Verb(
        infinitive="resume",
        done="resumed",
        statuses=frozenset({"Suspended"}),
        destructive=False,
        act=lambda control, instance_id, reason: control.resume(instance_id, reason),
    ),
    COMMANDS["resume"].help,
)
