"""How a host behaves; one frozen value, made at the edge and handed in."""

from __future__ import annotations

import os
from collections.abc import Mapping
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
    on_nondeterminism: Literal["auto", "park", "fail"] = "auto"
    """What becomes of an instance whose code does not repeat its history: it is parked, waiting for other code, or it
    fails. `auto`: an instance of an Azure app fails, as on Azure, unless that comes of a reload; others are parked."""
    log_details: bool = False
    """Whether transitions tell the end of each episode, too."""
    always_replay: bool = False
    """Drop each generator after its episode and rebuild it by replay for the next: slower, and code that does not
    repeat its decisions is found at its next step."""
    default_version: str = ""
    """Stamped on instances and sub-orchestrations that are started without a version; empty: none."""
    version_match: Literal["none", "strict", "current_or_older"] = "current_or_older"
    """Which versions this host runs, compared with `default_version`."""
    version_failure: Literal["reject", "fail"] = "reject"
    """What becomes of an instance of another version: it waits, parked, or it fails."""
    overridable_states: Literal["non_running", "any"] = "non_running"
    """Whose id a start may take: an ended instance's, or also a live one's, which it then replaces."""
    max_concurrent_activities: int = 0
    """Activities of all kinds under way at a time; 0: as many as threads, loop and workers take."""
    max_concurrent_entities: int = 0
    """Entities that run operations at a time; 0: as many as there are threads."""
    max_entity_batch: int = 5_000
    """Operations that an entity is handed at once."""
    rollback_entity_operations: bool = True
    """Whether an entity operation that raises leaves the state as it was."""
    max_orchestration_actions: int = 0
    """Decisions after which an execution fails; 0: it goes on, with one warning at 100,000."""
    raise_event_strict: bool = True
    """Whether an event to an unknown or ended instance is refused; otherwise it is dropped."""
    http_strict: bool = False
    """Whether durable HTTP calls to loopback and private addresses are refused."""
    http_allow: tuple[str, ...] = ()
    """Names, addresses and networks that durable HTTP calls may reach all the same."""
    http_deny: tuple[str, ...] = ()
    """Names, addresses and networks that durable HTTP calls never reach."""
    http_poll_seconds: float = 30.0
    """Between two polls of a durable HTTP call that was accepted and names no time itself."""
    function_timeout: float = 0.0
    """Seconds after which an HTTP or timer function is given up; 0: never."""
    max_http_requests: int = 0
    """HTTP functions that run at a time, while others wait; 0: any number."""
    time_zone: str = "UTC"
    """Of the schedules of timer functions."""
    app_values: Mapping[str, str] = {}
    """What `%NAME%` in a schedule or the name of a task hub stands for."""
    log_payloads: bool = False
    """Whether log lines hold inputs and outputs; otherwise their sizes."""
    log_replay: bool = False
    """Whether what orchestrators log while they are replayed is shown."""
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
