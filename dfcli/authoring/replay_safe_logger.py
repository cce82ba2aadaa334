"""A logger for orchestrators that says nothing while the code is replayed, whoever handles the lines."""

from __future__ import annotations

from typing import Any, Protocol


class Replaying(Protocol):
    is_replaying: bool


class ReplaySafeLogger:
    """Wraps a `logging.Logger` or `LoggerAdapter`; its methods log only what happens for the first time."""

    __slots__ = ("_logger", "_wishes")

    def __init__(self, logger: Any, wishes: Replaying) -> None:
        self._logger = logger
        self._wishes = wishes

    def debug(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("debug", (msg, *args), kwargs)

    def info(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("info", (msg, *args), kwargs)

    def warning(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("warning", (msg, *args), kwargs)

    def error(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("error", (msg, *args), kwargs)

    def critical(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("critical", (msg, *args), kwargs)

    def exception(self, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("exception", (msg, *args), kwargs)

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        self._log("log", (level, msg, *args), kwargs)

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - logging's own name
        """Whether a line of that level would be logged now."""
        return not self._wishes.is_replaying and bool(self._logger.isEnabledFor(level))

    def _log(self, method: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not self._wishes.is_replaying:
            kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 2  # the line of the app, not one of ours
            getattr(self._logger, method)(*args, **kwargs)
