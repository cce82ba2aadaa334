"""What an orchestrator's source must not do, read without running it: clocks, chance, the environment, I/O, sleep."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from dfcli.compat.source_reading import code_of

_CLOCK = ("reads the clock", "use context.current_utc_datetime")
_CHANCE = ("asks for something random", "use context.new_uuid(), or an activity")
_OUTSIDE = ("reads or writes outside of itself", "do that in an activity")
_SLEEP = ("sleeps or starts threads", "yield context.create_timer(...), or use an activity")
_NAMES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today"), _CLOCK),
    **dict.fromkeys(("datetime.date.today", "time.time", "time.time_ns", "time.monotonic"), _CLOCK),
    **dict.fromkeys(("time.perf_counter", "time.localtime", "time.gmtime"), _CLOCK),
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4", "os.urandom"), _CHANCE),
    **dict.fromkeys(("os.environ", "os.getenv", "builtins.open", "_io.open", "builtins.input"), _OUTSIDE),
    "time.sleep": _SLEEP,
}
"""By full name, however the code has imported it."""
_PACKAGES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("random", "secrets", "numpy.random"), _CHANCE),
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib.request", "urllib3", "http.client", "socket"), _OUTSIDE),
    **dict.fromkeys(("subprocess", "sqlite3", "pyodbc", "psycopg2", "pymongo", "redis", "boto3"), _OUTSIDE),
    **dict.fromkeys(("azure.storage", "azure.cosmos", "azure.identity", "azure.servicebus"), _OUTSIDE),
    **dict.fromkeys(("asyncio", "threading", "multiprocessing", "concurrent.futures"), _SLEEP),
}
"""Whatever of these is called."""
_HARMLESS = frozenset({"secrets.compare_digest", "random.Random"})


class Fault(NamedTuple):
    place: str
    """File and line: the orchestrator's, or of a function of the app that it calls."""
    what: str
    hint: str


def faults(function: Callable[..., Any]) -> Iterator[Fault]:
    """Those of an orchestrator, each name once. Nothing for code whose source is not there."""
    told: set[str] = set()
    for read in code_of(function):
        for node in ast.walk(read.node):
            named = node.func if isinstance(node, ast.Call) else node
            if not isinstance(named, ast.Attribute | ast.Name):
                continue
            name = read.dotted(named)
            if not name or name in told or (named is node and name != "os.environ"):
                continue  # names that are not called do nothing, apart from the environment
            fault = _NAMES.get(name) or _of_package(name)
            if fault is not None:
                told.add(name)
                yield Fault(read.where(node), f"{fault[0]} ({name.removeprefix('builtins.')})", fault[1])


def _of_package(name: str) -> tuple[str, str] | None:
    while name and name not in _HARMLESS:
        name = name.rpartition(".")[0]
        if name in _PACKAGES:
            return _PACKAGES[name]
    return None
