"""The process that runs activities for a host started with `--workers`.

It loads the app of its folder and runs what it is sent, exactly as the host would: plain functions in threads,
`async def` ones on a loop. It ends when the host does.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Sequence

import msgspec

from dfcli.env.environment import spawn_thread
from dfcli.env.ids import RandomIds
from dfcli.env.visible import visible
from dfcli.errors import DfError
from dfcli.host.activities import Activities, ActivityCall, Outcome
from dfcli.host.codes import Codes
from dfcli.host.function_extras import Extras
from dfcli.host.log_context import LogContext, line_of
from dfcli.host.settings import HostSettings
from dfcli.host.threads import Threads
from dfcli.host.user_loop import UserLoop
from dfcli.host.workers import CallMessage, LogMessage, framed, read_frame, to_answer, to_call
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import NOTHING
from dfcli.project.load import load_app
from dfcli.project.snapshots import Snapshots
from dfcli.registry.registry import FunctionDefinition

PR_SET_PDEATHSIG = 1
SIGKILL = 9


def die_with_parent() -> None:
    """Linux: be killed when the host is, even while a call runs."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, SIGKILL)
        if os.getppid() == 1:
            sys.exit(0)


class WorkerLogs(logging.Handler):
    """What user code logs goes to the host, which shows it with its own; before there is a channel, to stderr."""

    def __init__(self) -> None:
        super().__init__()
        self.send: Callable[[bytes], object] | None = None

    def emit(self, record: logging.LogRecord) -> None:
        line = line_of(record)
        if self.send is None:
            print(f"worker: {line.level}: {visible(line.message)}", file=sys.stderr)
        else:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and with it the host's interest
                self.send(framed(LogMessage(line)))


async def serve(codes: Codes, channel: socket.socket, threads: int, logs: WorkerLogs) -> None:
    """Run calls from the channel until the host closes it."""
    loop = asyncio.get_running_loop()
    reader, writer = await asyncio.open_connection(sock=channel)
    logs.send = lambda frame: loop.call_soon_threadsafe(writer.write, frame)
    numbers: dict[int, int] = {}

    def answer(outcomes: Sequence[Outcome]) -> None:
        writer.write(b"".join(framed(to_answer(numbers.pop(id(o.call)), o)) for o in outcomes))

    user_loop = UserLoop(loop, spawn_thread)
    pool = Threads(loop, spawn_thread, threads)
    activities = Activities(loop, pool, user_loop.get, answer, HostSettings().async_activities_max, Extras(RandomIds()))
    try:
        while True:
            message = msgspec.msgpack.decode(await read_frame(reader), type=CallMessage)
            call = to_call(message)
            numbers[id(call)] = message.number  # the call stays alive until its outcome is answered
            definition = _definition(codes, call)
            if definition is not None:
                activities.start([(call, definition)])
            else:
                text = f"the worker's copy of the app has no activity '{call.scheduled.name}'"
                failure = FailureDetails(error_type="UnknownFunction", error_message=text)
                answer([Outcome(call, NOTHING, failure)])
    except (asyncio.IncompleteReadError, ConnectionError):
        pass


def _definition(codes: Codes, call: ActivityCall) -> FunctionDefinition | None:
    try:
        return codes.activity(call.scheduled.name, call.code_id)
    except DfError as error:
        print(f"worker: {error.what}: {error.why}", file=sys.stderr)
        return None


def main(arguments: Sequence[str]) -> int:
    """`worker APP_FOLDER THREADS HUB LOG_LEVEL SOCKET`: the last argument comes from the host; HUB is empty unless
    instances are pinned to the code they began with."""
    folder, threads, hub_path, level, descriptor = arguments
    die_with_parent()
    logs = WorkerLogs()
    logs.addFilter(LogContext())
    logging.getLogger().addHandler(logs)
    logging.getLogger().setLevel(level.upper())
    try:
        app = load_app(folder)
    except DfError as error:
        print(f"worker: {error.what}: {error.why}", file=sys.stderr)
        return error.exit_code
    codes = Codes(app.registry, app.code_id, Snapshots(hub_path) if hub_path else None)
    asyncio.run(serve(codes, socket.socket(fileno=int(descriptor)), int(threads), logs))
    return 0


if __name__ == "__main__":
    sys.stdout.flush()
    code = main(sys.argv[1:])
    os._exit(code)  # threads in user code must not delay the end
