"""Ways to run a scenario against a host: in virtual time on one thread, or in real time on a disk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import dfcli as df
from dfcli.env.clock import VirtualClock
from dfcli.env.environment import Env
from dfcli.env.ids import SeededIds
from dfcli.env.memory import MemoryFiles
from dfcli.env.virtual import run_virtually
from dfcli.host.host import Host

R = TypeVar("R")
Scenario = Callable[[Host], Awaitable[R]]


class VirtualMachine:
    """A machine with a clock that jumps, files in memory and one thread; hosts on it come and go."""

    def __init__(self, seed: int = 0) -> None:
        self.clock = VirtualClock()
        self.files = MemoryFiles()
        self.env = Env(clock=self.clock, ids=SeededIds(seed), files=self.files, spawn=None)

    def run(self, app: df.Blueprint, scenario: Scenario[R], *, clean: bool = True, **options: Any) -> R:
        """Start a host, play the scenario, stop the host; with `clean=False` the host is dropped as by kill -9."""

        async def play() -> R:
            host = Host(app, hub="/hub", env=self.env, **options)
            await host.start()
            try:
                return await scenario(host)
            finally:
                if clean:
                    await host.stop()
                else:
                    abandon(host)

        return run_virtually(play(), self.clock)


def abandon(host: Host) -> None:
    """Leave a host as a killed process does: nothing more is written."""
    host.stopped = RuntimeError("killed")
    host.stopping = True
    host._close()


def in_virtual_time(app: df.Blueprint, scenario: Scenario[R], **options: Any) -> R:
    return VirtualMachine().run(app, scenario, **options)


def in_real_time(app: df.Blueprint, hub: str, scenario: Scenario[R], **options: Any) -> R:
    """On the machine's disk, with threads, on asyncio's own loop."""

    async def play() -> R:
        async with Host(app, hub=hub, **options) as host:
            return await scenario(host)

    return asyncio.run(play())
