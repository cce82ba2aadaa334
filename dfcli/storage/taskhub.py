"""A task hub, open for writing: the one object through which the host changes and reads what is on the disk.

Three locks, always taken in this order, none held across another's sync: files (history files, compaction), index,
commit. `submit` belongs to the loop thread; `commit_step`, the file steps and reading may run on any thread.
"""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator, Mapping

from dfcli.env.disk import DiskFiles
from dfcli.env.environment import Env
from dfcli.errors import HostStopped, HubUnreadable, NoSpace
from dfcli.model.history import Event
from dfcli.model.ids import ExecutionKey
from dfcli.model.query import InstanceFilter, Page
from dfcli.model.status import InstanceSummary
from dfcli.storage.blobs import Blobs
from dfcli.storage.commit import Committer
from dfcli.storage.compaction import TaskInFlight
from dfcli.storage.durable import SyncFailed, is_full, sync_dir
from dfcli.storage.filing import Filing
from dfcli.storage.identity import create_hub, make_folders, read_identity
from dfcli.storage.index import IndexUnusable
from dfcli.storage.index_rebuild import newest_executions
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.journal import Operation
from dfcli.storage.journal_writer import no_space
from dfcli.storage.loading import Loader
from dfcli.storage.lock import HubLock
from dfcli.storage.permissions import check_hub_folder
from dfcli.storage.published import Published
from dfcli.storage.quarantine import Quarantine
from dfcli.storage.recovery import HubParts, Recovered, Recovery, RecoveryReport
from dfcli.storage.sealing import Sealer
from dfcli.storage.settings import HubSettings
from dfcli.storage.transaction import Transaction

INDEX_BYTES_MIN = 1024 * 1024
"""With less free space than this, an index that cannot be made is the disk's fault."""

__all__ = ["HubSettings", "RecoveryReport", "TaskHub", "TaskInFlight", "Transaction"]


