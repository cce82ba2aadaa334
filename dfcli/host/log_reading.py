"""Reading the hub's log file, the oldest line first; also while a host writes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

import msgspec

from dfcli.env.files import Files, OpenFile
from dfcli.host.log_context import LogLine
from dfcli.host.log_file import path_of
from dfcli.host.transitions import Transition

CHUNK_BYTES = 1 << 20
HEAD_BYTES = 1024
"""By so many first bytes two files are told apart: each begins with a time and a line of its own."""


class HostFact(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line about the host itself; what else it says is in the line."""

    verb: str = ""
    timestamp: str = ""
    detail: str = ""
    url: str = ""
    kind: str = "host"
    level: str = "info"
    instance_id: str = ""


class _Kind(msgspec.Struct, frozen=True):
    kind: str = ""


_KINDS: dict[str, type[LogLine] | type[HostFact] | type[Transition]] = {"log": LogLine, "host": HostFact}

Entry = LogLine | HostFact | Transition


def entry_of(line: bytes) -> Entry | None:
    """What a line says; None for one that was cut, or is of a newer version."""
    try:
        kind = msgspec.json.decode(line, type=_Kind).kind
        return msgspec.json.decode(line, type=_KINDS.get(kind, Transition))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def lines(files: Files, hub_path: str, wait: Callable[[], bool] | None = None) -> Iterator[bytes]:
    """Every whole line, without its newline. With `wait`, what is written from now on too, until it says False."""
    number = 0
    while files.exists(path_of(hub_path, number + 1)):
        number += 1
    for older in range(number, 0, -1):
        yield from _Tail(files, path_of(hub_path, older)).lines()
    tail = _Tail(files, path_of(hub_path))
    yield from tail.lines()
    while wait is not None and wait():
        yield from tail.lines()


class _Tail:
    """A file that grows, and may be set aside for a new one of the same name.

    It is kept open, so that what was written to it before it was set aside is not missed.
    """

    def __init__(self, files: Files, path: str) -> None:
        self._files = files
        self._path = path
        self._file: OpenFile | None = None
        self._position = 0
        self._rest = b""

    def lines(self) -> Iterator[bytes]:
        """What has come since the last call."""
        try:
            found = self._files.open(self._path)
        except FileNotFoundError:
            found = None
        if self._file is not None:
            yield from self._unread(self._file)
            if found is None or self._is_the_same(found):
                if found is not None:
                    found.close()
                return
            yield from self._unread(self._file)
            self._file.close()
        self._file, self._position, self._rest = found, 0, b""
        if found is not None:
            yield from self._unread(found)

    def _is_the_same(self, other: OpenFile) -> bool:
        assert self._file is not None
        head = self._file.pread(HEAD_BYTES, 0)
        return other.size() >= self._position and other.pread(len(head), 0) == head

    def _unread(self, file: OpenFile) -> Iterator[bytes]:
        while chunk := file.pread(CHUNK_BYTES, self._position):
            self._position += len(chunk)
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            yield from filter(None, whole)


def folder_of(hub_path: str) -> str:
    """Where the files are, for messages."""
    return os.path.dirname(path_of(hub_path))
