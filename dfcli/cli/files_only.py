"""Reading a hub without a host and without its lock: what the files say, and nothing is touched."""

from __future__ import annotations

import sys
from typing import NoReturn

from dfcli.cli import terminal
from dfcli.env.environment import Env
from dfcli.errors import NotFound, Unavailable
from dfcli.host.control import InstanceStatus
from dfcli.model.history import Event
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.rewound import RewindReport
from dfcli.storage.reader import HubReader


class OfflineReader:
    """The reading half of `Control`; the verbs that change something are refused."""

    online = False

    def __init__(self, hub_path: str) -> None:
        self._reader = HubReader(hub_path, Env(), progress=_scanning if terminal.is_terminal(sys.stderr) else None)

    def status(self, instance_id: str) -> InstanceStatus:
        """Without what the instance waits for: that takes the app's code."""
        summary = self._reader.summary(instance_id)
        if summary is None:
            raise NotFound(f"there is no instance {instance_id!r}", hint="dfcli list")
        return InstanceStatus(summary=summary, waits=[])

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        return self._reader.history(instance_id, exec)

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return self._reader.lines(instance_id, exec)

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        return self._reader.query(which, top=top, continuation=continuation)

    def wait(self, instance_id: str, timeout: float | None) -> InstanceStatus:  # noqa: ARG002
        status = self.status(instance_id)
        if status.summary.is_live:
            raise Unavailable("no host is running, so waiting would never end", hint="dfcli run")
        return status

    def close(self) -> None:
        """Nothing is held: each answer reads the files as they are then."""

    def start(
        self,
        name: str,  # noqa: ARG002
        payload: Payload,  # noqa: ARG002
        *,
        instance_id: str | None = None,  # noqa: ARG002
        version: str | None = None,  # noqa: ARG002
        start_at: str | None = None,  # noqa: ARG002
        replace: bool | None = None,  # noqa: ARG002
    ) -> str:
        self._refuse()

    def raise_event(self, instance_id: str, name: str, payload: Payload) -> None:  # noqa: ARG002
        self._refuse()

    def signal_entity(
        self,
        name: str,  # noqa: ARG002
        key: str,  # noqa: ARG002
        operation: str,  # noqa: ARG002
        payload: Payload,  # noqa: ARG002
        *,
        due: str | None = None,  # noqa: ARG002
    ) -> None:
        self._refuse()

    def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None:  # noqa: ARG002
        self._refuse()

    def suspend(self, instance_id: str, reason: str) -> None:  # noqa: ARG002
        self._refuse()

    def resume(self, instance_id: str, reason: str) -> None:  # noqa: ARG002
        self._refuse()

    def rewind(
        self,
        instance_id: str,  # noqa: ARG002
        reason: str,  # noqa: ARG002
        *,
        cut: int | None = None,  # noqa: ARG002
        dry_run: bool = False,  # noqa: ARG002
        verify: bool = True,  # noqa: ARG002
    ) -> RewindReport:
        self._refuse()

    def restart(self, instance_id: str, *, new_id: bool = True) -> str:  # noqa: ARG002
        self._refuse()

    def purge(self, instance_id: str, *, recursive: bool = False) -> int:  # noqa: ARG002
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AssertionError("a reading command asked for a change")


def _scanning(count: int) -> None:
    """There is no index that can be used, so that the files themselves are read: that may take a while."""
    print(f"\r\x1b[Kreading files: {count:,} instances", end="\r", file=sys.stderr, flush=True)
