"""What starts a function, in words: its route, its schedule and next run, or the service that is not here."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dfcli.authoring.triggers import FunctionDefinition
    from dfcli.project.settings import Settings


class Trigger:
    """Of one function; `next_run` is a timestamp, empty for what is no timer."""

    def __init__(
        self, function: FunctionDefinition, prefix: str, schedule: str = "", zone: str = "", next_run: str = ""
    ) -> None:
        self._function = function
        self._prefix = prefix
        self.schedule = schedule
        self.zone = zone
        self.next_run = next_run

    @property
    def path(self) -> str:
        """Of an HTTP function, with the route prefix and without a leading slash."""
        function = self._function
        route = (function.route if function.route is not None else function.name).lstrip("/")
        return f"{self._prefix}/{route}".strip("/")

    @property
    def words(self) -> str:
        """One line for a person; empty for orchestrators, activities and entities."""
        function = self._function
        if function.kind == "http":
            methods = methods_of(function)
            return f"{f'[{methods}] ' if methods else ''}/{self.path}"
        if function.kind == "timer":
            zone = f" ({self.zone})" if self.zone != "UTC" else ""
            return f"{self.schedule}{zone}, next {self.next_run}"
        if function.kind == "unsupported":
            return f"needs {needs_of(function)}; by hand: dfcli trigger {function.name}"
        return ""

    def members(self) -> dict[str, Any]:
        """For programs."""
        function = self._function
        if function.kind == "http":
            return {
                "route": function.route or function.name,
                "methods": sorted(function.methods) if function.methods else None,
                "authLevel": str(function.auth_level),
            }
        if function.kind == "timer":
            assert function.timer is not None
            return {
                "schedule": self.schedule,
                "timeZone": self.zone,
                "nextRun": self.next_run,
                "runOnStartup": function.timer.run_on_startup,
            }
        return {"needs": function.needs} if function.kind == "unsupported" else {}


def triggers_of(functions: Sequence[FunctionDefinition], settings: Settings) -> list[Trigger]:
    """Of each function, as its host would have it. Raises AppLoadError for a schedule that cannot be used."""
    schedules = _next_runs(functions, settings, os.environ)
    return [Trigger(function, settings.route_prefix, *schedules.get(function.name, ())) for function in functions]


def methods_of(function: FunctionDefinition) -> str:
    """`GET,POST` when an HTTP function takes these only."""
    return ",".join(sorted(function.methods)) if function.methods else ""


def needs_of(function: FunctionDefinition) -> str:
    """What a function that only runs by hand would need: `queueTrigger`, or `http with blob`."""
    others = [kind for kind in function.triggers if kind != "unsupported"]
    return " with ".join([*others, " and ".join(function.needs)])


def _next_runs(
    functions: Sequence[FunctionDefinition], settings: Settings, values: Mapping[str, str]
) -> dict[str, tuple[str, str, str]]:
    timers = [function for function in functions if function.kind == "timer"]
    if not timers:
        return {}
    from dfcli.env.clock import SystemClock
    from dfcli.host.timer_triggers import zone_of
    from dfcli.model.time import timestamp_from_epoch
    from dfcli.registry.schedules import schedule_of

    zone, now = zone_of(settings.time_zone), SystemClock().time()
    found: dict[str, tuple[str, str, str]] = {}
    for function in timers:
        schedule = schedule_of(function, zone, values)
        next_run = timestamp_from_epoch(schedule.next_after(now))
        found[function.name] = (schedule.text, settings.time_zone, next_run[:19] + "Z")
    return found
