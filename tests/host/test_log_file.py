"""The hub's log file: bounded, private, whole lines, and never the host's trouble."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from dfcli.env.disk import DiskFiles
from dfcli.env.environment import Env
from dfcli.host.log_file import LogFile, path_of
from dfcli.host.log_reading import HostFact, entry_of, lines
from dfcli.host.transitions import Transition


class FullDisk(DiskFiles):
    """A disk that can be full, and a log file of which a part can be written."""

    full = False
    free = 1 << 40

    def free_bytes(self, path: str) -> int:
        return self.free

    def open(self, path: str, **options: Any) -> Any:
        if self.full:
            raise OSError(errno.ENOSPC, "No space left on device", path)
        return super().open(path, **options)


def new(hub: Path, files: DiskFiles | None = None, **options: Any) -> LogFile:
    limits: dict[str, Any] = {"bytes_max": 1 << 20, "files_max": 3, "free_bytes_min": 0, **options}
    return LogFile(str(hub), Env(files=files or DiskFiles()), **limits)


def written(hub: Path) -> list[Any]:
    return [entry_of(line) for line in lines(DiskFiles(), str(hub))]


def transition(number: int) -> Transition:
    return Transition(
        timestamp="2026-01-01T00:00:00.000000Z", instance_id="i\x9b2J\u202e", verb="started", sequence=number
    )


def write(log: LogFile, count: int, begin: int = 0) -> None:
    for number in range(begin, begin + count):
        log.tell(transition(number))
    log.begin()
    log.close()


def test_what_is_told_is_read_back_in_order_and_only_its_owner_may_read(tmp_path: Path) -> None:
    write(new(tmp_path), 3)
    assert written(tmp_path) == [transition(number) for number in range(3)]
    assert stat.S_IMODE(os.stat(path_of(str(tmp_path))).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(tmp_path / "logs").st_mode) == 0o700


def test_nothing_in_it_would_be_obeyed_by_a_terminal_or_forge_a_line(tmp_path: Path) -> None:
    write(new(tmp_path), 1)
    raw = (tmp_path / "logs" / "host.jsonl").read_bytes()
    assert raw.isascii()
    assert raw.count(b"\n") == 1
    assert b"\\u009b2J\\u202e" in raw


def test_files_are_bounded_in_size_and_number_and_the_oldest_lines_go(tmp_path: Path) -> None:
    for number in range(0, 2_000, 100):
        write(new(tmp_path, bytes_max=20_000), 100, number)
    files = sorted(os.listdir(tmp_path / "logs"))
    assert files == ["host.1.jsonl", "host.2.jsonl", "host.jsonl"]
    assert all(os.stat(tmp_path / "logs" / file).st_size <= 20_000 for file in files)
    kept = [entry.sequence for entry in written(tmp_path)]
    assert kept == list(range(kept[0], 2_000))


def test_one_file_alone_begins_anew_when_it_is_full(tmp_path: Path) -> None:
    for number in range(5):
        write(new(tmp_path, bytes_max=20_000, files_max=1), 100, number * 100)
    assert os.listdir(tmp_path / "logs") == ["host.jsonl"]
    assert os.stat(path_of(str(tmp_path))).st_size <= 20_000


def test_a_line_that_a_crash_cut_spoils_no_other(tmp_path: Path) -> None:
    write(new(tmp_path), 2)
    path = tmp_path / "logs" / "host.jsonl"
    path.write_bytes(path.read_bytes()[:-10])
    write(new(tmp_path), 1, 7)
    assert written(tmp_path) == [transition(0), None, transition(7)]


def test_on_a_full_disk_lines_are_dropped_and_counted_and_nobody_is_told_off(tmp_path: Path) -> None:
    files = FullDisk()
    log = new(tmp_path, files)
    files.full = True
    assert not log._write([transition(number) for number in range(5)])
    assert "No space left" in log.trouble
    files.full = False
    assert log._write([transition(5)])
    assert log.trouble == ""
    write(log, 0)
    assert written(tmp_path) == [transition(5), HostFact(verb="skipped", detail="5 lines")]


def test_a_disk_that_is_nearly_full_is_left_to_the_journal(tmp_path: Path) -> None:
    files = FullDisk()
    files.free = 999
    log = new(tmp_path, files, free_bytes_min=1_000)
    assert not log._write([transition(1)])
    write(log, 0)
    assert not os.path.exists(path_of(str(tmp_path)))


def test_a_log_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "host.jsonl").symlink_to(victim)
    write(new(tmp_path), 3)
    assert victim.read_text() == "precious"


def test_a_log_file_that_somebody_removes_is_made_anew(tmp_path: Path) -> None:
    log = new(tmp_path)
    assert log._write([transition(1)])
    os.unlink(path_of(str(tmp_path)))
    assert log._write([transition(2)])
    write(log, 0)
    assert written(tmp_path) == [transition(2)]


@pytest.mark.parametrize("entry", [{"kind": "host", "verb": {1, 2}}, {"kind": "host", "verb": "\ud800"}])
def test_an_entry_that_is_no_json_costs_itself_alone(tmp_path: Path, entry: dict[str, Any]) -> None:
    log = new(tmp_path)
    log.tell(entry)
    write(log, 1)
    assert written(tmp_path)[1] == transition(0)


def test_a_reader_follows_a_file_that_grows_and_is_set_aside(tmp_path: Path) -> None:
    log = new(tmp_path, bytes_max=600)
    log._write([transition(0)])
    steps = iter([[transition(1)], [transition(2)], [transition(3), transition(4)], [transition(5)]])

    def wait() -> bool:
        entries = next(steps, None)
        return entries is not None and log._write(entries)

    seen = [entry_of(line) for line in lines(DiskFiles(), str(tmp_path), wait)]
    write(log, 0)
    assert os.path.exists(path_of(str(tmp_path), 1)), "the file has been set aside meanwhile"
    assert [entry.sequence for entry in seen] == [0, 1, 2, 3, 4, 5]  # type: ignore[union-attr]
