"""Running operations of one entity, one after the other, and what comes of them.

Calls the app's code, which may do I/O, and so runs wherever the host has it run; itself it does none. An operation that
raises leaves nothing behind, neither state nor signals, unless the app wants it otherwise; the next one goes on.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec import UNSET

from dfcli.authoring.entity import DurableEntity, DurableEntityContext, SignalWish, StartWish
from dfcli.authoring.entity_functions import operations_of
from dfcli.authoring.entity_id import EntityId
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.authoring.typed import annotation, value_of
from dfcli.engine.entity import Operation
from dfcli.engine.frames import OWN_FILES
from dfcli.errors import PayloadTooLarge
from dfcli.model.failure import FailureDetails, describe
from dfcli.model.history import OperationResult
from dfcli.model.payload import NOTHING, PAYLOAD_BYTES_MAX, Payload, encode

BATCH_BYTES_MAX = 384 * 1024
"""Of what a batch's line says of its operations; a line may have 1 MiB, and one failure may have 256 KiB."""
SHOWN_RESULT_BYTES_MAX = 1024
"""A longer result stands with its caller only."""
_RESULT_BYTES = 24
_SENT_BYTES = 96


class Ended(NamedTuple):
    """How one operation ended."""

    operation: Operation
    result: Payload
    failure: FailureDetails | None

    def shown(self) -> OperationResult:
        """What the batch's line says of it."""
        raw = self.result.raw
        if raw is UNSET or len(bytes(raw)) > SHOWN_RESULT_BYTES_MAX:
            raw = UNSET
        return OperationResult(seq=self.operation.seq, result=raw, failure=self.failure)


class Batch:
    """Operations under way. Used by one thread at a time: the host's, then the one that runs it, then the host's."""

    def __init__(
        self,
        definition: FunctionDefinition,
        entity_id: EntityId,
        state: Payload,
        operations: Sequence[Operation],
        *,
        rollback: bool,
        new_id: Callable[[], str],
        is_late: Callable[[], bool] = lambda: False,
    ) -> None:
        self.operations = operations
        self.definition = definition
        self.before = state
        self.ended: list[Ended] = []
        """In order; not all of the operations when their line would become too long."""
        self._rollback = rollback
        self._entity_id = entity_id
        self._new_id = new_id
        self._is_late = is_late
        self._bytes = 0
        # What the running operation works on; `authoring.entity.OperationWishes`.
        self.entity_id = entity_id
        self.operation = ""
        self.input = NOTHING
        self.state = state
        self.sent: list[SignalWish | StartWish] = []
        self.result = NOTHING
        self._new_context: Callable[[Batch], DurableEntityContext] = definition.context_type or DurableEntityContext
        self._context = self._new_context(self)
        self._saved = (state, 0)

    def new_id(self) -> str:
        return self._new_id()

    @property
    def next(self) -> Operation | None:
        """What is to be run now; None when the batch is over, because all is done, or enough for now."""
        done = len(self.ended)
        if done == len(self.operations) or self._bytes >= BATCH_BYTES_MAX or (done and self._is_late()):
            return None
        return self.operations[done]

    def call(self, operation: Operation) -> Any:
        """Run the code of one operation: what it returns, for `async def` something to await. Raises what it raises."""
        self.operation, self.input, self.result = operation.operation, operation.payload, NOTHING
        self._saved = (self.state, len(self.sent))
        self._context = self._new_context(self)
        function = self.definition.function
        if self.definition.is_class:
            return self._call_method(function)
        if self.definition.input_parameter is not None:
            return function(self._context, value_of(*self.input, _input_type(function)))
        return function(self._context)

    def succeed(self, operation: Operation, value: Any) -> None:
        """Take what the code returned. Raises when that cannot be a result."""
        if not self._context.has_result:
            self.result = _result(value)
        self._context.settle()
        self._end(Ended(operation, self.result, None))

    def fail(self, operation: Operation, error: BaseException) -> None:
        """Take what the code raised."""
        if not self._rollback or self.definition.on_rollback is not None:
            with contextlib.suppress(Exception):  # what cannot be written stays as it was
                self._context.settle()
        if self._rollback:
            if self.definition.on_rollback is not None and self.state != self._saved[0]:
                self.definition.on_rollback()
            self.state, sent = self._saved
            del self.sent[sent:]
        try:
            failure = describe(error, hide=OWN_FILES)
        except Exception:  # its own members raise: the caller must be answered all the same
            failure = FailureDetails(error_type=type(error).__name__, error_message="<unprintable>")
        self._end(Ended(operation, NOTHING, failure))

    def _end(self, ended: Ended) -> None:
        self.ended.append(ended)
        shown = ended.shown()
        self._bytes += _RESULT_BYTES + (len(bytes(shown.result)) if shown.result is not UNSET else 0)
        self._bytes += _SENT_BYTES * (len(self.sent) - self._saved[1])
        failure = ended.failure
        while failure is not None:
            self._bytes += 64 + len(failure.error_message.encode()) + len((failure.stack_trace or "").encode())
            failure = failure.inner_failure

    def _call_method(self, entity_class: Callable[[], Any]) -> Any:
        name = _method_name(entity_class, self.operation)
        entity: DurableEntity = entity_class()
        entity.entity_context = self._context
        method = getattr(entity, name)
        return (
            method(value_of(*self.input, _input_type(getattr(entity_class, name))))
            if _takes_input(entity_class, name)
            else method()
        )


class UnknownOperation(Exception):
    """The entity's class has no such method."""


def run(batch: Batch) -> None:
    """Run a batch of plain functions in the calling thread. `sys.exit()` in one fails the operation."""
    while (operation := batch.next) is not None:
        try:
            batch.succeed(operation, batch.call(operation))
        except BaseException as error:
            batch.fail(operation, error)


def _method_name(entity_class: Any, operation: str) -> str:
    names = operations_of(entity_class)
    if operation in names:
        return operation
    for name in names:
        if name.casefold() == operation.casefold():
            return name
    known = ", ".join(f"'{name}'" for name in sorted(names))
    raise UnknownOperation(f"entity '{entity_class.__name__}' has no operation '{operation}'; it has {known}")


@lru_cache(maxsize=1024)
@lru_cache(maxsize=1024)
def _input_type(function: Callable[..., Any]) -> Any:
    """The type of the app's that an operation's last parameter names; None for none."""
    names = list(inspect.signature(function).parameters)
    return annotation(function, names[-1]) if names else None


def _takes_input(entity_class: Any, name: str) -> bool:
    try:
        inspect.signature(getattr(entity_class, name)).bind(None, None)
    except TypeError:
        return False
    return True


def _result(value: Any) -> Payload:
    result = encode(value)
    if result.size > PAYLOAD_BYTES_MAX:
        raise PayloadTooLarge(f"the result of {result.size} bytes exceeds the limit of {PAYLOAD_BYTES_MAX}")
    return result
