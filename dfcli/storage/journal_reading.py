"""Reading the whole journal from the cut on, and telling a torn tail from damage (recovery rules R1 to R3).

A *torn tail* is what a crash leaves of the one batch that was being written: never acknowledged, rightly dropped.
Everything else that is not right is damage. The residual, stated in docs/on-disk-format.md: after a power loss,
damage of exactly the last batch with no other evidence looks like a torn tail; its bytes are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dfcli.env.environment import Env
from dfcli.storage.compaction import Cut
from dfcli.storage.durable import list_names, read_file
from dfcli.storage.journal import (
    Batch,
    Chain,
    Header,
    Scan,
    Watermark,
    read_watermark,
    scan,
    segment_file_name,
    segment_number,
)

NO_BATCH = Chain(0, 0)


class Segment(NamedTuple):
    """One segment's file."""

    number: int
    data: bytes
    scan: Scan


class DamagedStretch(NamedTuple):
    """Bytes of the journal that are not right, and the sealed lines among them."""

    segment: int
    start: int
    length: int
    why: str
    lines: list[bytes]


class TornTail(NamedTuple):
    """What follows the last right batch of the newest segment, with no evidence that it was ever durable."""

    start: int
    data: bytes
    lines: list[bytes]


@dataclass
class JournalReading:
    """What the journal says. `batches` are right and in order; there are gaps only where there is damage."""

    segments: list[Segment] = field(default_factory=list)
    batches: list[Batch] = field(default_factory=list)
    damages: list[DamagedStretch] = field(default_factory=list)
    tail: TornTail | None = None
    chain: Chain = NO_BATCH
    highest_batch: int = 0
    """Of any number seen, right or not: new batches go on above it."""
    highest_segment: int = 0

    @property
    def newest(self) -> Segment | None:
        return self.segments[-1] if self.segments else None

    def is_damage(self, why: str, *, lines: list[bytes] | None = None, segment: int | None = None) -> None:
        """Note that something is missing or wrong; a torn tail is then damage as well, since nothing is known of it."""
        newest = self.newest
        number = segment if segment is not None else newest.number if newest is not None else 0
        if self.tail is not None and segment is None:
            tail, self.tail = self.tail, None
            self.damages.append(DamagedStretch(number, tail.start, len(tail.data), why, tail.lines + (lines or [])))
        else:
            self.damages.append(DamagedStretch(number, newest.scan.size if newest else 0, 0, why, lines or []))


def read_journal(hub_path: str, env: Env, hub_id: str, cut: Cut | None, index_batch: int) -> JournalReading:
    """Everything from the cut on. `index_batch`: the last batch the index holds, -1 when that is not known."""
    directory = f"{hub_path}/journal"
    numbers = sorted(filter(None, map(segment_number, list_names(env.files, directory))))
    reading = JournalReading(highest_segment=numbers[-1] if numbers else 0)
    watermark = read_watermark(read_file(env.files, f"{hub_path}/watermark"))
    first = cut.first_segment if cut is not None else 1
    segments = []
    for number in numbers:
        if number >= first or cut is None:
            data = read_file(env.files, f"{directory}/{segment_file_name(number)}") or b""
            segments.append(Segment(number, data, scan(data)))
    if segments and _is_unfinished(segments[-1], cut, watermark):
        segments.pop()
    reading.chain = Chain(cut.batch, 0) if cut is not None else NO_BATCH
    _check_presence(reading, segments, first, cut)
    for position, segment in enumerate(segments):
        following = segments[position + 1].scan.header if position + 1 < len(segments) else None
        _take_segment(
            reading, segment, hub_id, following, is_newest=position + 1 == len(segments), is_first=not position
        )
    if cut is not None and reading.chain.batch < cut.batch:
        reading.is_damage(f"it ends at batch {reading.chain.batch}, before the cut at {cut.batch}")
    newest_end = reading.newest.scan.good_end if reading.newest is not None else 0
    newest_number = reading.newest.number if reading.newest is not None else 0
    if watermark is not None and watermark.segment >= first:
        if watermark.segment > newest_number:
            reading.is_damage(f"segment {watermark.segment}, which the watermark names, is missing")
        elif watermark.segment == newest_number and watermark.length > newest_end:
            reading.is_damage(f"{watermark.length} bytes of segment {newest_number} were durable")
    if index_batch > reading.chain.batch:
        reading.is_damage(f"the index holds batch {index_batch}")
    reading.highest_batch = max(reading.highest_batch, reading.chain.batch, index_batch, cut.batch if cut else 0)
    return reading


