"""Everything outside the process that the product touches, handed in as one value."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from dfcli.env.clock import Clock, SystemClock
from dfcli.env.files import Files
from dfcli.env.ids import Ids, RandomIds


class Spawn(Protocol):
    def __call__(self, name: str, run: Callable[[], None]) -> threading.Thread:
        """Start a daemon thread: it never delays the exit of the process."""
        ...


def spawn_thread(name: str, run: Callable[[], None]) -> threading.Thread:
    """Start a daemon thread of the machine."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    thread.start()
    return thread


def _machine_files() -> Files:
    from dfcli.env.disk import DiskFiles

    return DiskFiles()


@dataclass(frozen=True, slots=True)
class Env:
    """Clock, ids, files and threads. `spawn` is None in a simulation: everything then runs on the loop's thread."""

    clock: Clock = field(default_factory=SystemClock)
    ids: Ids = field(default_factory=RandomIds)
    files: Files = field(default_factory=_machine_files)
    spawn: Spawn | None = spawn_thread
