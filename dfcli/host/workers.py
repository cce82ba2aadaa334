"""Worker processes for activities: work that needs the processor runs beside the host instead of inside it.

Each worker loads the app and runs activities as the host would, in threads and on a loop of its own. It talks to the
host over a socket pair that only the two hold, so a worker that outlives its host can deliver nothing. A worker that
dies fails the calls it had, and is replaced.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

import msgspec
from msgspec import UNSET, Raw

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.host.activities import ActivityCall, Outcome
from dfcli.host.log_context import LogLine
from dfcli.model import history as h
from dfcli.model.failure import FailureDetails
from dfcli.model.ids import ExecutionKey
from dfcli.model.payload import NOTHING, Payload
from dfcli.model.trace import TraceContext

log = logging.getLogger("dfcli.host")

FRAME_HEADER_BYTES = 4
RESTART_SECONDS = 0.5
"""A worker that dies at once is not replaced faster than this."""


class Performer(Protocol):
    """Who runs activities; `take` of the host gets each outcome once, on the host's loop."""

    def start(self, calls: Sequence[tuple[ActivityCall, FunctionDefinition]]) -> None: ...

    def renew(self) -> None:
        """The app's code has changed: what starts from now on runs the new code."""
        ...

    def close(self) -> None: ...


class CallMessage(msgspec.Struct, frozen=True, array_like=True):
    """Host to worker: run this. `scheduled` is the event as JSON."""

    number: int
    instance_id: str
    exec: int
    execution_id: str
    scheduled: bytes
    code_id: str = ""
    """The code its instance runs on; workers that keep no older code pay no attention."""
    trace: TraceContext | None = None


class AnswerMessage(msgspec.Struct, frozen=True, array_like=True, tag="answer"):
    """Worker to host: how the call with that number ended. Neither result means null."""

    number: int
    result: bytes | None = None
    result_text: str | None = None
    failure: FailureDetails | None = None


class LogMessage(msgspec.Struct, frozen=True, array_like=True, tag="log"):
    """Worker to host: what user code logged."""

    line: LogLine


FromWorker: TypeAlias = AnswerMessage | LogMessage


def framed(message: CallMessage | FromWorker) -> bytes:
    """A message as it stands on the wire: its length, then itself."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(FRAME_HEADER_BYTES, "big") + body


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """The next message's bytes. IncompleteReadError when the other side has gone."""
    header = await reader.readexactly(FRAME_HEADER_BYTES)
    return await reader.readexactly(int.from_bytes(header, "big"))


def to_message(number: int, call: ActivityCall) -> CallMessage:
    instance_id, number_of_execution = call.key
    scheduled = h.encode_members(call.scheduled)
    return CallMessage(
        number, instance_id, number_of_execution, call.execution_id, scheduled, call.code_id or "", call.trace
    )


def to_call(message: CallMessage) -> ActivityCall:
    """The call a worker was sent."""
    scheduled = h.decode_line(message.scheduled)
    assert isinstance(scheduled, h.TaskScheduled)
    return ActivityCall(
        ExecutionKey(message.instance_id, message.exec),
        message.execution_id,
        scheduled,
        message.code_id or None,
        message.trace,
    )


def to_answer(number: int, outcome: Outcome) -> AnswerMessage:
    raw, text = outcome.result
    return AnswerMessage(
        number, bytes(raw) if raw is not UNSET else None, text if text is not UNSET else None, outcome.failure
    )


def to_outcome(answer: AnswerMessage, call: ActivityCall) -> Outcome:
    """What the host records of an answer."""
    if answer.failure is not None:
        return Outcome(call, NOTHING, answer.failure)
    return Outcome(
        call,
        Payload(
            Raw(answer.result) if answer.result is not None else UNSET,
            answer.result_text if answer.result_text is not None else UNSET,
        ),
    )


class Worker:
    """One process and the calls it has."""

    def __init__(self, process: subprocess.Popen[bytes], writer: asyncio.StreamWriter) -> None:
        self.process = process
        self.writer = writer
        self.calls: dict[int, ActivityCall] = {}
        self.is_retiring = False
        """Ends once it has answered its calls: it runs code that has been replaced."""


