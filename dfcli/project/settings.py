"""How an app is run: one frozen value, read once at the edge and handed down; no other room reads files or variables.

Later sources win: dfcli.toml, host.json, local.settings.json, environment variables (`DFCLI_PORT`), flags. Each value
remembers where it came from, for `dfcli doctor` and for messages.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Literal, NamedTuple

import msgspec

from dfcli.host.settings import HostSettings
from dfcli.project import keys, sources
from dfcli.project.host_json import read_host_json
from dfcli.storage.settings import HubSettings

HUBS_FOLDER = ".dfcli"
_HOST, _HUB = HostSettings(), HubSettings()
"""Each default stands once, with the one whom it concerns."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """The effective values. Units stand in the names; every member but the last four can be set by the user."""

    hub: str = "default"
    """The task hub's name."""
    hub_dir: str = ""
    """The folder that holds the task hubs; empty: `.dfcli` in the app's folder."""
    port: int = 7071
    """0: any free port."""
    workers: int = _HOST.workers
    """Worker processes for activities; 0: they run in threads of the host."""
    resident_limit: int = _HOST.resident_limit
    activity_threads: int = _HOST.activity_threads
    max_concurrent_activities: int = _HOST.async_activities_max
    on_nondeterminism: Literal["auto", "park", "fail"] = _HOST.on_nondeterminism
    always_replay: bool = _HOST.always_replay
    drain_seconds: float = _HOST.drain_seconds
    keep_executions: int = _HUB.keep_executions
    free_bytes_min: int = _HUB.free_bytes_min
    """Below this much free space on the task hub's disk, requests for new work are refused."""
    crash_limit: int = _HUB.crash_limit
    """Unclean stops with the same activity in flight after which it is run alone; 0: never."""
    materialise_seconds: float = _HOST.materialise_seconds
    """How long committed lines may stand in the journal only, before they are in the instance's own file."""
    pin: bool = False
    """Whether each instance finishes on the code it began with."""
    default_version: str = _HOST.default_version
    version_match: Literal["none", "strict", "current_or_older"] = _HOST.version_match
    version_failure: Literal["reject", "fail"] = _HOST.version_failure
    overridable_states: Literal["non_running", "any"] = _HOST.overridable_states
    max_concurrent_orchestrators: int = 1
    """Kept whatever it is: orchestrators take turns here, one at a time."""
    max_concurrent_entities: int = _HOST.max_concurrent_entities
    max_entity_batch: int = _HOST.max_entity_batch
    rollback_entity_operations: bool = _HOST.rollback_entity_operations
    max_orchestration_actions: int = _HOST.max_orchestration_actions
    store_inputs: bool = False
    """Whether the history in a status query shows the inputs of activities; they are kept in any case."""
    raise_event_strict: bool = _HOST.raise_event_strict
    http_strict: bool = _HOST.http_strict
    http_allow: tuple[str, ...] = _HOST.http_allow
    http_deny: tuple[str, ...] = _HOST.http_deny
    http_poll_seconds: float = _HOST.http_poll_seconds
    graceful_shutdown: bool = True
    """Whether a stop waits `drain_seconds` for running activities; otherwise it leaves them to run again."""
    function_timeout: float = _HOST.function_timeout
    route_prefix: str = "api"
    """What stands before the routes of HTTP functions."""
    max_http_requests: int = _HOST.max_http_requests
    cors: tuple[str, ...] = ()
    """Web pages of these origins may call HTTP functions, and nothing else; `*`: all pages."""
    cors_credentials: bool = False
    """Whether such pages may send cookies along."""
    auth: bool = False
    """Whether requests need a key, also on loopback."""
    time_zone: str = "UTC"
    """Of the schedules of timer triggers."""
    otel: bool = False
    """Whether traces are exported, as the OTEL_* variables say."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is less important than this is not logged."""
    log_replay: bool = _HOST.log_replay
    """Whether lines that orchestrators log while they are replayed are shown, marked as such."""
    log_payloads: bool = _HOST.log_payloads
    log_file_bytes: int = 10_000_000
    """How large logs/host.jsonl in the hub grows before a new one is begun."""
    log_files: int = 5
    """How many of them are kept; 0: none is written."""

    folder: str = ""
    app: dict[str, str] = {}
    """What the app finds in its environment: `[app]` of dfcli.toml and `Values` of local.settings.json."""
    sources: dict[str, str] = {}
    """Member → where its value came from; members with their default are not listed. App values are `app.NAME`."""
    notes: list[str] = []
    """What was read and left aside, for the reader to know."""

    @property
    def hub_path(self) -> str:
        """The task hub's folder."""
        return os.path.join(self.hub_dir or os.path.join(self.folder, HUBS_FOLDER), self.hub)

    @property
    def host(self) -> HostSettings:
        """What the host needs of it."""
        return HostSettings(
            resident_limit=self.resident_limit,
            activity_threads=min(self.activity_threads, self.max_concurrent_activities),
            async_activities_max=self.max_concurrent_activities,
            workers=self.workers,
            on_nondeterminism=self.on_nondeterminism,
            default_version=self.default_version,
            version_match=self.version_match,
            version_failure=self.version_failure,
            overridable_states=self.overridable_states,
            max_concurrent_activities=self.max_concurrent_activities
            if "max_concurrent_activities" in self.sources
            else 0,
            max_concurrent_entities=self.max_concurrent_entities,
            max_entity_batch=self.max_entity_batch,
            rollback_entity_operations=self.rollback_entity_operations,
            max_orchestration_actions=self.max_orchestration_actions,
            raise_event_strict=self.raise_event_strict,
            http_strict=self.http_strict,
            http_allow=self.http_allow,
            http_deny=self.http_deny,
            http_poll_seconds=self.http_poll_seconds,
            function_timeout=self.function_timeout,
            max_http_requests=self.max_http_requests,
            time_zone=self.time_zone,
            app_values=self.app,
            log_payloads=self.log_payloads,
            log_replay=self.log_replay,
            always_replay=self.always_replay,
            log_details=self.log_level == "debug",
            drain_seconds=self.drain_seconds if self.graceful_shutdown else 0.0,
            materialise_seconds=self.materialise_seconds,
        )

    @property
    def _activities_in_all(self) -> int:
        """A limit that nobody set needs no watching: threads and loop have limits of their own."""
        return self.max_concurrent_activities if "max_concurrent_activities" in self.sources else 0

    @property
    def storage(self) -> HubSettings:
        """What the task hub needs of it."""
        return HubSettings(
            keep_executions=self.keep_executions,
            free_bytes_min=self.free_bytes_min,
            crash_limit=self.crash_limit,
        )

    @property
    def disabled(self) -> frozenset[str]:
        """Functions that are switched off, as in Azure: `AzureWebJobs.NAME.Disabled` among the app's values. Names are
        case-folded."""
        off = (name for name, value in self.app.items() if value.strip().casefold() in ("true", "1"))
        matches = (re.fullmatch(r"AzureWebJobs\.(.+)\.Disabled", name, re.IGNORECASE) for name in off)
        return frozenset(match[1].casefold() for match in matches if match is not None)

    def effective(self) -> Iterator[Effective]:
        """Every value with its source, in the order of the members."""
        for name in keys.KEYS:
            yield Effective(name, getattr(self, name), self.sources.get(name, "default"))
        for name, value in sorted(self.app.items()):
            yield Effective(f"app.{name}", value, self.sources[f"app.{name}"])

    def export(self, environ: MutableMapping[str, str]) -> list[str]:
        """Put the app's values into the environment; those that stand there already win, and are returned."""
        skipped = [name for name in self.app if name in environ]
        for name, value in self.app.items():
            environ.setdefault(name, value)
        return skipped


