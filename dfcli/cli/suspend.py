"""`dfcli suspend`."""

from __future__ import annotations

from dfcli.cli import bulk
from dfcli.cli.catalogue import COMMANDS

suspend = bulk.command(
    bulk.Verb(
        infinitive="suspend",
        done="suspended",
        statuses=frozenset({"Pending", "Running", "ContinuedAsNew"}),
        destructive=False,
        act=lambda control, instance_id, reason: control.suspend(instance_id, reason),
    ),
    COMMANDS["suspend"].help
    + """

    What arrives meanwhile - results, timers, events - is kept in order and handed over by `dfcli resume`.
    """,
)
