"""What `dfcli run` says when it is ready: functions with their addresses, the hub, and what was recovered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from dfcli.cli import render, terminal
from dfcli.cli.function_triggers import methods_of, triggers_of

if TYPE_CHECKING:
    from dfcli.authoring.triggers import FunctionDefinition
    from dfcli.project.settings import Settings
    from dfcli.storage.recovery import RecoveryReport

MANAGEMENT = "/runtime/webhooks/durabletask"


def lines(
    settings: Settings, functions: Sequence[FunctionDefinition], report: RecoveryReport, url: str, milliseconds: int
) -> Iterator[str]:
    """The banner, for people."""
    yield "Functions:"
    yield ""
    pairs = list(zip(functions, triggers_of(functions, settings), strict=True))
    for function, trigger in pairs:
        if function.kind == "http":
            methods = methods_of(function)
            yield f"  {function.name}: {f'[{methods}] ' if methods else ''}{url}/{trigger.path}"
    for function, trigger in pairs:
        if function.kind != "http":
            yield f"  {function.name}: {function.kind}{' ' if trigger.words else ''}{trigger.words}"
    if not functions:
        yield "  none yet: give function_app.py an orchestrator"
    yield ""
    yield f"hub        {terminal.visible(render.shown_path(settings.hub_path))}{' (new)' if report.created else ''}"
    for fact in recovered(report):
        yield f"recovered  {fact}"
    yield f"api        {url}{MANAGEMENT}"
    if settings.auth:
        yield "keys       requests need one; `dfcli keys list --show` shows them, and commands find theirs"
    yield f"ready in {milliseconds} ms at {url}; Ctrl-C stops"


def recovered(report: RecoveryReport) -> Iterator[str]:
    """What a person should know of an open: nothing, after a clean stop with nothing left to do."""
    if report.live:
        work = f", {report.with_work} with work to do now" if report.with_work else ""
        yield f"{report.live} unfinished instance{'s' if report.live != 1 else ''}{work}"
    if report.unclean_stop:
        yield f"the last host did not stop in order; {report.lines} lines were read back from the journal"
    if report.torn_bytes:
        yield f"{report.torn_bytes} bytes of a batch that was being written; it was never acknowledged"
    if report.damaged_bytes:
        yield f"{report.damaged_bytes} bytes of the journal are unreadable: the hub is degraded"
    if report.quarantined:
        yield f"quarantined: {_names(report.quarantined)}"
    if report.suspects:
        yield f"{len(report.suspects)} tasks were in flight at several crashes; they run one at a time"
    if report.index_rebuilt:
        yield "the index was rebuilt from the histories"


def facts(settings: Settings, functions: Sequence[FunctionDefinition], report: RecoveryReport) -> dict[str, Any]:
    """The same for programs."""
    return {
        "hub": settings.hub,
        "hubPath": settings.hub_path,
        "functions": [{"name": function.name, "kind": function.kind} for function in functions],
        "recovered": {
            "live": report.live,
            "withWork": report.with_work,
            "tornBytes": report.torn_bytes,
            "damagedBytes": report.damaged_bytes,
            "quarantined": report.quarantined,
            "uncleanStop": report.unclean_stop,
            "indexRebuilt": report.index_rebuilt,
        },
    }


def _names(ids: Iterable[str]) -> str:
    shown = list(ids)
    more = f" and {len(shown) - 5} more" if len(shown) > 5 else ""
    return ", ".join(map(terminal.visible, shown[:5])) + more