class TaskHub:
    """See `open`. Every method may raise HostStopped once a sync has failed: the process must end then."""

    def __init__(self, parts: HubParts, recovered: Recovered, lock: HubLock | None) -> None:
        self.path = parts.path
        self.hub_id = parts.hub_id
        self.settings = parts.settings
        self.recovery: RecoveryReport = recovered.report
        self._env = parts.env
        self._lock = lock
        self._sealer = Sealer(parts.settings.inline_bytes_max, self._load_for_writing)
        self._published = Published(parts.settings.keep_executions, self._sealer.finished.append)
        self._published.batch = recovered.journal.chain.batch
        self._published.quarantined.update(recovered.quarantined)
        for summary in recovered.summaries:
            if summary.entity is None or summary.has_work:
                self._published.hold(summary)
        self._committer = Committer(
            recovered.journal,
            parts.blobs,
            self._published,
            batch_bytes=parts.settings.batch_bytes_max,
            batch_lines=parts.settings.batch_lines_max,
            check_place=self._check_place if lock is not None else None,
        )
        self._filing = Filing(parts, self._published, self._committer, recovered.made_index, recovered.in_flight)
        self._loader = Loader(parts, self._published, self._filing.index, self._committer.fail)
        self._closed = threading.Event()

    @classmethod
    def open(
        cls,
        path: str,
        env: Env,
        settings: HubSettings = HubSettings(),  # noqa: B008  a frozen value
        *,
        holder: Mapping[str, object] = {},
    ) -> TaskHub:
        """Take the lock, make the hub if it is not there, recover what the last process left.

        `holder` (Command, Url, ...) is told to whoever finds the hub locked. Raises HubLocked, HubUnreadable
        (permissions, a newer format, not a hub, a network file system), NoSpace, HostStopped (a sync failed).
        """
        check_hub_folder(path, env, settings)
        try:
            make_folders(path, env)
            lock = HubLock.acquire(path, env.clock, holder) if isinstance(env.files, DiskFiles) else None
        except OSError as error:
            raise _cannot_open(path, error) from error
        try:
            identity = read_identity(path, env, for_writing=True)
            created = identity is None
            if identity is None:
                identity = create_hub(path, env)
            else:
                sync_dir(env.files, path)  # whoever put hub.json there may have died before syncing
            parts = HubParts(
                env,
                path,
                identity.hub_id,
                settings,
                InstanceFiles(env.files, path, identity.shard_digits),
                Blobs(env, path, identity.shard_digits),
                Quarantine(env, path),
            )
            recovered = Recovery(parts).run()
            recovered.report.created = created
            recovered.report.index_rebuilt &= not created
            return cls(parts, recovered, lock)
        except OSError as error:
            _release(lock)
            raise _cannot_open(path, error) from error
        except IndexUnusable as error:  # it could not even be made again
            _release(lock)
            raise _cannot_make_index(path, env, error) from error
        except BaseException:
            _release(lock)
            raise

    # -- writing -------------------------------------------------------------------------------------------------

    def submit(self, transaction: Transaction) -> None:
        """Encode a transaction's lines and queue it. Loop thread only; nothing is durable yet. HOT.

        Raises PayloadTooLarge and Quarantined, with nothing queued. Dispatches alone are not queued: they ride along
        with the next batch.
        """
        self._committer.check_alive()
        if not transaction.appends and not transaction.purges and transaction.effects is None:
            for dispatch in transaction.dispatches:
                if dispatch.key.instance_id not in self._published.summaries:
                    self._load_for_writing(dispatch.key.instance_id)  # its open tasks tell when the task is done
                self._committer.ride_along(self._sealer.dispatch_line(dispatch))
            self._published.note_dispatches(transaction.dispatches)
            return
        self._committer.submit(self._sealer.seal(transaction))

    def commit_step(self) -> list[Transaction]:
        """Make the head of the queue durable and visible; the transactions of that batch, [] when none was queued.

        Raises NoSpace (the queue is kept in order, call again later) and HostStopped.
        """
        return self._committer.commit_step()

    def rest(self, key: ExecutionKey) -> None:
        """A live instance of which nothing is queued needs no memory until it is written to again. Loop thread only."""
        self._sealer.rest(key)
        self._published.rest(key.instance_id)

    @property
    def queued_lines(self) -> int:
        return self._committer.queued_lines

    @property
    def queued_bytes(self) -> int:
        return self._committer.queued_bytes

    @property
    def batches_committed(self) -> int:
        """Since the open: each cost one sync of the journal."""
        return self._committer.journal.batches_written

    def host_started(self, incarnation: str, version: str) -> None:
        """Record that a host runs here: from now on, an end without `close(clean=True)` counts as a crash."""
        self._committer.write_operation(Operation("HostStarted", incarnation=incarnation, version=version))
        self._filing.running = True

    def tell_holder(self, holder: Mapping[str, object]) -> None:
        """Change what others are told about who holds the lock."""
        if self._lock is not None:
            self._lock.tell(holder)

    # -- files ---------------------------------------------------------------------------------------------------

    def materialise_step(self, *, everything: bool = False) -> bool:
        """Bring history files and index nearer to what is committed; with `everything`, all the way.

        Returns whether as much was written as one step may: another one is then due at once. OSError and IndexUnusable
        are not fatal: the journal has the data, call again later. Not durable.
        """
        self._committer.check_in_place()
        return self._filing.materialise_step(everything=everything)

    def compaction_due(self) -> bool:
        return self._filing.compaction_due()

    def compact(self) -> None:
        """Make history files and index durable and drop the journal before them. Commits go on meanwhile."""
        self._filing.compact()

    @property
    def is_short_of_space(self) -> bool:
        """Whether new work from outside should be refused: little free space, or a journal that cannot be filed."""
        if self._filing.journal_bytes >= self.settings.journal_bytes_max:
            return True
        try:
            return self._env.files.free_bytes(self.path) < self.settings.free_bytes_min
        except OSError:
            return False

    def close(self, *, clean: bool = True) -> None:
        """Commit what is queued, file it, and let go of the hub. With `clean=False`, or after a failure, drop
        everything at once: the next open recovers. Safe to call twice."""
        if self._closed.is_set():
            return
        self._closed.set()
        try:
            if clean and self._committer.failure is None:
                with contextlib.suppress(NoSpace, HostStopped):  # recovery will find the rest
                    self._close_cleanly()
        finally:
            self._committer.failure = self._committer.failure or HubUnreadable("the hub is closed")
            self._filing.close()
            self._committer.journal.close()
            _release(self._lock)

    def _check_place(self) -> None:
        if self._lock is not None and not self._lock.is_in_place:
            raise HostStopped(
                f"the task hub {self.path} was removed or replaced while it was in use",
                why="what was acknowledged before that is in the folder that is gone",
                hint="put the folder back if you can, and start again",
            )

    def _close_cleanly(self) -> None:
        while self._committer.queued_lines:
            self._committer.commit_step()
        self._filing.say_goodbye()
        with contextlib.suppress(OSError):
            self._filing.compact(closing=True)

    # -- reading -------------------------------------------------------------------------------------------------

    def summary(self, instance_id: str) -> InstanceSummary | None:
        """The newest execution as committed; None when there is no such instance. Do not change it. HOT."""
        held = self._published.summaries.get(instance_id)
        return held if held is not None else self._loader.indexed(instance_id)

    def history(self, instance_id: str, exec: int | None = None) -> list[Event]:
        """The committed events of an execution, by default the newest, long payloads in place.

        Raises NotFound, HubUnreadable (an event of a newer version), and Quarantined when this very call finds the
        file damaged; afterwards the part that is right is returned.
        """
        return self._loader.history(instance_id, exec)

    def lines(self, instance_id: str, exec: int | None = None) -> list[bytes]:
        """The same as lines on disk, without their newlines."""
        return self._loader.lines(instance_id, exec)

    def executions(self, instance_id: str) -> list[int]:
        """The numbers of the executions that can be read, oldest first. Raises NotFound."""
        return self._loader.executions(instance_id)

    def query(self, which: InstanceFilter, *, top: int, continuation: str = "") -> Page:
        """Everything committed before the call is in the answer. Raises InvalidArgument."""
        self._filing.write_index()
        try:
            return self._filing.index().query(which, top=top, continuation=continuation)
        except IndexUnusable:
            self._filing.rebuild_index()
            return self._filing.index().query(which, top=top, continuation=continuation)

    def entities(self, prefix: str, after: str, most: int) -> list[InstanceSummary]:
        """The next entities after an id, in order of their ids; everything committed before the call is in it."""
        self._filing.write_index()
        try:
            return self._filing.index().entities(prefix, after, most)
        except IndexUnusable:
            self._filing.rebuild_index()
            return self._filing.index().entities(prefix, after, most)

    def with_work(self, *, only_entities: bool = False) -> Iterator[InstanceSummary]:
        """Instances to load at a start: they have work, or a timer."""
        self._filing.write_index()
        for indexed in self._filing.index().with_work(only_entities=only_entities):
            yield self._published.summaries.get(indexed.instance_id, indexed)

    def instance_ids(self) -> Iterator[str]:
        """Every instance that has a file, in no order; for checks of the whole hub."""
        for key in newest_executions(self.path, self._env):
            yield key.instance_id

    def next_exec(self, instance_id: str) -> int:
        """The number for a new execution. Loop thread only. Asks memory, the index and the file system, since the
        index alone is never trusted."""
        known = max(self._loader.last_exec(instance_id), self._published.purged_upto(instance_id))
        return max(known, self._sealer.last_exec(instance_id)) + 1

    @property
    def quarantined(self) -> Mapping[str, str]:
        """Which instances are not run, and why; changes as damage is found."""
        return self._published.quarantined

    def quarantine(self, instance_id: str, reason: str) -> None:
        """Have an instance not run any more: its files are damaged, or loading it fails in dfcli itself."""
        self._loader.quarantine(instance_id, reason)

    def _load_for_writing(self, instance_id: str) -> InstanceSummary | None:
        return self._loader.load_for_writing(instance_id)


def _release(lock: HubLock | None) -> None:
    if lock is not None:
        lock.release()


def _cannot_make_index(path: str, env: Env, error: IndexUnusable) -> HubUnreadable | NoSpace:
    with contextlib.suppress(OSError):
        if env.files.free_bytes(path) < INDEX_BYTES_MIN:  # SQLite calls a full disk an I/O error
            return no_space(OSError(errno.ENOSPC, "No space left on device"))
    return HubUnreadable(
        f"the index of the task hub {path} cannot be made",
        why=str(error),
        hint="check the disk; the index is derived: removing index.sqlite loses nothing",
    )


def _cannot_open(path: str, error: OSError) -> HubUnreadable | NoSpace | HostStopped:
    if isinstance(error, SyncFailed):
        return HostStopped(f"the task hub {path} cannot be recovered", why=str(error), hint="check the disk")
    if is_full(error):
        return no_space(error)
    where = f" ({error.filename})" if error.filename else ""
    return HubUnreadable(
        f"the task hub {path} cannot be used",
        why=f"{error.strerror or error}{where}",
        hint="check the folder and its permissions, or choose another with --hub-dir",
    )
