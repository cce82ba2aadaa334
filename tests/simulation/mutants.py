"""Rules of the storage protocol, each left out by a patch of the shipped code: the campaign must notice every one.

The product has no switch for any of these. A mutant is a context manager; while it is open, one rule is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from dfcli.env.files import OpenFile
from dfcli.errors import NoSpace
from dfcli.model.ids import ExecutionKey
from dfcli.storage import durable, filing, instances, journal_fold, journal_writer, recovery, removal
from dfcli.storage.codec import valid_prefix
from dfcli.storage.commit import Committer
from dfcli.storage.durable import SyncFailed
from dfcli.storage.filing import Filing
from dfcli.storage.instances import InstanceFiles
from dfcli.storage.journal_fold import FilePlan, JournalLines
from dfcli.storage.journal_writer import JournalWriter
from dfcli.storage.loading import Loader
from dfcli.storage.published import Published
from dfcli.storage.recovery import Recovery
from dfcli.storage.removal import Remover
from dfcli.storage.sealing import Sealed
from tests.simulation.campaign import Figures, run_life
from tests.simulation.twin import Violation


def nothing(*_: object, **__: object) -> None:
    """What a left-out call does."""


@contextmanager
def no_journal_sync() -> Iterator[None]:
    with patch.object(journal_writer, "sync_file", nothing):
        yield


@contextmanager
def no_journal_directory_sync() -> Iterator[None]:
    """The directory of the journal is not synced after a rotation."""
    with patch.object(journal_writer, "sync_dir", nothing):
        yield


@contextmanager
def acknowledged_before_sync() -> Iterator[None]:
    """A batch is synced when the next one is written."""
    original = JournalWriter.append

    def append(self: JournalWriter, lines: list[bytes]) -> None:
        if self._file is not None:
            durable.sync_file(self._file)
        with patch.object(journal_writer, "sync_file", nothing):
            original(self, lines)

    with patch.object(JournalWriter, "append", append):
        yield


@contextmanager
def sync_retried_after_failure() -> Iterator[None]:
    """The second sync "succeeds": the kernel has marked the pages clean."""

    def sync_file(file: OpenFile) -> None:
        try:
            durable.sync_file(file)
        except SyncFailed:
            durable.sync_file(file)

    with patch.object(journal_writer, "sync_file", sync_file), patch.object(instances, "sync_file", sync_file):
        yield


@contextmanager
def _while_compacting(**left_out: Callable[..., Any]) -> Iterator[None]:
    original = Filing._compact

    def compact(self: Filing, *arguments: Any) -> None:
        with ExitStack() as stack:
            stack.enter_context(patch.object(instances, "sync_everything", lambda *_: False))
            for name, replacement in left_out.items():
                stack.enter_context(patch.object(instances, name, replacement))
            original(self, *arguments)

    with patch.object(Filing, "_compact", compact):
        yield


def compaction_without_file_sync() -> Any:
    return _while_compacting(sync_file=nothing)


def compaction_without_directory_sync() -> Any:
    return _while_compacting(sync_dir=nothing)


@contextmanager
def cut_without_directory_sync() -> Iterator[None]:
    """checkpoint.json is renamed into place, and segments are removed before that is durable."""
    original = filing.write_cut

    def write_cut(*arguments: Any) -> None:
        with patch.object(durable, "sync_dir", nothing):
            original(*arguments)

    with patch.object(filing, "write_cut", write_cut), patch.object(recovery, "write_cut", write_cut):
        yield


@contextmanager
def segments_removed_before_the_cut() -> Iterator[None]:
    original = filing.write_cut

    def write_cut(hub_path: str, env: Any, cut: Any) -> None:
        filing.remove_segments_before(hub_path, env, cut.first_segment)
        original(hub_path, env, cut)

    with patch.object(filing, "write_cut", write_cut), patch.object(recovery, "write_cut", write_cut):
        yield


@contextmanager
def tail_not_rewritten() -> Iterator[None]:
    """R4: files are made from a tail that may be in the page cache only."""
    with patch.object(Recovery, "_rewrite_newest", nothing):
        yield


@contextmanager
def history_not_rewritten() -> Iterator[None]:
    """R5: lines that a file has already are synced, but not written again. Matters after failed syncs."""
    original = journal_fold.plan_file

    def plan_file(key: ExecutionKey, held: JournalLines, data: bytes, path: str) -> FilePlan:
        plan = original(key, held, data, path)
        present = valid_prefix(data, key).end - plan.offset
        if plan.fault or present <= 0:
            return plan
        return plan._replace(data=plan.data[present:], offset=plan.offset + present)

    with patch.object(recovery, "plan_file", plan_file):
        yield


@contextmanager
def recovered_files_not_synced() -> Iterator[None]:
    """R6: history files are written again and the journal is cut before they are durable."""
    original = Recovery._write_files

    def write_files(self: Recovery, *arguments: Any) -> Any:
        with patch.object(instances, "sync_file", nothing), patch.object(instances, "sync_everything", nothing):
            return original(self, *arguments)

    with patch.object(Recovery, "_write_files", write_files):
        yield


@contextmanager
def named_directories_not_synced() -> Iterator[None]:
    """R6: only directories in which a file was made or removed just now are synced."""
    original = InstanceFiles.touch_dir

    def touch_dir(self: InstanceFiles, path: str) -> None:
        if sys._getframe(1).f_globals["__name__"] not in (recovery.__name__, removal.__name__):
            original(self, path)

    with patch.object(InstanceFiles, "touch_dir", touch_dir):
        yield


@contextmanager
def purged_directories_not_synced() -> Iterator[None]:
    """R6: the directory of a purged instance is not synced when a process that has died had removed the files."""
    original, touch_original = Recovery._write_files, InstanceFiles.touch_dir

    def write_files(self: Recovery, folded: Any, plans: Any) -> Any:
        files = self._parts.instances
        gone = {files.shard_dir(instance_id) for instance_id in folded.named - folded.instance_ids}

        def touch_dir(self: InstanceFiles, path: str) -> None:
            caller = sys._getframe(1).f_globals["__name__"]
            if path not in gone or caller not in (recovery.__name__, removal.__name__):
                touch_original(self, path)

        with patch.object(InstanceFiles, "touch_dir", touch_dir):
            return original(self, folded, plans)

    with patch.object(Recovery, "_write_files", write_files):
        yield


@contextmanager
def purge_not_repeated() -> Iterator[None]:
    """Recovery does not remove the files of purged executions again."""
    original = Recovery._write_files

    def write_files(self: Recovery, *arguments: Any) -> Any:
        with patch.object(Remover, "remove", nothing):
            return original(self, *arguments)

    with patch.object(Recovery, "_write_files", write_files):
        yield


@contextmanager
def blobs_after_the_journal() -> Iterator[None]:
    original = Committer._write

    def write(self: Committer, taken: list[Sealed]) -> None:
        original(self, [item._replace(blobs=[]) for item in taken])
        for item in taken:
            for blob in item.blobs:
                self._blobs.write(blob)

    with patch.object(Committer, "_write", write):
        yield


@contextmanager
def blob_not_synced() -> Iterator[None]:
    from dfcli.storage import blobs

    original = blobs.replace_file

    def replace_file(*arguments: Any) -> None:
        with patch.object(durable, "sync_file", nothing):
            original(*arguments)

    with patch.object(blobs, "replace_file", replace_file):
        yield


@contextmanager
def queue_dropped_when_full() -> Iterator[None]:
    """What waits while the disk is full is forgotten."""
    original = Committer.commit_step

    def commit_step(self: Committer) -> Any:
        try:
            return original(self)
        except NoSpace:
            del self._head[0]
            raise

    with patch.object(Committer, "commit_step", commit_step):
        yield


@contextmanager
def published_before_durable() -> Iterator[None]:
    """Readers, history files and the index get a batch before its sync."""
    original = Committer._write

    def write(self: Committer, taken: list[Sealed]) -> None:
        self._published.publish(self.journal.chain.batch, taken)
        original(self, taken)

    with patch.object(Committer, "_write", write), patch.object(Published, "publish", _once(Published.publish)):
        yield


def _once(publish: Callable[..., None]) -> Callable[..., None]:
    """Every other call does nothing: the committer's own one comes after the mutant's."""
    last: list[object] = []

    def once(self: Published, batch: int, committed: list[Sealed]) -> None:
        if committed and last and last[0] is committed[0]:
            self.batch = batch
            return
        last[:] = committed[:1]
        publish(self, batch, committed)

    return once


@contextmanager
def unfiled_executions_forgotten() -> Iterator[None]:
    """A bug that the campaign found (seed 42), brought back."""
    with patch.object(Published, "unfiled_executions", lambda *_: []):
        yield


@contextmanager
def purges_not_remembered_in_numbering() -> Iterator[None]:
    """A purged execution's number is given again at once, while the journal still names it."""
    with (
        patch.object(Published, "purged_upto", lambda *_: 0),
        patch.object(Loader, "last_exec", lambda self, key: getattr(self._published.summaries.get(key), "exec", 0)),
    ):
        yield


MUTANTS: tuple[Callable[[], Any], ...] = (
    no_journal_sync,
    no_journal_directory_sync,
    acknowledged_before_sync,
    sync_retried_after_failure,
    compaction_without_file_sync,
    compaction_without_directory_sync,
    cut_without_directory_sync,
    segments_removed_before_the_cut,
    tail_not_rewritten,
    history_not_rewritten,
    recovered_files_not_synced,
    named_directories_not_synced,
    purged_directories_not_synced,
    purge_not_repeated,
    blobs_after_the_journal,
    blob_not_synced,
    queue_dropped_when_full,
    published_before_durable,
    unfiled_executions_forgotten,
    purges_not_remembered_in_numbering,
)


class Caught(NamedTuple):
    """How a mutant was found."""

    crashes: int
    seed: int
    violation: str


def hunt(mutant: Callable[[], Any], *, first_seed: int, crashes_max: int) -> Caught | None:
    """Lives with one rule missing until an invariant breaks; None when none does within `crashes_max` crashes."""
    figures = Figures()
    seed = first_seed
    with mutant():
        while figures.crashes < crashes_max:
            try:
                run_life(seed, 30, figures)
            except Violation as violation:
                return Caught(figures.crashes, seed, str(violation))
            seed += 1
    return None
