"""A host's traces: whose trace a new instance continues, and that no failure of tracing becomes the host's."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from dfcli.errors import DfError
from dfcli.host.activities import ActivityCall
from dfcli.host.tracing import Tracing, callers_trace
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.model.trace import TraceContext
from dfcli.storage.taskhub import TaskHub

log = logging.getLogger("dfcli.host")


class Traces:
    """Owned by the loop's thread."""

    def __init__(self, tracing: Tracing, hub: TaskHub) -> None:
        self._tracing: Tracing | None = tracing
        self._hub = hub

    def committed(self, transactions: Sequence[Any]) -> None:
        """Transactions are durable: spans that end with them are made."""
        if self._tracing is not None:
            try:
                self._tracing.committed(transactions, self._history)
            except Exception:
                self._give_up()

    def marked(self, calls: Sequence[ActivityCall]) -> Sequence[ActivityCall]:
        """The calls with their own spans, in which their code will run."""
        if self._tracing is None:
            return calls
        try:
            trace_of = self._tracing.trace_of
            return [
                call._replace(trace=trace_of(call.key, call.execution_id, call.scheduled.event_id, self._history))
                for call in calls
            ]
        except Exception:
            self._give_up()
            return calls

    def of_new(self, execution_id: str, name: str) -> TraceContext | None:
        """Whose trace an instance continues that is started now: that of the code that asks, or of its caller."""
        given = callers_trace.get()
        if self._tracing is None:
            return given
        return self._tracing.current() or given or self._tracing.new_root(execution_id, name)

    def close(self) -> None:
        if self._tracing is not None:
            try:
                self._tracing.close()
            except Exception:
                self._give_up()

    def _history(self, key: ExecutionKey) -> Sequence[Event]:
        try:
            return self._hub.history(key.instance_id, key.exec)
        except DfError:  # purged, or damaged
            return ()

    def _give_up(self) -> None:
        log.exception("tracing has failed and is off from now on")
        self._tracing = None
