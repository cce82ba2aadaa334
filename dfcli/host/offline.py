"""Changing instances while no host runs: the command takes the hub's lock and is the host for a moment.

The same code as the running host's, without user code: a start or an event is recorded and runs when a host starts;
terminate, suspend, resume and purge take effect at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from dfcli.env.environment import Env
from dfcli.errors import NotFound, Unavailable
from dfcli.host.control import InstanceStatus
from dfcli.host.host import Host
from dfcli.model.history import Event
from dfcli.model.payload import Payload
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.rewound import RewindReport
from dfcli.registry.registry import Registry
from dfcli.storage.settings import HubSettings

R = TypeVar("R")


class OfflineControl:
    """Holds the hub's lock from creation to `close`. Raises HubLocked when a host has it."""

    online = False

    def __init__(
        self,
        hub_path: str,
        *,
        registry: Registry | None = None,
        hub_settings: HubSettings | None = None,
        code_id: str | None = None,
        env: Env | None = None,
    ) -> None:
        self._runner = asyncio.Runner()
        self._host = Host(
            registry or Registry(),
            hub=hub_path,
            env=env or Env(spawn=None),
            hub_settings=hub_settings,
            code_id=code_id,
            holder={"what": "a dfcli command"},
            runs_code=False,
        )
        try:
            self._run(self._host.start())
        except BaseException:
            self._runner.close()
            raise

    def start(
        self,
        name: str,
        payload: Payload,
        *,
        instance_id: str | None = None,
        version: str | None = None,
        start_at: str | None = None,
        replace: bool | None = None,
    ) -> str:
        return self._run(
            self._host.start_instance(
                name, payload, instance_id=instance_id, version=version, start_at=start_at, replace=replace
            )
        )

    def status(self, instance_id: str) -> InstanceStatus:
        summary = self._host.summary(instance_id)
        if summary is None:
            raise NotFound(f"there is no instance {instance_id!r}", hint="dfcli list")
        return InstanceStatus(summary=summary, waits=[])

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        return self._host.history(instance_id, exec)

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        return self._host.lines(instance_id, exec)

    def query(self, which: InstanceFilter, *, top: int = 100, continuation: str = "") -> Page:
        return self._host.query(which, top=top, continuation=continuation)

    def raise_event(self, instance_id: str, name: str, payload: Payload) -> None:
        self._run(self._host.raise_event(instance_id, name, payload))

    def signal_entity(self, name: str, key: str, operation: str, payload: Payload, *, due: str | None = None) -> None:
        self._run(self._host.signal_entity(name, key, operation, payload, due=due))

    def terminate(self, instance_id: str, reason: str, *, recursive: bool = False) -> None:
        self._run(self._host.terminate(instance_id, reason, recursive=recursive))

    def suspend(self, instance_id: str, reason: str) -> None:
        self._run(self._host.suspend(instance_id, reason))

    def resume(self, instance_id: str, reason: str) -> None:
        self._run(self._host.resume(instance_id, reason))

    def rewind(
        self, instance_id: str, reason: str, *, cut: int | None = None, dry_run: bool = False, verify: bool = True
    ) -> RewindReport:
        return self._run(self._host.rewind(instance_id, reason, cut=cut, dry_run=dry_run, verify=verify))

    def restart(self, instance_id: str, *, new_id: bool = True) -> str:
        return self._run(self._host.restart(instance_id, new_id=new_id))

    def purge(self, instance_id: str, *, recursive: bool = False) -> int:
        return self._run(self._host.purge(instance_id, recursive=recursive))

    def wait(self, instance_id: str, timeout: float | None) -> InstanceStatus:
        del timeout  # nothing happens without a host, however long one waits
        status = self.status(instance_id)
        if status.summary.is_live:
            raise Unavailable("no host is running, so nothing will happen", hint="dfcli run")
        return status

    def close(self) -> None:
        try:
            self._run(self._host.stop())
        finally:
            self._runner.close()

    def _run(self, coroutine: Coroutine[Any, Any, R]) -> R:
        return self._runner.run(coroutine)
