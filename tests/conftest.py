"""`pytest --always-replay` runs the same tests with every generator dropped after its episode and rebuilt by replay.

Hosts that tests make in this process, hosts that commands start, and the engine's driver all go by it, so a test needs
nothing to be run in that mode. Those that are about executions staying in memory are marked `resident` and left out.
"""

from __future__ import annotations

import os
from typing import Any

import msgspec
import pytest

from dfcli.host.host import Host

VARIABLE = "DFCLI_ALWAYS_REPLAY"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--always-replay", action="store_true", help="drop each generator after its episode")


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--always-replay"):
        os.environ.pop(VARIABLE, None)
        return
    os.environ[VARIABLE] = "true"
    make = Host.__init__

    def make_replaying(self: Host, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self.settings = msgspec.structs.replace(self.settings, always_replay=True)

    Host.__init__ = make_replaying  # type: ignore[method-assign]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--always-replay"):
        reason = pytest.mark.skip(reason="is about executions that stay in memory")
        for item in items:
            if "resident" in item.keywords:
                item.add_marker(reason)
