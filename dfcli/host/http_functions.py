"""Calling an HTTP function of the app, so that nothing it raises reaches further than its caller."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

_NOT_CARRIED = (SystemExit, KeyboardInterrupt, GeneratorExit, StopIteration, asyncio.CancelledError)
"""What a future refuses to carry, or what would end the loop that awaits it."""


def call(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What a plain function returns. Raises Exceptions only."""
    try:
        return function(**arguments)
    except _NOT_CARRIED as error:
        raise _told(error) from error


async def call_async(function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """What an `async def` function returns. Raises Exceptions only, unless this very call is cancelled."""
    try:
        return await function(**arguments)
    except _NOT_CARRIED as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise _told(error) from error


def _told(error: BaseException) -> RuntimeError:
    return RuntimeError(f"the function raised {type(error).__name__}: {error}")
