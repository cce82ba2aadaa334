"""How a host behaves; one frozen value, made at the edge and handed in."""

from __future__ import annotations

import os
from typing import Literal

import msgspec


class HostSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Every member has the default of docs/cli.md."""

    resident_limit: int = 10_000
    """Executions kept in memory with their generator suspended; the least recently used come back by replay."""
    activity_threads: int = msgspec.field(default_factory=lambda: min(32, 5 * (os.cpu_count() or 1) + 4))
    """Threads for plain `def` activities and HTTP functions."""
    async_activities_max: int = 1_000
    """`async def` activities under way at a time."""
    workers: int = 0
    """Worker processes for activities; 0: activities run in the host's threads."""
    on_nondeterminism: Literal["park", "fail"] = "park"
    always_replay: bool = False
    """Drop each generator after its episode and rebuild it by replay for the next: slower, and code that does not
    repeat its decisions is found at its next step."""
    drain_seconds: float = 10.0
    """How long a stop waits for running activities; those that are cut off run again at the next start."""
    no_space_patience_seconds: float = 30.0
    """How long a request that is queued on a full disk waits before its outcome is called unknown."""
    materialise_seconds: float = 0.25
    """How far history files and index may lag behind the journal."""
    inline_commit_lines: int = 48
    """Up to so many queued lines the loop syncs by itself: a hand-over to the committer thread costs more."""
    block_warning_seconds: float = 1.0
    """An orchestrator that runs longer than this without yielding is named in a warning."""
