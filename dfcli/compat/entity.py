"""The context of entities written for Azure's SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.entity import DurableEntityContext, OperationWishes
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.leniency import tell
from dfcli.compat.serialization import dumps, loaded
from dfcli.model.payload import NOTHING, Payload


class AzureEntityContext(DurableEntityContext):
    """What an entity function of an Azure app is handed, anew for each operation."""

    __slots__ = ("_definition",)

    _encode: Callable[[Any], Payload] = staticmethod(dumps)
    _typed = staticmethod(loaded)

    def __init__(self, wishes: OperationWishes, definition: FunctionDefinition) -> None:
        super().__init__(wishes)
        self._definition = definition

    def get_input(self, expected_type: Any = None) -> Any:
        """None for an operation without an input, where Azure's SDK raises TypeError."""
        if self._wishes.input == NOTHING:
            tell("DFA112", self._definition)
        return super().get_input(expected_type)

    @property
    def is_newly_constructed(self) -> bool:
        """Always False in Azure's 1.x SDK; apps may rely on it."""
        return False
