"""What the code of an entity touches: the context of one operation, and the base of class-style entities.

An operation works on values in memory. What it wishes for, a new state or signals to others, is recorded together once
it is over; one that raises leaves nothing behind unless the app has switched that off.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from dfcli.authoring.context import function_name, timestamp_of
from dfcli.authoring.entity_id import EntityId, entity_id_text
from dfcli.authoring.typed import value_of
from dfcli.errors import PayloadTooLarge
from dfcli.model.ids import CALLED_NAME_LENGTH_MAX, check_called_name, check_instance_id, check_text
from dfcli.model.payload import NOTHING, PAYLOAD_BYTES_MAX, Payload, encode


class SignalWish(NamedTuple):
    """A signal that an operation sends."""

    entity_id: str
    operation: str
    input: Payload
    due: str | None


class StartWish(NamedTuple):
    """An instance that an operation starts."""

    name: str
    instance_id: str
    input: Payload
    version: str | None


class OperationWishes(Protocol):
    """What an operation works on; changed in place."""

    entity_id: EntityId
    operation: str
    input: Payload
    state: Payload
    sent: list[SignalWish | StartWish]
    result: Payload

    def new_id(self) -> str:
        """An id for an instance that is started without one."""
        ...


class DurableEntityContext:
    """One operation of an entity, as its code sees it."""

    __slots__ = ("_existed", "_wishes", "has_result")

    # What differs for apps written with another library; see `compat`.
    _encode: Callable[[Any], Payload] = staticmethod(encode)
    _typed = staticmethod(lambda expected_type: expected_type)

    def __init__(self, wishes: OperationWishes) -> None:
        self._wishes = wishes
        self._existed = wishes.state != NOTHING
        self.has_result = False
        """Whether `set_result` was called."""

    @property
    def entity_name(self) -> str:
        """The name in the entity's id, in lower case."""
        return self._wishes.entity_id.name

    @property
    def entity_key(self) -> str:
        return self._wishes.entity_id.key

    @property
    def entity_id(self) -> EntityId:
        return self._wishes.entity_id

    @property
    def operation_name(self) -> str:
        return self._wishes.operation

    operation = operation_name

    @property
    def is_newly_constructed(self) -> bool:
        """Whether the entity had no state when the operation began."""
        return not self._existed

    def get_input(self, expected_type: Any = None) -> Any:
        """The input of the operation, None for none."""
        return value_of(*self._wishes.input, self._typed(expected_type))

    def get_state(self, initializer: Any = None, expected_type: Any = None) -> Any:
        """The state; for an entity that has none what `initializer()` returns, which is not kept by itself.

        `get_state(type, default)`, the newer form, works too. The value is a copy: `set_state` keeps a change.
        """
        if isinstance(initializer, type) and expected_type is not None and not isinstance(expected_type, type):
            return self.state_as(initializer, expected_type)
        if self._wishes.state == NOTHING:
            return initializer() if callable(initializer) else initializer
        return value_of(*self._wishes.state, self._typed(expected_type))

    def state_as(self, expected_type: Any, default: Any) -> Any:
        """The state as a type, or the default."""
        return default if self._wishes.state == NOTHING else value_of(*self._wishes.state, self._typed(expected_type))

    def set_state(self, state: Any) -> None:
        """Keep a JSON value as the state; None deletes it."""
        self._wishes.state = NOTHING if state is None else self._payload(state, "state")

    def set_result(self, result: Any) -> None:
        """What the caller of the operation gets."""
        self._wishes.result = self._payload(result, "result")
        self.has_result = True

    def destruct_on_exit(self) -> None:
        """Delete the state. An operation that sets one later in the same call keeps it."""
        self._wishes.state = NOTHING

    def settle(self) -> None:
        """The operation is over: the caller's to call, and of no use to the app."""

    def signal_entity(
        self,
        entity_id: EntityId | str,
        operation_name: str,
        operation_input: Any = None,
        signal_time: datetime | None = None,
    ) -> None:
        """Have another entity do something, once this operation is recorded; not before `signal_time`."""
        check_operation(operation_name)
        due = timestamp_of(signal_time) if signal_time is not None else None
        wish = SignalWish(entity_id_text(entity_id), operation_name, self._payload(operation_input, "input"), due)
        self._wishes.sent.append(wish)

    def start_new(
        self,
        name: str | Callable[..., Any],
        instance_id: str | None = None,
        client_input: Any = None,
        version: str | None = None,
    ) -> str:
        """Start an instance of an orchestrator, once this operation is recorded. Its id.

        An id that a live instance holds starts nothing; that is logged.
        """
        called = name if type(name) is str else function_name(name, "orchestrator")
        check_called_name(called)
        check_text("version", version, CALLED_NAME_LENGTH_MAX)
        new_id = check_instance_id(instance_id) if instance_id is not None else self._wishes.new_id()
        self._wishes.sent.append(StartWish(called, new_id, self._payload(client_input, "input"), version))
        return new_id

    def schedule_new_orchestration(
        self, name: str | Callable[..., Any], input: Any = None, instance_id: str | None = None
    ) -> str:
        """The same under its newer name."""
        return self.start_new(name, instance_id, input)

    def _payload(self, value: Any, what: str) -> Payload:
        payload = self._encode(value)
        if payload.size > PAYLOAD_BYTES_MAX:
            raise PayloadTooLarge(f"the {what} of {payload.size} bytes exceeds the limit of {PAYLOAD_BYTES_MAX}")
        return payload

    def __repr__(self) -> str:
        return f"<context of {self._wishes.operation!r} of {self._wishes.entity_id}>"


class DurableEntity:
    """The base of class-style entities: each public method is an operation. A new object serves each operation.

    `def add(self, amount)` takes the operation's input, `def get(self)` none; what a method returns is the result.
    """

    entity_context: DurableEntityContext

    def get_state(self, intended_type: Any = None, default: Any = None) -> Any:
        """The state, or `default` when there is none."""
        return self.entity_context.state_as(intended_type, default)

    def set_state(self, state: Any) -> None:
        """Keep a JSON value as the state; None deletes it."""
        self.entity_context.set_state(state)

    def signal_entity(
        self, entity_id: EntityId | str, operation: str, input: Any = None, signal_time: datetime | None = None
    ) -> None:
        """Have another entity do something, once this operation is recorded."""
        self.entity_context.signal_entity(entity_id, operation, input, signal_time)

    def schedule_new_orchestration(
        self, name: str | Callable[..., Any], input: Any = None, instance_id: str | None = None
    ) -> str:
        """Start an instance of an orchestrator, once this operation is recorded. Its id."""
        return self.entity_context.start_new(name, instance_id, input)

    def delete(self) -> None:
        """The operation that deletes the state, unless the class has one of its own."""
        self.set_state(None)


NO_OPERATIONS = frozenset(name for name in vars(DurableEntity) if name != "delete")
"""Names of the base that are no operations."""


def check_operation(operation: object) -> None:
    """Whether this can be the name of an operation. TypeError, ValueError, InvalidArgument."""
    if not isinstance(operation, str):
        raise TypeError(f"an operation is named by text, not by {type(operation).__name__}")
    if not operation:
        raise ValueError("the operation has an empty name")
    check_text("operation", operation, CALLED_NAME_LENGTH_MAX)
