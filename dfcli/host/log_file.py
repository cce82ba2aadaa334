"""`logs/host.jsonl` in the hub: every transition and log line, in files of bounded size and number.

Nothing waits for it and nothing fails by it. The caller queues; a thread writes, without syncing. When the disk is
full, or so nearly that the journal will need the rest, lines are dropped and counted until there is room again.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Condition
from typing import Any

import msgspec

from dfcli.env.environment import Env
from dfcli.env.files import OpenFile
from dfcli.env.visible import visible_json

FOLDER = "logs"
QUEUED_MAX = 50_000
BATCH = 500
CLOSE_SECONDS = 2.0
TROUBLE_SECONDS = 5.0
"""How long nothing is tried after a failure."""


def path_of(hub_path: str, number: int = 0) -> str:
    """`logs/host.jsonl`, or an older one: `logs/host.1.jsonl`, the higher the older."""
    return os.path.join(hub_path, FOLDER, f"host.{number}.jsonl" if number else "host.jsonl")


class LogFile:
    """The log of one hub, kept by the process that holds its lock. Entries are structs or dicts that JSON can hold."""

    def __init__(self, hub_path: str, env: Env, *, bytes_max: int, files_max: int, free_bytes_min: int) -> None:
        assert env.spawn is not None
        self._hub_path = hub_path
        self._files = env.files
        self._bytes_max = bytes_max
        self._files_max = files_max
        self._free_bytes_min = free_bytes_min
        self._queue: deque[Any] = deque()
        self._dropped = 0
        self._file: OpenFile | None = None
        self._size = 0
        self._in_trouble = False
        self.trouble = ""
        """Why nothing is written at the moment."""
        self._more = Condition()
        self._begun = self._closing = False
        self._thread = env.spawn("dfcli-log-file", self._run)

    def tell(self, entry: Any) -> None:
        """Queue an entry, from any thread."""
        if len(self._queue) >= QUEUED_MAX:
            self._dropped += 1
            return
        self._queue.append(entry)
        if len(self._queue) == 1:
            with self._more:
                self._more.notify()

    def begin(self) -> None:
        """Write from now on: the hub's lock is held."""
        with self._more:
            self._begun = True
            self._more.notify()

    def close(self) -> None:
        """Write what is queued, for a short while."""
        with self._more:
            self._closing = True
            self._more.notify()
        self._thread.join(CLOSE_SECONDS)

    # -- the thread ----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            with self._more:
                self._more.wait_for(lambda: self._closing or (self._begun and self._queue), timeout=0.5)
                if self._in_trouble and not self._closing:
                    self._more.wait_for(lambda: self._closing, timeout=TROUBLE_SECONDS)
            if self._begun:
                while self._queue:
                    if not self._write([self._queue.popleft() for _ in range(min(len(self._queue), BATCH))]):
                        break
            if self._closing:
                self._shut()
                return

    def _write(self, entries: list[Any]) -> bool:
        """False when they had to be dropped."""
        if self._dropped:
            entries.append({"kind": "host", "verb": "skipped", "detail": f"{self._dropped} lines"})
        data = b"".join(map(line_of_entry, entries))
        try:
            if self._files.free_bytes(self._hub_path) < self._free_bytes_min:
                raise OSError("the disk is nearly full")
            if self._file is not None and not self._files.exists(path_of(self._hub_path)):
                self._shut()
            if self._file is None:
                self._open()
            if self._size and self._size + len(data) > self._bytes_max:
                self._rotate()
            assert self._file is not None
            self._file.pwrite(data, self._size)
        except OSError as error:
            self._dropped += len(entries) - (1 if self._dropped else 0)
            self._in_trouble, self.trouble = True, str(error)
            self._shut()
            return False
        self._size += len(data)
        self._dropped, self._in_trouble, self.trouble = 0, False, ""
        return True

    def _open(self) -> None:
        folder = os.path.join(self._hub_path, FOLDER)
        if not self._files.exists(folder):
            self._files.make_dir(folder)
        file = self._files.open(path_of(self._hub_path), write=True, create=True)
        self._file, self._size = file, file.size()
        if self._size and file.pread(1, self._size - 1) != b"\n":  # a crash or a full disk cut the last line
            file.pwrite(b"\n", self._size)
            self._size += 1

    def _rotate(self) -> None:
        """Begin a new file; the oldest goes."""
        self._shut()
        path = path_of(self._hub_path)
        for number in range(self._files_max - 1, 0, -1):
            newer = path_of(self._hub_path, number - 1)
            if self._files.exists(newer):
                self._files.rename(newer, path_of(self._hub_path, number))
        if self._files.exists(path):  # only one file is kept
            self._files.unlink(path)
        self._open()

    def _shut(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def line_of_entry(entry: Any) -> bytes:
    """An entry as one line of JSON that holds nothing a terminal would obey."""
    try:
        line = msgspec.json.encode(entry)
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError) as error:
        line = msgspec.json.encode({"kind": "host", "verb": "skipped", "detail": f"a line that is no JSON: {error!r}"})
    if not line.isascii() or b"\x7f" in line:
        line = visible_json(line.decode("utf-8")).encode()
    return line + b"\n"