class Workers:
    """`count` workers started with `command`, which gets the number of its socket as last argument."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        command: Sequence[str],
        count: int,
        take: Callable[[Sequence[Outcome]], None],
        environment: dict[str, str] | None = None,
        take_log: Callable[[LogLine], None] = lambda _: None,
    ) -> None:
        self._loop = loop
        self._command = list(command)
        self._take = take
        self._environment = environment
        self._take_log = take_log
        self._number = 0
        self._workers: list[Worker] = []
        self._waiting: list[ActivityCall] = []
        """Calls that came before any worker was there."""
        self._closed = False
        self._count = count
        self._retiring: list[Worker] = []
        self._keepers = [loop.create_task(self._keep_one()) for _ in range(count)]

    @property
    def process_ids(self) -> list[int]:
        return [worker.process.pid for worker in self._workers]

    def start(self, calls: Sequence[tuple[ActivityCall, FunctionDefinition]]) -> None:
        """Give each call to the worker that has the fewest."""
        self._send([call for call, _ in calls])

    def renew(self) -> None:
        """Start workers on the new code; the old ones end when they have answered what they have."""
        self._retiring += self._workers
        for worker in self._workers:
            worker.is_retiring = True
            if not worker.calls:
                worker.writer.close()
        self._workers = []
        self._keepers = [keeper for keeper in self._keepers if not keeper.done()]
        self._keepers += [self._loop.create_task(self._keep_one()) for _ in range(self._count)]

    def close(self) -> None:
        """End the workers; what they run is left and runs again at the next start."""
        self._closed = True
        for keeper in self._keepers:
            keeper.cancel()
        workers = self._workers + self._retiring
        for worker in workers:
            worker.writer.close()
            worker.process.terminate()
        for worker in workers:
            try:
                worker.process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
        self._workers.clear()

    def _send(self, calls: list[ActivityCall]) -> None:
        if not self._workers:
            self._waiting += calls
            return
        frames: dict[int, list[bytes]] = {}
        for call in calls:
            position = min(range(len(self._workers)), key=lambda i: len(self._workers[i].calls))
            self._number += 1
            self._workers[position].calls[self._number] = call
            frames.setdefault(position, []).append(framed(to_message(self._number, call)))
        for position, parts in frames.items():
            self._workers[position].writer.write(b"".join(parts))

    async def _keep_one(self) -> None:
        """One place for a worker: start it, take its answers, replace it when it dies."""
        worker: Worker | None = None
        while not self._closed and (worker is None or not worker.is_retiring):
            begun = self._loop.time()
            worker, reader = await self._spawn()
            self._workers.append(worker)
            waiting, self._waiting = self._waiting, []
            self._send(waiting)
            try:
                while True:
                    answer: FromWorker = msgspec.msgpack.decode(await read_frame(reader), type=FromWorker)
                    if isinstance(answer, LogMessage):
                        self._take_log(answer.line)
                        continue
                    call = worker.calls.pop(answer.number, None)
                    if call is not None:
                        self._take([to_outcome(answer, call)])
                    if worker.is_retiring and not worker.calls:
                        break
            except (asyncio.IncompleteReadError, ConnectionError, msgspec.MsgspecError):
                pass
            self._bury(worker)
            if self._loop.time() - begun < RESTART_SECONDS:
                await asyncio.sleep(RESTART_SECONDS)

    async def _spawn(self) -> tuple[Worker, asyncio.StreamReader]:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen(
            [*self._command, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env=self._environment,
        )
        theirs.close()
        reader, writer = await asyncio.open_connection(sock=ours)
        return Worker(process, writer), reader

    def _bury(self, worker: Worker) -> None:
        """A worker has gone: its calls fail, which a retry policy may repeat."""
        for workers in (self._workers, self._retiring):
            if worker in workers:
                workers.remove(worker)
        worker.writer.close()
        worker.process.kill()
        code = worker.process.wait()
        if self._closed or (worker.is_retiring and not worker.calls):
            return
        log.warning("worker %d ended with code %d; its %d calls fail", worker.process.pid, code, len(worker.calls))
        message = f"the worker process that ran the activity ended with code {code}"
        failure = FailureDetails(error_type="WorkerDied", error_message=message)
        self._take([Outcome(call, NOTHING, failure) for call in worker.calls.values()])
        worker.calls.clear()
