"""What a function is passed beside its trigger's value: the durable client, its context, and outputs. All by name."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any

from dfcli.authoring.cloud_bindings import HTTP_OUTPUT, RETURN, Out
from dfcli.authoring.invocation import Context, RetryContext, TraceContext
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.env.ids import Ids

log = logging.getLogger("dfcli.host")


class Extras:
    """Makes them for each call anew."""

    def __init__(self, ids: Ids, client_of: Callable[[FunctionDefinition], object] | None = None) -> None:
        """`client_of` gives a function its client; without one, functions that take a client are not called here."""
        self._ids = ids
        self._client_of = client_of
        self._told: set[tuple[str, str]] = set()

    def __call__(
        self, definition: FunctionDefinition, *, trace: TraceContext | None = None, attempt: int = 1
    ) -> dict[str, Any]:
        """Parameter → value."""
        given: dict[str, Any] = {}
        if not definition.has_extras:
            return given
        if definition.client_parameter is not None:
            assert self._client_of is not None
            given[definition.client_parameter] = self._client_of(definition)
        if definition.context_parameter is not None:
            given[definition.context_parameter] = Context(
                self._ids.new_id(),
                definition.name,
                os.path.dirname(definition.file),
                trace_context=trace,
                retry_context=RetryContext(attempt - 1),
            )
        for name, service in definition.outputs.items():
            if name != RETURN:
                given[name] = Out() if service == HTTP_OUTPUT else self._going_nowhere(definition, name, service)
        return given

    def _going_nowhere(self, definition: FunctionDefinition, name: str, service: str) -> Out[Any]:
        def tell() -> None:
            if (definition.name, name) not in self._told:  # once is enough
                self._told.add((definition.name, name))
                log.warning(
                    "function %s: what it gives to %r goes nowhere: there is no %s here", definition.name, name, service
                )

        return Out(tell)
