"""The durable client of Azure's SDK, made from the text that its binding hands to a function."""

from __future__ import annotations

from typing import Any


def durable_client(binding: str) -> Any:
    """The real `DurableOrchestrationClient`. It speaks HTTP to the address in `binding`."""
    from azure.durable_functions import DurableOrchestrationClient

    return DurableOrchestrationClient(binding)
