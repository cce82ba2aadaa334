"""host.json, Azure's file: what of it means something on one machine, and a note for everything that does not.

Nothing in it is fatal that Azure would accept: unknown keys and other storage providers are noted. A key in the wrong
place, which Azure ignores silently, is named. Variables `AzureFunctionsJobHost__extensions__durableTask__hubName=...`
override single values, as there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.project.sources import HOST_JSON, Reading, json_of, object_of

VARIABLE_PREFIX = "AzureFunctionsJobHost__"
LONG_SECONDS = 600.0
"""A time this long may have been meant as seconds: `00:10:00` is ten minutes."""


class Meaning(NamedTuple):
    """Which setting a value becomes, and how; `words` maps Azure's words to ours."""

    setting: str
    words: Mapping[str, str] = {}
    is_span: bool = False
    per_second: float = 1.0
    """What one second is in the key's unit."""


_TASK = "extensions.durableTask"
MEANINGS: dict[str, Meaning] = {
    f"{_TASK}.hubName": Meaning("hub"),
    f"{_TASK}.maxConcurrentActivityFunctions": Meaning("max_concurrent_activities"),
    f"{_TASK}.maxConcurrentOrchestratorFunctions": Meaning("max_concurrent_orchestrators"),
    f"{_TASK}.maxConcurrentEntityFunctions": Meaning("max_concurrent_entities"),
    f"{_TASK}.maxEntityOperationBatchSize": Meaning("max_entity_batch"),
    f"{_TASK}.maxOrchestrationActions": Meaning("max_orchestration_actions"),
    f"{_TASK}.overridableExistingInstanceStates": Meaning(
        "overridable_states", {"nonrunningstates": "non_running", "anystate": "any"}
    ),
    f"{_TASK}.rollbackEntityOperationsOnExceptions": Meaning("rollback_entity_operations"),
    f"{_TASK}.throwStatusExceptionsOnRaiseEvent": Meaning("raise_event_strict"),
    f"{_TASK}.storeInputsInOrchestrationHistory": Meaning("store_inputs"),
    f"{_TASK}.useGracefulShutdown": Meaning("graceful_shutdown"),
    f"{_TASK}.defaultVersion": Meaning("default_version"),
    f"{_TASK}.versionMatchStrategy": Meaning(
        "version_match", {"none": "none", "strict": "strict", "currentorolder": "current_or_older"}
    ),
    f"{_TASK}.versionFailureStrategy": Meaning("version_failure", {"reject": "reject", "fail": "fail"}),
    f"{_TASK}.httpSettings.defaultAsyncRequestSleepTimeMilliseconds": Meaning("http_poll_seconds", per_second=1000.0),
    f"{_TASK}.tracing.traceInputsAndOutputs": Meaning("log_payloads"),
    f"{_TASK}.tracing.traceReplayEvents": Meaning("log_replay"),
    f"{_TASK}.tracing.distributedTracingEnabled": Meaning("otel"),
    "extensions.http.routePrefix": Meaning("route_prefix"),
    "extensions.http.maxConcurrentRequests": Meaning("max_http_requests"),
    "functionTimeout": Meaning("function_timeout", is_span=True),
}
"""Dotted key, in Azure's spelling; keys are found in any case."""

_BY_KEY = {key.casefold(): key for key in MEANINGS}
_IGNORED = (
    "version",
    "extensionBundle",
    "logging",
    "aggregator",
    "concurrency",
    "customHandler",
    "healthMonitor",
    "managedDependency",
    "retry",
    "singleton",
    "watchDirectories",
    "watchFiles",
    f"{_TASK}.storageProvider",
    f"{_TASK}.extendedSessionsEnabled",
    f"{_TASK}.extendedSessionIdleTimeoutInSeconds",
    f"{_TASK}.entityMessageReorderWindowInMinutes",
    f"{_TASK}.localRpcEndpointEnabled",
    f"{_TASK}.maxGrpcMessageSizeInBytes",
    f"{_TASK}.grpcHttpClientTimeout",
    f"{_TASK}.useAppLease",
    f"{_TASK}.tracing.version",
    f"{_TASK}.httpSettings.useForwardedHost",
    "extensions.http.maxOutstandingRequests",
    "extensions.http.dynamicThrottlesEnabled",
    "extensions.http.hsts",
    "extensions.http.customHeaders",
)
"""Known, and without a meaning here: there is no cloud to tune. Whatever stands below them is left alone."""
_UNSUPPORTED = {
    f"{_TASK}.notifications": "events are not published: read the log, or poll the status",
    f"{_TASK}.storageProvider.type": "the task hub is a folder here, whatever the provider",
}
_GROUPS = frozenset({"extensions", _TASK, f"{_TASK}.httpSettings", f"{_TASK}.tracing", "extensions.http"})
_SPAN = re.compile(
    r"(?:(?P<days>[0-9]+)\.)?(?P<hours>[0-9]{1,2}):(?P<minutes>[0-9]{2}):(?P<seconds>[0-9]{2}(?:\.[0-9]+)?)"
)
_SETTING = re.compile(r"%([^%]+)%")


