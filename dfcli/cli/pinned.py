"""`dfcli run --pin`: the code of each version is kept in the hub while an instance needs it."""

from __future__ import annotations

import asyncio
import logging

from dfcli.host.host import Host
from dfcli.model.history import ExecutionStarted, decode_line
from dfcli.model.query import InstanceFilter
from dfcli.model.status import LIVE_STATUSES
from dfcli.project.code_id import code_hash
from dfcli.project.load import LoadedApp
from dfcli.project.snapshots import Snapshots

log = logging.getLogger("dfcli.host")

PAGE = 1_000


class Pinned:
    """The kept versions of a running host."""

    def __init__(self, hub_path: str) -> None:
        self.snapshots = Snapshots(hub_path)
        self._pruning: asyncio.Task[None] | None = None

    def keep(self, app: LoadedApp) -> None:
        """Before any instance begins on this code. Raises AppLoadError."""
        self.snapshots.keep(app)

    def replace(self, old: LoadedApp, new: LoadedApp) -> None:
        """Keep the new code, and have the old one ready for the instances that stay on it. May take a while; raises
        AppLoadError."""
        self.snapshots.keep(new)
        if old.code_id != new.code_id:
            self.snapshots.load(old.code_id)

    def prune_soon(self, host: Host, app: LoadedApp) -> None:
        """Remove what no live instance needs, beside the host's work."""
        if self._pruning is None or self._pruning.done():
            self._pruning = asyncio.create_task(asyncio.to_thread(self._prune, host, code_hash(app.code_id)))

    def _prune(self, host: Host, newest: str) -> None:
        kept = set(self.snapshots.kept())
        if kept <= {newest}:
            return
        try:
            gone = self.snapshots.prune(_needed(host) | {newest})
        except Exception as error:  # the copies stay, and are looked at again at the next start
            log.warning("code that nobody needs could not be removed: %s", error)
            return
        if gone:
            log.info("removed the code %s, which no instance needs", ", ".join(gone))


def _needed(host: Host) -> set[str]:
    """The hashes of the code that live instances began with. From any thread."""
    needed: set[str] = set()
    continuation = ""
    while True:
        page = host.query(InstanceFilter(statuses=LIVE_STATUSES), top=PAGE, continuation=continuation)
        for summary in page.items:
            first = decode_line(host.lines(summary.instance_id)[0])
            if isinstance(first, ExecutionStarted) and first.code_id is not None:
                needed.add(code_hash(first.code_id))
        continuation = page.continuation
        if not continuation:
            return needed
