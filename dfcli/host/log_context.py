"""What a line of the user's `logging` is told about the function that logged it.

Nothing here is installed by importing it. `dfcli run` puts a `LogContext` on its handlers; a program that embeds a host
puts one on a handler of its own, and its logging is otherwise left alone.
"""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from dfcli.authoring.running import current
from dfcli.model.time import timestamp_from_epoch

MESSAGE_CHARACTERS_MAX = 32_768
_FORMATTER = logging.Formatter()
LEVELS = ("debug", "info", "warning", "error")


class LogContext(logging.Filter):
    """A filter for a handler: `handler.addFilter(df.LogContext())`.

    Each record gets `instance_id`, `function_name`, `function_kind`, `attempt` and `is_replay` (empty, 0 and False
    outside the app's functions), so that a format may name them. What an orchestrator logs while it is replayed is left
    out, or kept with `replay=True`; what it logs while it is dropped from memory is left out always.
    """

    def __init__(self, *, replay: bool = False) -> None:
        super().__init__()
        self._shows_replay = replay

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "function_kind"):  # a worker's records bring theirs along
            function = current.get()
            if function is None:
                mark(record)
            elif function.is_unwinding:
                return False
            else:
                mark(
                    record,
                    function.instance_id,
                    function.name,
                    function.kind,
                    function.attempt,
                    function.is_replaying,
                )
        return self._shows_replay or not record.is_replay  # type: ignore[attr-defined]


def mark(
    record: logging.LogRecord,
    instance_id: str = "",
    function_name: str = "",
    function_kind: str = "",
    attempt: int = 0,
    is_replay: bool = False,
) -> None:
    """Write down whose record it is."""
    record.instance_id = instance_id
    record.function_name = function_name
    record.function_kind = function_kind
    record.attempt = attempt
    record.is_replay = is_replay


class LogLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """A record of `logging` as it stands in the log and travels from workers."""

    kind: str = msgspec.field(default_factory=lambda: "log")  # a factory, so that it is always written
    verb: str = msgspec.field(default_factory=lambda: "logged")
    timestamp: str
    level: str
    logger: str
    message: str
    exception: str = ""
    """The traceback, when the record has one."""
    instance_id: str = ""
    function_name: str = ""
    function_kind: str = ""
    attempt: int = 0
    is_replay: bool = False


def line_of(record: logging.LogRecord) -> LogLine:
    """A record that a LogContext has seen, as a line. Never raises: a message that cannot be made says so."""
    context: dict[str, Any] = {
        name: getattr(record, name, default)
        for name, default in (
            ("instance_id", ""),
            ("function_name", ""),
            ("function_kind", ""),
            ("attempt", 0),
            ("is_replay", False),
        )
    }
    exception = ""
    try:
        message = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            exception = _FORMATTER.formatException(record.exc_info)
        elif record.exc_text:
            exception = record.exc_text
    except Exception as error:  # `%d` of a text, a `__str__` that fails
        message = f"{record.msg!s:.200} (the line cannot be formatted: {type(error).__name__}: {error!s:.200})"
    return LogLine(
        timestamp=timestamp_from_epoch(record.created),
        level=level_word(record.levelno),
        logger=record.name,
        message=_writable(message),
        exception=_writable(exception),
        **context,
    )


def record_of(line: LogLine) -> logging.LogRecord:
    """A worker's line as a record of this process."""
    level = getattr(logging, line.level.upper(), logging.INFO)
    record = logging.LogRecord(line.logger, level, "", 0, "%s", (line.message,), None)
    record.exc_text = line.exception or None
    mark(record, line.instance_id, line.function_name, line.function_kind, line.attempt, line.is_replay)
    return record


def level_word(number: int) -> str:
    """debug, info, warning or error."""
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warning"
    return "info" if number >= logging.INFO else "debug"


def _writable(text: str) -> str:
    """As UTF-8 can hold it, and not beyond all measure."""
    if len(text) > MESSAGE_CHARACTERS_MAX:
        text = f"{text[:MESSAGE_CHARACTERS_MAX]}… ({len(text) - MESSAGE_CHARACTERS_MAX} more characters)"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