def read_host_json(read: Reading, folder: str, named: Mapping[str, str], environ: Mapping[str, str]) -> None:
    """`named` holds the values that `%NAME%` stands for, `environ` the variables that override.

    Raises AppLoadError for a file that is no JSON object and for a value that its key cannot have."""
    document = json_of(folder, HOST_JSON)
    if "durableTask" in document:
        _check_old_place(document, read)
    for key, value in _values(document, "", read):
        _take(read, key, value, HOST_JSON, named)
    for name, text in environ.items():
        key = name.removeprefix(VARIABLE_PREFIX).replace("__", ".")
        if name.startswith(VARIABLE_PREFIX) and key.casefold() in _BY_KEY and text:
            _take(read, _BY_KEY[key.casefold()], text, name, named)


def seconds_of_span(text: Any) -> float:
    """Seconds of a .NET TimeSpan, `hh:mm:ss` or `d.hh:mm:ss`; -1 of "-1", for no limit. Raises ValueError."""
    if text in ("-1", -1):
        return -1.0
    match = _SPAN.fullmatch(text) if isinstance(text, str) else None
    if match is None or int(match["hours"]) > 23 or int(match["minutes"]) > 59 or float(match["seconds"]) >= 60:
        raise ValueError(text)
    hours = int(match["days"] or 0) * 24 + int(match["hours"])
    return (hours * 60 + int(match["minutes"])) * 60 + float(match["seconds"])


def _check_old_place(document: dict[str, Any], read: Reading) -> None:
    """The first version of the file has `durableTask` at the top; in the second one Azure ignores it there."""
    moved = document.pop("durableTask")
    if document.get("version") == "2.0":
        read.notes.append(f"{HOST_JSON}: durableTask at the top counts for nothing: it belongs below extensions")
        return
    extensions = document.setdefault("extensions", {})
    if isinstance(extensions, dict):
        extensions.setdefault("durableTask", moved)


def _values(table: dict[str, Any], path: str, read: Reading) -> Iterator[tuple[str, Any]]:
    """The values that mean something, with their keys in Azure's spelling; notes for the rest."""
    for name, value in table.items():
        key = f"{path}.{name}" if path else name
        known = _spelt(key)
        if value is None:
            continue
        if known in MEANINGS:
            yield known, value
        elif known in _GROUPS:
            yield from _values(object_of(table, name, HOST_JSON, f"{path}." if path else ""), known, read)
        elif known not in _IGNORED and known not in _UNSUPPORTED:
            _note_unknown(key, read)
        for below, why in _UNSUPPORTED.items():
            if known == below or (known in _IGNORED and below.startswith(f"{known}.") and _holds(value, below)):
                read.notes.append(f"{HOST_JSON}: {below} is left aside: {why}")


def _holds(value: Any, below: str) -> bool:
    """Whether something other than the default stands below an ignored key."""
    return (
        isinstance(value, dict)
        and str(value.get(below.rpartition(".")[2], "AzureStorage")).casefold() != "azurestorage"
    )


def _spelt(key: str) -> str:
    folded = key.casefold()
    for known in (*MEANINGS, *_GROUPS, *_IGNORED, *_UNSUPPORTED):
        if known.casefold() == folded:
            return known
    return key


def _note_unknown(key: str, read: Reading) -> None:
    name = key.rpartition(".")[2].casefold()
    elsewhere = next((known for known in MEANINGS if known.rpartition(".")[2].casefold() == name), None)
    if elsewhere is not None:
        read.notes.append(f"{HOST_JSON}: {key} counts for nothing there: it belongs at {elsewhere}")
    else:
        read.notes.append(f"{HOST_JSON}: {key} is not known and left aside")


def _take(read: Reading, key: str, value: Any, origin: str, named: Mapping[str, str]) -> None:
    meaning = MEANINGS[key]
    kind = AppLoadError if origin == HOST_JSON else InvalidArgument
    if isinstance(value, str) and meaning.setting == "hub":
        value = _SETTING.sub(lambda match: named.get(match[1], match[0]), value)
    if meaning.words and isinstance(value, str):
        value = meaning.words.get(value.replace(" ", "").casefold(), value)
    if meaning.is_span:
        value = _span(read, key, value, kind)
    if meaning.per_second != 1.0 and isinstance(value, int | float) and not isinstance(value, bool):
        value = value / meaning.per_second
    read.set(meaning.setting, value, origin, key, kind)


def _span(read: Reading, key: str, value: Any, kind: type[AppLoadError] | type[InvalidArgument]) -> float:
    try:
        seconds = seconds_of_span(value)
    except ValueError:
        raise kind(
            f"{key} is {value!r}, which cannot be used",
            why="it is a time span",
            hint="write hours:minutes:seconds, such as 00:05:00 for five minutes",
        ) from None
    if seconds > LONG_SECONDS:
        read.notes.append(f"{HOST_JSON}: {key} {value} is {seconds / 60:g} minutes")
    return max(0.0, seconds)
