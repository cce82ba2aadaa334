"""`dfcli terminate`."""

from __future__ import annotations

from dfcli.cli import bulk
from dfcli.cli.catalogue import COMMANDS
from dfcli.model.status import LIVE_STATUSES

terminate = bulk.command(
    bulk.Verb(
        infinitive="terminate",
        done="terminated",
        statuses=LIVE_STATUSES,
        destructive=True,
        act=lambda control, instance_id, reason: control.terminate(instance_id, reason),
    ),
    COMMANDS["terminate"].help
    + """

    Activities that are running finish, and their results are dropped. Sub-orchestrations go on by themselves.
    More than one instance is asked about first; --yes answers.
    """,
)