class Effective(NamedTuple):
    """One line of `dfcli doctor`."""

    name: str
    value: Any
    source: str


def load_settings(
    folder: str, *, environ: Mapping[str, str] = {}, flags: Mapping[str, Any] = {}, cwd: str = ""
) -> Settings:
    """The settings for the app in `folder`. `flags` holds typed values by member name; None is a flag not given.

    Relative folders in files count from the app's folder, those in variables and flags from `cwd`. Raises
    AppLoadError for a fault in a file and InvalidArgument for one in a variable or flag, naming what is allowed.
    """
    folder = os.path.realpath(folder)
    read = sources.Reading()
    sources.read_toml(read, folder)
    local = sources.Reading()  # its values are named in host.json and win over it: read once before, once after
    sources.read_local_settings(local, folder)
    read_host_json(read, folder, {**read.app, **local.app, **environ}, environ)
    sources.read_local_settings(read, folder)
    sources.read_environment(read, environ)
    sources.read_flags(read, flags)
    hub_dir = read.values.get("hub_dir")
    if hub_dir:
        start = folder if read.origins["hub_dir"] in sources.FILES else (cwd or os.getcwd())
        read.values["hub_dir"] = os.path.normpath(os.path.join(start, os.path.expanduser(hub_dir)))
    return Settings(**read.values, folder=folder, app=read.app, sources=read.origins, notes=read.notes)