def _is_unfinished(newest: Segment, cut: Cut | None, watermark: Watermark | None) -> bool:
    """Whether the newest segment's creation was interrupted: nothing was ever durable in it."""
    named = (watermark is not None and watermark.segment == newest.number) or (
        cut is not None and cut.first_segment == newest.number
    )
    return newest.scan.header is None and not newest.scan.has_sealed_line and not named


def _check_presence(reading: JournalReading, segments: list[Segment], first: int, cut: Cut | None) -> None:
    present = [segment.number for segment in segments]
    if cut is None and present and present[0] != 1:
        reading.is_damage("checkpoint.json is missing or damaged", segment=present[0])
        first = present[0]
    if cut is not None and not present:
        reading.is_damage(f"segment {first} is missing", segment=first)
    last = first - 1
    for number in present:
        if number != last + 1:
            reading.is_damage(f"segment {last + 1} is missing", segment=last + 1)
        last = number


def _take_segment(
    reading: JournalReading, segment: Segment, hub_id: str, following: Header | None, *, is_newest: bool, is_first: bool
) -> None:
    number, data, found = segment
    header = found.header
    if header is not None and following is not None and following.prev_end < len(data):
        data = data[: following.prev_end]  # what follows is no part of the journal
        found = scan(data)
        segment = Segment(number, data, found)
    if header is None:
        _add_damages(reading, segment, "its header is damaged")
        if not found.damages:
            reading.is_damage("its header is damaged", segment=number)
    elif header.hub_id != hub_id:
        reading.segments.append(segment)
        reading.damages.append(DamagedStretch(number, 0, len(data), "it belongs to another hub", []))
        return
    else:
        _check_joint(reading, header, number, is_first=is_first)
    reading.segments.append(segment)
    for batch in found.batches:
        if batch.number > reading.chain.batch:
            reading.batches.append(batch)
            reading.chain = Chain(batch.number, batch.crc)
        else:
            reading.is_damage(f"batch {batch.number} stands there again", segment=number)
    reading.highest_batch = max([reading.highest_batch, *(c for d in found.damages for c in d.commits)])
    if header is None:
        return
    if not is_newest:
        _add_damages(reading, segment, "its bytes are damaged")
        if following is not None and following.prev_end > len(data):
            reading.is_damage(f"it had {following.prev_end} bytes and has {len(data)}", segment=number)
        return
    tail = found.tail
    _add_damages(reading, segment, "its bytes are damaged", upto=tail[0].start if tail else None)
    if tail:
        start = tail[0].start
        lines = [line for damage in tail for line in damage.lines]
        reading.tail = TornTail(start, data[start:], lines)
        later = [commit for damage in tail for commit in damage.commits if commit > tail[0].after.batch + 1]
        if later:  # each batch was synced before the next was written
            reading.is_damage(f"batch {later[0]} follows")


def _check_joint(reading: JournalReading, header: Header, number: int, *, is_first: bool) -> None:
    """Whether a segment goes on where the one before it ended."""
    after = Chain(header.first_batch - 1, int(header.prev_batch_crc, 16))
    if header.segment != number:
        reading.is_damage(f"its header says segment {header.segment}", segment=number)
    if after.batch != reading.chain.batch or (not is_first and after != reading.chain):
        reading.is_damage(f"it goes on after batch {after.batch}, not {reading.chain.batch}", segment=number)
    if after.batch >= reading.chain.batch:
        reading.chain = after


def _add_damages(reading: JournalReading, segment: Segment, why: str, upto: int | None = None) -> None:
    for damage in segment.scan.damages:
        if upto is None or damage.start < upto:
            size = damage.end - damage.start
            reading.damages.append(DamagedStretch(segment.number, damage.start, size, why, damage.lines))
