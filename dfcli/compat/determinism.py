"""What an orchestrator's source must not do, read without running it: clocks, chance, the environment, I/O, sleep."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

_CLOCK = ("reads the clock", "use context.current_utc_datetime")
_CHANCE = ("asks for something random", "use context.new_uuid(), or an activity")
_OUTSIDE = ("reads or writes outside of itself", "do that in an activity")
_SLEEP = ("sleeps or starts threads", "yield context.create_timer(...), or use an activity")
_CALLS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("datetime.now", "datetime.utcnow", "datetime.today", "date.today"), _CLOCK),
    **dict.fromkeys(("time.time", "time.monotonic", "time.perf_counter", "time.time_ns"), _CLOCK),
    **dict.fromkeys(("uuid.uuid1", "uuid.uuid4", "uuid4", "uuid1", "os.urandom"), _CHANCE),
    **dict.fromkeys(("os.getenv", "open", "input", "urllib.request.urlopen", "urlopen"), _OUTSIDE),
    **dict.fromkeys(("time.sleep", "asyncio.sleep", "threading.Thread"), _SLEEP),
}
_MODULES: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("random", "secrets"), _CHANCE),
    **dict.fromkeys(("requests", "httpx", "subprocess", "socket"), _OUTSIDE),
}


def faults(function: Callable[..., Any]) -> Iterator[tuple[int, str, str]]:
    """Line, what it does, and what to do instead. Nothing for code whose source is not there."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _dotted(node) == "os.environ":
            yield first + node.lineno - 1, *_OUTSIDE
        if not isinstance(node, ast.Call):
            continue
        name = _dotted(node.func)
        short = ".".join(name.split(".")[-2:])
        fault = _CALLS.get(name) or _CALLS.get(short) or _MODULES.get(name.partition(".")[0] if "." in name else "")
        if fault is not None:
            yield first + node.lineno - 1, f"{fault[0]} ({name})", fault[1]


def imports(path: str) -> Iterator[str]:
    """The modules that a file imports by their full names; nothing of a file that cannot be read."""
    try:
        with open(path, encoding="utf-8-sig") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module


def _dotted(node: ast.expr) -> str:
    """`datetime.now` of an expression; empty for anything else."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
