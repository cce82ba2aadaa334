"""The context of entities written for Azure's SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.entity import DurableEntityContext, OperationWishes
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.leniency import tell_here
from dfcli.compat.serialization import dumps, loaded
from dfcli.model.payload import NOTHING, Payload

_UNCHANGEABLE = (str, int, float, bool, type(None))


class AzureEntityContext(DurableEntityContext):
    """What an entity function of an Azure app is handed, anew for each operation.

    The state that it was given, or set, is the state: changes in place are kept, as in Azure's SDK.
    """

    __slots__ = ("_definition", "_live")

    _encode: Callable[[Any], Payload] = staticmethod(dumps)
    _typed = staticmethod(loaded)

    def __init__(self, wishes: OperationWishes, definition: FunctionDefinition) -> None:
        super().__init__(wishes)
        self._definition = definition
        self._live: Any = None
        """The state as the code holds it, where that can change in place."""

    def get_input(self, expected_type: Any = None) -> Any:
        """None for an operation without an input, where Azure's SDK raises TypeError."""
        if self._wishes.input == NOTHING:
            tell_here("DFA112", self._definition)
        return super().get_input(expected_type)

    def get_state(self, initializer: Any = None, expected_type: Any = None) -> Any:
        """The state; for an entity that has none what `initializer()` returns, which is not kept by itself."""
        if self._live is not None:
            return self._live
        if initializer is not None and not callable(initializer):
            tell_here("DFA138", self._definition)
        state = super().get_state(initializer, expected_type)
        if self._wishes.state != NOTHING and not isinstance(state, _UNCHANGEABLE):
            self._live = state
        return state

    def set_state(self, state: Any) -> None:
        super().set_state(state)
        self._live = None if isinstance(state, _UNCHANGEABLE) else state

    def destruct_on_exit(self) -> None:
        super().destruct_on_exit()
        self._live = None

    def settle(self) -> None:
        if self._live is not None:
            state = self._payload(self._live, "state")
            if state != self._wishes.state:
                self._wishes.state = state

    @property
    def is_newly_constructed(self) -> bool:
        """Always False in Azure's 1.x SDK; apps may rely on it."""
        return False
