"""Whoever watches a host: told of what is committed, last of all, and unable to keep anything from happening."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from dfcli.host.open_work import OpenWork
from dfcli.host.transitions import Rules, Transition, transitions

log = logging.getLogger("dfcli.host")


class Onlookers:
    """Tells a listener each transition, after the commit that records it. Owned by the loop's thread."""

    def __init__(self, tell: Callable[[Transition], None] | None, rules: Rules) -> None:
        self._tell = tell
        self._rules = rules
        self._open_work = OpenWork()
        self.failures = 0
        """Orchestrators that have failed; counted while somebody listens."""

    def committed(self, transactions: Sequence[Any]) -> None:
        """Transactions are durable. HOT while a host is watched."""
        tell = self._tell
        if tell is None:
            return
        try:
            for transaction in transactions:
                draft = transaction.effects
                for call in draft.calls:
                    if draft.dispatches:  # handed out again after a restart: its line was committed long before
                        self._open_work.opened(call.key, call.scheduled)
                lanes = {lane.key.instance_id: lane for lane in draft.lanes}
                for append in draft.appends:
                    lane = lanes.get(append.key.instance_id)  # none for an entity
                    for transition in transitions(append, lane, self._open_work, self._rules):
                        if transition.level == "error" and transition.kind == "orchestrator":
                            self.failures += 1
                        tell(transition)
        except Exception:
            log.exception("who watches the transitions has failed and is told no more")
            self._tell = None
