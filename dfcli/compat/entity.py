"""The context of entities written for Azure's SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dfcli.authoring.entity import DurableEntityContext
from dfcli.compat.serialization import dumps, loaded
from dfcli.model.payload import Payload


class AzureEntityContext(DurableEntityContext):
    """What an entity function of an Azure app is handed, anew for each operation."""

    __slots__ = ()

    _encode: Callable[[Any], Payload] = staticmethod(dumps)
    _typed = staticmethod(loaded)

    @property
    def is_newly_constructed(self) -> bool:
        """Always False in Azure's 1.x SDK; apps may rely on it."""
        return False
