"""`dfcli run --debug`: the process of the host waits for a debugger before the app is loaded."""

from __future__ import annotations

import sys

from dfcli.cli import terminal
from dfcli.errors import InvalidArgument, Unavailable

HOST = "127.0.0.1"


def wait_for_debugger(port: str, *, workers: int) -> None:
    """Return once a debugger is attached. InvalidArgument, Unavailable."""
    if not port.isdigit() or int(port) > 65535:
        raise InvalidArgument(f"{port!r} is no port", hint="dfcli run --debug 5678")
    if workers:
        raise InvalidArgument(
            "--debug and --workers do not go together",
            why="activities would run in processes that the debugger does not see",
            hint="dfcli run --debug --workers 0",
        )
    try:
        import debugpy  # type: ignore[import-not-found,unused-ignore]  # the user's, when they debug
    except ImportError:
        raise Unavailable(
            "debugpy is not installed", why="--debug needs it", hint=f"{sys.executable} -m pip install debugpy"
        ) from None
    try:
        _, listens_at = debugpy.listen((HOST, int(port)))
    except (OSError, RuntimeError) as error:
        raise Unavailable(f"port {port} cannot be listened at", why=str(error), hint="dfcli run --debug PORT") from None
    terminal.say(f"waiting for a debugger at {HOST}:{listens_at} (debugpy)")
    debugpy.wait_for_client()
    terminal.say("a debugger is attached")
