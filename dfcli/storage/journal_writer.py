"""The journal's end, where batches are added: one write, one sync, then the watermark.

Knows no lock and no queue. An OSError that leaves here means that nothing may be acknowledged any more; NoSpace
means that nothing happened and the same call may be made again.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

from dfcli.env.environment import Env
from dfcli.env.files import OpenFile
from dfcli.errors import NoSpace
from dfcli.model.time import timestamp_from_epoch
from dfcli.storage.durable import is_full, remove_file, sync_dir, sync_file
from dfcli.storage.journal import (
    FORMAT,
    Chain,
    Header,
    Watermark,
    commit_line,
    header_line,
    segment_file_name,
    watermark_bytes,
)

_NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)


def no_space(error: OSError) -> NoSpace:
    return NoSpace("the disk is full", why=error.strerror or "", hint="free some space; waiting work then goes on")


class Rotation(NamedTuple):
    """A new segment begins after `batch`."""

    batch: int
    segment: int
    bytes_written: int


class JournalWriter:
    """Owns the newest segment."""

    def __init__(self, env: Env, hub_path: str, hub_id: str, *, chain: Chain, segment_bytes: int) -> None:
        self._env = env
        self._files = env.files
        self._hub_path = hub_path
        self._hub_id = hub_id
        self._segment_bytes = segment_bytes
        self._file: OpenFile | None = None
        self._watermark: OpenFile | None = None
        self._reserve: OpenFile | None = None
        self._rotation_due = False
        self.chain = chain
        self.segment = 0
        self.end = 0
        self.header_end = 0
        self.batches_written = 0
        self.bytes_written = 0
        self._cut_batch = chain.batch
        self._cut_bytes = 0

    @property
    def bytes_since_cut(self) -> int:
        return self.bytes_written - self._cut_bytes

    @property
    def batches_since_cut(self) -> int:
        return self.chain.batch - self._cut_batch

    def cut(self, rotation: Rotation) -> None:
        """Everything before a rotation is in the files now."""
        self._cut_batch, self._cut_bytes = rotation.batch, rotation.bytes_written

    def path_of(self, segment: int) -> str:
        return f"{self._hub_path}/journal/{segment_file_name(segment)}"

    def start_segment(self, number: int, *, prev_end: int) -> None:
        """Create segment `number` and go on there. Its header is durable when this returns.

        A file of that name can only be one whose creation was interrupted; it is removed first.
        """
        header = header_line(
            Header(
                "dfcli",
                FORMAT,
                self._hub_id,
                number,
                self.chain.batch + 1,
                f"{self.chain.crc:08x}",
                prev_end,
                created=timestamp_from_epoch(self._env.clock.time()),
            )
        )
        path = self.path_of(number)
        remove_file(self._files, path)
        file = self._open_with_reserve(path)
        try:
            file.pwrite(header, 0)
            sync_file(file)
            sync_dir(self._files, f"{self._hub_path}/journal")
        except BaseException:
            file.close()
            raise
        if self._file is not None:
            self._file.close()
        self._file = file
        self.segment, self.end, self.header_end = number, len(header), len(header)
        self._hold_reserve()

    def rotate(self) -> Rotation:
        """Go on in a new segment. Raises NoSpace; no batch is then written before a rotation has succeeded, since
        the new segment's header may be on the disk and fixes the end of this one."""
        self._rotation_due = True
        try:
            self.start_segment(self.segment + 1, prev_end=self.end)
        except OSError as error:
            if is_full(error):
                raise no_space(error) from error
            raise
        self._rotation_due = False
        return Rotation(self.chain.batch, self.segment, self.bytes_written)

    def append(self, lines: Sequence[bytes]) -> None:
        """Add one batch. Durable when this returns. Raises NoSpace after taking back what was written of it."""
        if self._rotation_due or (self.end >= self._segment_bytes and self.end > self.header_end):
            self.rotate()
        assert self._file is not None
        data = b"".join(lines)
        crc = crc32(data, self.chain.crc)
        number = self.chain.batch + 1
        data += commit_line(number, len(lines), crc)
        try:
            self._file.pwrite(data, self.end)
        except OSError as error:
            if not is_full(error):
                raise
            self._file.truncate(self.end)
            raise no_space(error) from error
        sync_file(self._file)
        self.end += len(data)
        self.chain = Chain(number, crc)
        self.batches_written += 1
        self.bytes_written += len(data)
        self._mark(Watermark(self.segment, self.end))

    def _mark(self, watermark: Watermark) -> None:
        try:
            if self._watermark is None:
                self._watermark = self._files.open(f"{self._hub_path}/watermark", write=True, create=True)
            self._watermark.pwrite(watermark_bytes(watermark), 0)
        except OSError as error:
            # Derived: with none, recovery has one piece of evidence less. The batch itself is durable.
            if not is_full(error) and error.errno not in _NO_DESCRIPTOR:
                raise

    def _open_with_reserve(self, path: str) -> OpenFile:
        """Open a new segment even when the process has run out of descriptors."""
        try:
            return self._files.open(path, write=True, create=True, exclusive=True)
        except OSError as error:
            if error.errno not in _NO_DESCRIPTOR or self._reserve is None:
                raise
        self._reserve.close()
        self._reserve = None
        return self._files.open(path, write=True, create=True, exclusive=True)

    def _hold_reserve(self) -> None:
        if self._reserve is None:
            with contextlib.suppress(OSError):
                self._reserve = self._files.open(f"{self._hub_path}/hub.json")

    def close(self) -> None:
        for file in (self._file, self._watermark, self._reserve):
            if file is not None:
                with contextlib.suppress(OSError):
                    file.close()
        self._file = self._watermark = self._reserve = None
