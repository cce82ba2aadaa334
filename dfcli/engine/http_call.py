"""A durable HTTP call: a request, and polls of what the server accepted for later, as one task.

Each request is a run of the built-in activity with an event id of its own, each wait between two a durable timer, so
a restart in between repeats nothing. A retry policy concerns one request: when a poll fails, the poll is tried again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import msgspec
from msgspec import UNSET, Raw

from dfcli.authoring.failures import TaskFailedError
from dfcli.authoring.retry import RetryOptions
from dfcli.authoring.tasks import Task, fail
from dfcli.engine.retrying import Delays, RetryingCall
from dfcli.model.durable_http import HttpCallRequest, Poll, poll_of
from dfcli.model.history import SubOrchestrationInstanceCompleted, TaskCompleted
from dfcli.model.payload import Payload

_encode = msgspec.json.Encoder().encode


class HttpCall(RetryingCall):
    """Takes the answers to every request of the call."""

    __slots__ = ("_is_retried", "_poll", "input")

    def __init__(
        self,
        task: Task,
        request: Payload,
        options: RetryOptions | None,
        attempt: Callable[[RetryingCall, int | None, int], None],
        delays: Delays,
    ) -> None:
        super().__init__(task, options or _NO_RETRY, attempt, delays)
        self._is_retried = options is not None
        self._poll: HttpCallRequest | None = None
        self.input = request
        """Of the next request."""

    def completed(self, event: TaskCompleted | SubOrchestrationInstanceCompleted) -> Task | None:
        """The task, when this answer is the call's; None when a poll is to follow."""
        poll = _poll_of(event)
        if poll is None:
            return self.task
        self._poll = poll.request
        self.delay = self._delays.delay_poll(self, timedelta(seconds=poll.seconds))
        return None

    def attempt_failed(self, error: TaskFailedError) -> None:
        if self._is_retried:
            super().attempt_failed(error)
        else:
            fail(self.task, error)

    def delay_over(self) -> None:
        if self._poll is None:
            super().delay_over()
            return
        self.delay = None
        self.input = Payload(Raw(_encode(self._poll)))
        self._poll = None
        self.restart()


_NO_RETRY = RetryOptions(1, 1)


def _poll_of(event: TaskCompleted | SubOrchestrationInstanceCompleted) -> Poll | None:
    if event.result is UNSET:
        return None
    try:
        return poll_of(bytes(event.result))
    except msgspec.MsgspecError:  # a history that somebody else wrote: the answer is the code's to read
        return None
