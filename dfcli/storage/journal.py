"""The journal's format: segments of batches, each sealed by a commit line, each chained to the one before.

A segment is a header line, then batches: history and operation lines, then `{"Commit":n,"Lines":k,"BatchCrc":...}`.
`BatchCrc` covers the batch's bytes, seeded with the previous batch's, so a batch that is right proves its
predecessors. `scan` reads any bytes and never raises; it judges bytes, `recovery` decides what damage means.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from zlib import crc32

import msgspec

from dfcli.model.ids import ExecutionKey
from dfcli.storage.codec import is_sealed, seal

FORMAT = 1
_SEGMENT_NAME = re.compile(r"([0-9]{8,})\.jsonl\Z")
_COMMIT = b'{"Commit":'
WATERMARK_BYTES = 31


class Header(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """The first line of a segment. `prev_end` is the valid length of the segment before."""

    journal: str
    format: int
    hub_id: str
    segment: int
    first_batch: int
    prev_batch_crc: str
    prev_end: int
    sync: str = "full"
    created: str = ""


class Commit(msgspec.Struct, frozen=True, rename="pascal", gc=False):
    """The last line of a batch."""

    commit: int
    lines: int
    batch_crc: str


class Operation(msgspec.Struct, frozen=True, rename="pascal", gc=False, omit_defaults=True):
    """A line that is no history: `Purge`, `HostStarted`, `CleanShutdown` or `Dispatch`."""

    op: str
    instance_id: str = ""
    upto_exec: int = 0
    exec: int = 0
    task_id: int = -1
    seq: int = 0
    attempt: int = 0
    incarnation: str = ""
    version: str = ""

    @property
    def key(self) -> ExecutionKey:
        return ExecutionKey(self.instance_id, self.exec)


_headers = msgspec.json.Decoder(Header)
_commits = msgspec.json.Decoder(Commit)
_operations = msgspec.json.Decoder(Operation)
_encode = msgspec.json.Encoder().encode


class Chain(NamedTuple):
    """Where the next batch joins: the last batch's number and its BatchCrc."""

    batch: int
    crc: int


class Batch(NamedTuple):
    """One batch that is right; `lines` without newlines and without the commit line."""

    number: int
    crc: int
    lines: list[bytes]
    end: int


class Damage(NamedTuple):
    """A stretch of bytes that is no right batch. `lines` and `commits` are what in it is still sealed."""

    start: int
    end: int
    lines: list[bytes]
    commits: list[int]
    after: Chain
    """The last right batch before the stretch."""


class Scan(NamedTuple):
    """What the bytes of one segment hold."""

    header: Header | None
    batches: list[Batch]
    damages: list[Damage]
    size: int
    chain: Chain
    """After the last batch, or as the header says when there is none."""
    has_sealed_line: bool

    @property
    def good_end(self) -> int:
        """The offset after the last right batch (or the header) that no damage precedes."""
        return self.damages[0].start if self.damages else self.size

    @property
    def tail(self) -> list[Damage]:
        """The damaged stretches after the last right batch."""
        last = self.batches[-1].end if self.batches else 0
        return [damage for damage in self.damages if damage.start >= last]


def segment_file_name(number: int) -> str:
    return f"{number:08d}.jsonl"


def segment_number(file_name: str) -> int | None:
    """The number in a segment's file name; None for any other file."""
    match = _SEGMENT_NAME.match(file_name)
    number = int(match.group(1)) if match else None
    return number if number is not None and segment_file_name(number) == file_name else None


def header_line(header: Header) -> bytes:
    return seal(_encode(header)[:-1])


def operation_line(operation: Operation) -> bytes:
    return seal(_encode(operation)[:-1])


def commit_line(number: int, lines: int, crc: int) -> bytes:
    return seal(b'{"Commit":%d,"Lines":%d,"BatchCrc":"%08x"' % (number, lines, crc))


def read_operation(line: bytes) -> Operation | None:
    """The operation a line of a batch holds; None for a history line."""
    if not line.startswith(b'{"Op":'):
        return None
    try:
        return _operations.decode(line)
    except (msgspec.MsgspecError, ValueError):
        return None


def read_header(data: bytes) -> tuple[Header | None, int]:
    """The header at the start of a segment's bytes and the offset after it; (None, 0) when there is no right one."""
    end = data.find(b"\n", 0, 4096)
    line = data[: max(end, 0)]
    if not is_sealed(line):
        return None, 0
    try:
        header = _headers.decode(line)
        int(header.prev_batch_crc, 16)
    except (msgspec.MsgspecError, ValueError):
        return None, 0
    if header.journal != "dfcli" or header.format != FORMAT:
        return None, 0
    return header, end + 1


def scan(data: bytes) -> Scan:
    """Everything in the bytes of one segment. Never raises.

    After damage it goes on at the next sealed commit line, whose BatchCrc is the seed of the batch after it: later
    good batches are found again and proven.
    """
    header, start = read_header(data)
    chain = Chain(header.first_batch - 1, int(header.prev_batch_crc, 16)) if header else Chain(0, 0)
    batches: list[Batch] = []
    damages: list[Damage] = []
    right = chain
    known = header is not None
    position = start
    gathered: list[bytes] = []
    lines = data[start:].split(b"\n")
    rest = lines.pop()
    for line in lines:
        line_start = position
        position += len(line) + 1
        commit = _sealed_commit(line)
        if commit is None:
            gathered.append(line)
            continue
        crc = crc32(memoryview(data)[start:line_start], chain.crc)
        promised = int(commit.batch_crc, 16)
        if known and commit.commit == chain.batch + 1 and commit.lines == len(gathered) and promised == crc:
            batches.append(Batch(commit.commit, crc, gathered, position))
            right = Chain(commit.commit, crc)
        else:
            damages.append(Damage(start, position, _sealed(gathered), [commit.commit], right))
        chain, known, start, gathered = Chain(commit.commit, promised), True, position, []
    if gathered or rest:
        damages.append(Damage(start, len(data), _sealed(gathered), [], right))
    sealed_any = header is not None or bool(batches) or any(d.lines or d.commits for d in damages)
    return Scan(header, batches, damages, len(data), right, sealed_any)


def _sealed_commit(line: bytes) -> Commit | None:
    if not line.startswith(_COMMIT) or not is_sealed(line):
        return None
    try:
        commit = _commits.decode(line)
        int(commit.batch_crc, 16)
    except (msgspec.MsgspecError, ValueError):
        return None
    return commit


def _sealed(lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if is_sealed(line)]


class Watermark(NamedTuple):
    """How much of which segment was durable, at least. Written after each sync, itself never synced."""

    segment: int
    length: int


def watermark_bytes(watermark: Watermark) -> bytes:
    body = b"%08d %012d" % watermark
    return b"%b %08x\n" % (body, crc32(body))


def read_watermark(data: bytes | None) -> Watermark | None:
    """None when there is none, or a torn one."""
    if data is None or len(data) != WATERMARK_BYTES:
        return None
    body, seal_, end = data[:21], data[21:30], data[30:]
    if seal_ != b" %08x" % crc32(body) or end != b"\n":
        return None
    return Watermark(int(body[:8]), int(body[9:21]))
