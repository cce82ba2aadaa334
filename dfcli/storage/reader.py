"""Reading a hub without its lock, while a host may be writing to it, or with none. Never writes anything.

The order of reading makes the answers right: first the journal, then index and files, which at that time hold
everything older than the journal's first batch and maybe some of its lines already. Lines are told apart by their
numbers, so what is met twice counts once. An answer holds every batch that was complete when the call began.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from dfcli.env.environment import Env
from dfcli.errors import NotFound
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import BlobDamaged, Blobs
from dfcli.storage.codec import valid_prefix
from dfcli.storage.fold import UnknownEvent, event_of, events_of
from dfcli.storage.identity import read_identity
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.index_rebuild import newest_executions
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.journal_tail import ExecutionTail, JournalFiles, JournalTail
from dfcli.storage.paging import check_top, page_of, place_of
from dfcli.storage.quarantine import Quarantine

ATTEMPTS = 5
PROGRESS_EVERY = 200


class HubReader:
    """The reading half of `TaskHub`. Raises NotFound when there is no hub, HubUnreadable for one of a newer format.

    `progress` is called with the number of instances read so far, while a query scans files for want of an index.
    """

    def __init__(self, path: str, env: Env, *, progress: Callable[[int], None] | None = None) -> None:
        self.path = path
        self._env = env
        self._progress = progress
        try:
            identity = read_identity(path, env, for_writing=False)
        except NotADirectoryError:
            identity = None
        if identity is None:
            raise NotFound(f"there is no task hub at {path}", hint="start the app with `dfcli run`, or check the path")
        self.hub_id = identity.hub_id
        self._instances = InstanceFiles(env.files, path, identity.shard_digits)
        self._blobs = Blobs(env, path, identity.shard_digits)
        self._journal = JournalFiles(path, env)
        self._scanned: list[InstanceSummary] = []

    def summary(self, instance_id: str) -> InstanceSummary | None:
        """The newest execution; None when there is no such instance."""
        tail = self._journal.read(only=instance_id)
        if instance_id not in tail.last_named:
            with self._index() as index:
                if index is not None:
                    return index.get(instance_id)
        return self._summary(instance_id, tail, self._quarantined())

    def executions(self, instance_id: str) -> list[int]:
        """The numbers of the executions that can be read, oldest first. Raises NotFound."""
        found = self._executions(instance_id, self._journal.read(only=instance_id))
        if not found:
            raise _no_instance(instance_id)
        return found

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        """The lines of one execution, by default the newest, as on disk, without newlines. Raises NotFound."""
        return self._lines_of(instance_id, exec)[1]

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        """The same as events, long payloads in place. Raises NotFound, HubUnreadable for an event of a newer version.

        A damaged blob ends the history before its line, as a damaged line does.
        """
        key, lines = self._lines_of(instance_id, exec)
        try:
            return events_of(lines, key, self._blobs)
        except BlobDamaged:
            return list(self._events_until_damage(key, lines))

    def query(self, which: InstanceFilter, *, top: int, continuation: str = "") -> Page:
        """One page. Without a usable index all files are read. Raises InvalidArgument."""
        check_top(top)
        place_of(continuation, which)
        tail = self._journal.read()
        with self._index() as index:
            if index is not None:
                return self._query_index(index, tail, which, top, continuation)
        if not continuation or not self._scanned:
            self._scanned = list(self._scan(tail))
        return page_of(self._scanned, which, top, continuation)

    # -- one instance

    def _executions(self, instance_id: str, tail: JournalTail) -> list[int]:
        purged = tail.purged_upto.get(instance_id, 0)
        files = [number for number in self._instances.executions(instance_id) if number > purged]
        begun = [number for number, lines in tail.executions.get(instance_id, {}).items() if lines.first == 1]
        return sorted({*files, *begun})

    def _lines_of(self, instance_id: str, exec: int | None) -> tuple[ExecutionKey, list[bytes]]:
        lines: list[bytes] | None = None
        key = ExecutionKey(instance_id, exec or 0)
        for _ in range(ATTEMPTS):
            tail = self._journal.read(only=instance_id)
            found = self._executions(instance_id, tail)
            if not found or (exec is not None and exec not in found):
                break
            key = ExecutionKey(instance_id, found[-1] if exec is None else exec)
            lines, whole = self._lines(key, tail.executions.get(instance_id, {}).get(key.exec))
            if whole:
                break  # else the host purged or cut something between our two looks
        if lines is None:
            raise _no_instance(instance_id, exec)
        return key, lines

    def _lines(self, key: ExecutionKey, tail: ExecutionTail | None) -> tuple[list[bytes], bool]:
        """File and journal joined; False when lines between them were not found."""
        data = self._instances.read(key)
        lines = valid_prefix(data, key).lines if data is not None else []
        if tail is None or tail.last <= len(lines):
            return lines, data is not None
        if tail.first > len(lines) + 1:
            return lines, False
        return lines + tail.lines[len(lines) + 1 - tail.first :], True

    def _events_until_damage(self, key: ExecutionKey, lines: list[bytes]) -> Iterator[Event]:
        for line in lines:
            try:
                yield event_of(line, key, self._blobs)
            except BlobDamaged:
                return

    def _summary(self, instance_id: str, tail: JournalTail, quarantined: dict[str, str]) -> InstanceSummary | None:
        """Folded from file and journal."""
        found = self._executions(instance_id, tail)
        if not found:
            return None
        key = ExecutionKey(instance_id, found[-1])
        lines, _ = self._lines(key, tail.executions.get(instance_id, {}).get(key.exec))
        summary = InstanceSummary(instance_id=instance_id, exec=key.exec)
        summary.quarantined = quarantined.get(instance_id, "")
        for number, line in enumerate(lines, start=1):
            try:
                summary.apply(event_of(line, key, self._blobs), len(line) + 1)
            except UnknownEvent as error:
                summary.quarantined = summary.quarantined or error.why
                break
            except BlobDamaged as error:
                summary.quarantined = summary.quarantined or f"{self._instances.path(key)}, line {number}: {error}"
                break
        return summary if summary.last_seq else None

    def _quarantined(self) -> dict[str, str]:
        return Quarantine(self._env, self.path).markers()

    # -- all instances

    def _query_index(self, index: Index, tail: JournalTail, which: InstanceFilter, top: int, continuation: str) -> Page:
        """The index's page, with the instances replaced that later batches of the journal name."""
        applied = index.refresh()
        newer = {instance_id for instance_id, batch in tail.last_named.items() if batch > applied}
        items: list[InstanceSummary] = []
        token = continuation
        while True:
            page = index.query(which, top=top + 1, continuation=token)
            items += [item for item in page.items if item.instance_id not in newer]
            token = page.continuation
            if len(items) > top or not token:
                break
        quarantined = self._quarantined() if newer else {}
        for instance_id in sorted(newer):
            summary = self._summary(instance_id, tail, quarantined)
            if summary is not None:
                items.append(summary)
        return page_of(items, which, top, continuation)

    def _scan(self, tail: JournalTail) -> Iterator[InstanceSummary]:
        quarantined = self._quarantined()
        seen: set[str] = set()
        for key in [*newest_executions(self.path, self._env), *tail.keys()]:
            if key.instance_id in seen:
                continue
            seen.add(key.instance_id)
            summary = self._summary(key.instance_id, tail, quarantined)
            if summary is not None:
                yield summary
            if self._progress is not None and len(seen) % PROGRESS_EVERY == 0:
                self._progress(len(seen))

    @contextmanager
    def _index(self) -> Iterator[Index | None]:
        """The index while it can be used; opened anew each time, since the host may have replaced it."""
        try:
            index = Index.open(self.path, self._env, read_only=True)
        except IndexUnusable:
            yield None
            return
        try:
            yield index
        finally:
            index.close()


def _no_instance(instance_id: str, exec: int | None = None) -> NotFound:
    what = f"no instance {instance_id!r}" if exec is None else f"no execution {exec} of instance {instance_id!r}"
    return NotFound(f"there is {what}", hint="`dfcli list` shows the instances of this hub")
