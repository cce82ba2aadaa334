"""What can be asked of a task hub: a filter, a page of answers, and what one live instance waits for."""

from __future__ import annotations

import msgspec

from dfcli.model.entity_ids import is_entity_id
from dfcli.model.status import InstanceSummary


class InstanceFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which instances; every member that is set must hold. Times are timestamps, compared with the creation time."""

    statuses: frozenset[str] = frozenset()
    """Runtime statuses; empty: all."""
    names: frozenset[str] = frozenset()
    """Orchestrator names without regard to case; empty: all."""
    prefix: str = ""
    """Of the instance id. Entities are meant only when it begins with "@"."""
    created_from: str | None = None
    created_to: str | None = None
    parent_id: str | None = None
    newest_first: bool = False

    def matches(self, summary: InstanceSummary) -> bool:
        """Whether one instance is meant."""
        return (
            (not self.statuses or summary.status in self.statuses)
            and (not self.names or summary.name.casefold() in {name.casefold() for name in self.names})
            and summary.instance_id.startswith(self.prefix)
            and (summary.entity is None or is_entity_id(self.prefix))
            and (self.created_from is None or summary.created >= self.created_from)
            and (self.created_to is None or summary.created <= self.created_to)
            and (
                self.parent_id is None or (summary.parent is not None and summary.parent.instance_id == self.parent_id)
            )
        )


class Page(msgspec.Struct, frozen=True):
    """Instances in order of creation time, then id. `continuation` is empty on the last page."""

    items: list[InstanceSummary]
    continuation: str = ""


class CodeLocation(msgspec.Struct, frozen=True, rename="camel"):
    """A line of the app's source."""

    file: str
    line: int
    function: str


class Wait(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One thing a live instance waits for, and the line of code that waits."""

    kind: str
    """`activity`, `timer`, `event`, `sub-orchestration`, `retry`, `resume`, `start` or `code`."""
    name: str = ""
    event_id: int | None = None
    since: str | None = None
    """Timestamp of the scheduling line; None for an event wait that no line records."""
    due: str | None = None
    instance_id: str | None = None
    """The child, for a sub-orchestration."""
    attempt: int | None = None
    location: CodeLocation | None = None
    detail: str = ""
    """What else a stuck reader needs: `got "approve"`, the reason an instance is parked, …"""
