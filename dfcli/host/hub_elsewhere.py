"""Another task hub of the app as the HTTP API asks for it: what blocks runs in the threads that are there for it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any

from dfcli.host.other_hubs import OtherHub, driven, refuse_request_id
from dfcli.model.entity_ids import ENTITY_PREFIX, entity_instance_id
from dfcli.model.entity_status import EntityPage, EntityView, view_of
from dfcli.model.query import InstanceFilter
from dfcli.model.status import InstanceSummary

WAIT_SECONDS_MAX = 20.0
"""A wait holds one of few threads; who asked for longer is told to ask again."""

InThread = Callable[[Callable[[], Any]], Coroutine[Any, Any, Any]]


class HubElsewhere:
    """The verbs are coroutines for the host's loop; plain questions such as `summary` block their caller."""

    def __init__(self, hub: OtherHub, in_thread: InThread) -> None:
        self._hub = hub
        self._in_thread = in_thread

    async def wait(self, instance_id: str, timeout: float | None = None) -> InstanceSummary:
        seconds = WAIT_SECONDS_MAX if timeout is None else min(timeout, WAIT_SECONDS_MAX)
        found: InstanceSummary = await self._in_thread(lambda: driven(self._hub.wait(instance_id, seconds)))
        return found

    def entity(self, name: str, key: str) -> EntityView | None:
        summary = self._hub.summary(entity_instance_id(name, key))
        return None if summary is None else _view(summary)

    def list_entities(
        self,
        name: str = "",
        *,
        last_operation_from: str | None = None,
        last_operation_to: str | None = None,
        top: int = 100,
        continuation: str = "",
        fetch_state: bool = True,
    ) -> EntityPage:
        """In the order in which they were first signalled; a page may be shorter than was asked for."""
        which = InstanceFilter(prefix=f"@{name.lower()}@" if name else ENTITY_PREFIX)
        while True:
            page = self._hub.query(which, top=top, continuation=continuation)
            views = [_view(summary, with_state=fetch_state) for summary in page.items if summary.entity is not None]
            found = [
                view
                for view in views
                if view is not None
                and view.exists
                and (last_operation_from is None or view.last_operation_time >= last_operation_from)
                and (last_operation_to is None or view.last_operation_time <= last_operation_to)
            ]
            continuation = page.continuation
            if found or not continuation:
                return EntityPage(found, continuation)

    def __getattr__(self, name: str) -> Any:
        member = getattr(self._hub, name)
        if not inspect.iscoroutinefunction(member):
            return member

        async def verb(*arguments: Any, request_id: str | None = None, **named: Any) -> Any:
            refuse_request_id(request_id)
            return await self._in_thread(lambda: driven(member(*arguments, **named)))

        return verb


def _view(summary: InstanceSummary, *, with_state: bool = True) -> EntityView | None:
    if summary.entity is None:
        return None
    return view_of(summary.instance_id, summary.entity, summary.updated, with_state=with_state)
