"""From the journal into the history files and the index, and the cut of the journal behind them.

Errors of files are not fatal here: the journal has the data, and everything not yet filed stays in memory to be tried
again. A failed sync is fatal, as everywhere.
"""

from __future__ import annotations

import contextlib
import errno
import threading

from dfcli.errors import NoSpace
from dfcli.storage.commit import Committer
from dfcli.storage.compaction import IN_FLIGHT_MAX, Cut, TaskInFlight, remove_segments_before, write_cut
from dfcli.storage.durable import SyncFailed, is_full
from dfcli.storage.index import Index, IndexUnusable
from dfcli.storage.index_rebuild import rebuild_index
from dfcli.storage.journal import Operation
from dfcli.storage.journal_writer import Rotation, no_space
from dfcli.storage.published import Published
from dfcli.storage.recovery import HubParts
from dfcli.storage.removal import Remover
from dfcli.storage.transaction import Purge


class Filing:
    """Any thread; two locks of its own, `files` before `index`."""

    def __init__(
        self,
        parts: HubParts,
        published: Published,
        committer: Committer,
        index: Index,
        in_flight: list[TaskInFlight],
    ) -> None:
        self.running = False
        """A host has said that it runs: an end without a goodbye is a crash."""
        self._parts = parts
        self._published = published
        self._committer = committer
        self._journal = committer.journal
        self._index = index
        self._crashed_before = {task[:4]: task for task in in_flight}
        self._remover = Remover(parts.instances, parts.blobs)
        self._files_lock = threading.RLock()
        self._index_lock = threading.RLock()
        self._compacted_at = parts.env.clock.time()

    def index(self) -> Index:
        return self._index

    @property
    def journal_bytes(self) -> int:
        """Since the cut."""
        return self._journal.bytes_since_cut

    # -- files and index -----------------------------------------------------------------------------------------

    def materialise_step(self, *, everything: bool = False) -> bool:
        try:
            with self._files_lock:
                self._committer.check_alive()
                written = self._write_files(everything)
                self._remove_files()
            self.write_index()
            return not everything and written >= self._parts.settings.files_per_step
        except (SyncFailed, MemoryError) as error:
            self._committer.fail(error)

    def _write_files(self, everything: bool) -> int:
        """How many files were written to."""
        instances = self._parts.instances
        tails = self._published.take_tails(None if everything else self._parts.settings.files_per_step)
        for work in tails:
            try:
                instances.write(work.key, work.data, work.offset)
            except OSError:
                instances.release()  # handles may be what there is too few of
                raise
            self._published.written(work)
        return len(tails)

    def _remove_files(self) -> None:
        removals = self._published.take_removals()
        if not removals:
            return
        try:
            self._remover.remove(removals)
            for removal in removals:
                if isinstance(removal, Purge) and removal.instance_id not in self._published.quarantined:
                    self._parts.quarantine.unmark(removal.instance_id)
        except SyncFailed:
            raise
        except OSError:
            self._published.return_removals(removals)
            raise

    def write_index(self, *, durable: bool = False) -> None:
        """Bring the index to the last published batch; one that fails is made again from the files.

        Raises IndexUnusable when that fails too; it is tried again at the next call.
        """
        try:
            with self._index_lock:
                if durable or self._published.has_index_work:
                    self._write_rows(everything=False, durable=durable)
        except IndexUnusable as error:
            if "full" in str(error):
                raise OSError(errno.ENOSPC, f"index: {error}") from error
            self.rebuild_index()

    def _write_rows(self, *, everything: bool, durable: bool) -> None:
        work = self._published.index_work(everything=everything)
        try:
            self._index.write(work.rows, work.removed, work.batch, durable=durable)
        except BaseException:
            self._published.return_index_work(work)
            raise
        self._published.indexed(work)

    def rebuild_index(self) -> None:
        """Make the index again from the files, which must not change meanwhile. They are behind by what is in memory,
        whose rows are written right after."""
        with self._files_lock, self._index_lock:
            self._rebuild()

    def _rebuild(self) -> None:
        self._index.close()
        parts = self._parts
        batch = self._published.batch
        rebuilt = rebuild_index(
            parts.path,
            parts.env,
            parts.instances,
            parts.blobs,
            batch,
            self._published.quarantined,
            self._published.purged_upto,
        )
        self._index = rebuilt.made
        self._write_rows(everything=True, durable=True)
        for instance_id, reason in rebuilt.damaged.items():
            self._parts.quarantine.mark(instance_id, reason)
            self._published.mark_quarantined(instance_id, reason, self._index.get(instance_id))

    # -- compaction ----------------------------------------------------------------------------------------------

    def compaction_due(self) -> bool:
        settings = self._parts.settings
        if self.journal_bytes >= settings.compact_bytes:
            return True
        age = abs(self._parts.env.clock.time() - self._compacted_at)  # abs: the clock may have been set back
        return age >= settings.compact_seconds and self._journal.batches_since_cut > 0

    def compact(self, *, closing: bool = False) -> None:
        """Rotate, file everything up to there, sync it, write the cut, drop what is before it.

        Raises NoSpace (try again later; nothing is lost) and HostStopped.
        """
        with self._files_lock:
            self._committer.check_alive()
            self._compacted_at = self._parts.env.clock.time()
            if self._journal.batches_since_cut == 0 and not self._published.has_file_work:
                return
            rotation = self._committer.rotate()
            try:
                self._compact(rotation, closing)
            except NoSpace:
                raise
            except OSError as error:
                if is_full(error):
                    raise no_space(error) from error
                self._committer.fail(error)
            except BaseException as error:
                self._committer.fail(error)

    def _compact(self, rotation: Rotation, closing: bool) -> None:
        parts = self._parts
        self._write_files(everything=True)
        self._remove_files()
        parts.instances.sync()
        with contextlib.suppress(IndexUnusable):  # it is behind the cut then, so the next open makes it again
            self.write_index(durable=True)
        cut = Cut(
            batch=rotation.batch,
            first_segment=rotation.segment,
            running=self.running,
            in_flight=self._in_flight(),
            closed=closing,
        )
        write_cut(parts.path, parts.env, cut)
        self._journal.cut(rotation)
        remove_segments_before(parts.path, parts.env, rotation.segment)
        self._published.forget_purges(rotation.batch)

    def _in_flight(self) -> list[TaskInFlight]:
        """What the crash-loop count must know though its lines in the journal go."""
        in_flight = dict(self._crashed_before)
        for dispatch in self._published.take_open_dispatches()[:IN_FLIGHT_MAX]:
            place = (*dispatch.key, dispatch.task_id, dispatch.seq)
            in_flight[place] = in_flight.get(place, TaskInFlight(*place))._replace(dispatched=True)
        return list(in_flight.values())[:IN_FLIGHT_MAX]

    def say_goodbye(self) -> None:
        """The host ends in good order: no task of now is suspected of anything."""
        if self.running:
            self._committer.write_operation(Operation("CleanShutdown"))
            self.running = False
            self._crashed_before.clear()
            self._published.forget_dispatches()

    def close(self) -> None:
        with self._files_lock, self._index_lock:
            self._parts.instances.release()
            self._index.close()
