"""The journal's parser: any bytes, any cut, any damage, and the later good batches are found again."""

from __future__ import annotations

from random import Random
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st

from dfcli.storage.codec import seal
from dfcli.storage.journal import (
    Header,
    Watermark,
    commit_line,
    header_line,
    read_watermark,
    scan,
    segment_file_name,
    segment_number,
    watermark_bytes,
)

SEED = 20260102


def segment(batches: int = 5, lines: int = 3) -> tuple[bytes, list[int]]:
    """A good segment, and the offsets after its header and each batch."""
    data = header_line(Header("dfcli", 1, "hub", 4, 11, "0badcafe", 99))
    ends = [len(data)]
    chain = 0x0BADCAFE
    for number in range(11, 11 + batches):
        body = b"".join(seal(b'{"Seq":%d,"InstanceId":"i%d","Exec":1' % (number, line)) for line in range(lines))
        chain = crc32(body, chain)
        data += body + commit_line(number, lines, chain)
        ends.append(len(data))
    return data, ends


@given(st.binary(max_size=400))
def test_any_bytes_are_scanned_without_an_error(data: bytes) -> None:
    found = scan(data)
    assert found.batches == []
    assert found.header is None
    assert bool(found.damages) == bool(data)


@given(st.data())
def test_a_segment_cut_anywhere_keeps_its_whole_batches(data: st.DataObject) -> None:
    whole, ends = segment()
    cut = data.draw(st.integers(0, len(whole)))
    found = scan(whole[:cut])
    assert len(found.batches) == sum(end <= cut for end in ends[1:])
    if cut >= ends[0]:
        assert found.good_end == max(end for end in ends if end <= cut)
        assert bool(found.tail) == (cut not in ends)


def test_any_changed_byte_costs_only_the_batch_it_is_in() -> None:
    """And, when it is in a commit line, the next one, which cannot be told apart from it."""
    whole, ends = segment()
    for position in range(ends[0], len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 1
        found = scan(bytes(damaged))
        struck = sum(end <= position for end in ends[1:])
        numbers = [batch.number - 11 for batch in found.batches]
        assert numbers[:struck] == list(range(struck))
        assert struck not in numbers
        assert set(range(struck + 2, 5)) <= set(numbers)
        assert found.damages[0].start == ends[struck]


def test_batches_out_of_order_missing_or_twice_do_not_pass() -> None:
    whole, ends = segment()
    parts = [whole[start:end] for start, end in zip([0, *ends], [*ends, len(whole)], strict=True)][:-1]
    for wrong in (
        [parts[0], parts[2], *parts[3:]],
        [parts[0], parts[2], parts[1], *parts[3:]],
        [parts[0], parts[1], parts[1], *parts[2:]],
    ):
        found = scan(b"".join(wrong))
        assert found.damages
        assert [batch.number for batch in found.batches] == sorted({batch.number for batch in found.batches})


def test_random_damage_never_makes_up_a_batch() -> None:
    random = Random(SEED)
    print(f"seed={SEED}")
    whole, _ = segment(8, 2)
    honest = {batch.number: batch.lines for batch in scan(whole).batches}
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            start = random.randrange(len(damaged))
            size = random.randint(0, 120)
            match random.randrange(4):
                case 0:
                    damaged[start : start + size] = bytes(min(size, len(damaged) - start))
                case 1:
                    del damaged[start : start + size]
                case 2:
                    damaged[start:start] = damaged[start : start + size]
                case _:
                    damaged[start] ^= 1 << random.randrange(8)
        for batch in scan(bytes(damaged)).batches:
            assert honest.get(batch.number) == batch.lines


def test_the_watermark_is_as_long_as_the_format_says_and_torn_ones_are_ignored() -> None:
    data = watermark_bytes(Watermark(8, 73_012))
    assert len(data) == 31
    assert read_watermark(data) == Watermark(8, 73_012)
    for position in range(len(data)):
        torn = data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]
        assert read_watermark(torn) is None
        assert read_watermark(data[:position]) is None


def test_segment_names_are_numbers_of_at_least_eight_digits() -> None:
    assert segment_number(segment_file_name(8)) == 8
    assert segment_number(segment_file_name(123_456_789)) == 123_456_789
    assert segment_number("8.jsonl") is None
    assert segment_number("000000008.jsonl") is None
    assert segment_number(".00000008.jsonl.tmp") is None
