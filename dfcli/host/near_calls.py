"""With worker processes: activities that take the durable client run in the host's own threads, where the client is."""

from __future__ import annotations

from collections.abc import Sequence

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.host.activities import ActivityCall
from dfcli.host.workers import Performer


class NearCalls:
    """Gives each call to one of two performers."""

    def __init__(self, near: Performer, workers: Performer) -> None:
        self._near = near
        self._workers = workers

    def start(self, calls: Sequence[tuple[ActivityCall, FunctionDefinition]]) -> None:
        near = [call for call in calls if call[1].client_parameter is not None]
        if near:
            self._near.start(near)
            calls = [call for call in calls if call[1].client_parameter is None]
        if calls:
            self._workers.start(calls)

    def renew(self) -> None:
        """The app's code has changed."""
        self._near.renew()
        self._workers.renew()

    def close(self) -> None:
        self._near.close()
        self._workers.close()
