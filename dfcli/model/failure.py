"""A failure as data: what the history keeps of an exception, nested to its root cause."""

from __future__ import annotations

import traceback

import msgspec

STACK_TRACE_CHARACTERS_MAX = 32_768
CAUSES_MAX = 16


class FailureDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Type, message and Python traceback of one exception; `inner_failure` is what caused it."""

    error_type: str
    error_message: str
    stack_trace: str | None = None
    inner_failure: FailureDetails | None = None
    is_non_retriable: bool = False

    def __str__(self) -> str:
        return f"{self.error_type}: {self.error_message}"


def describe(error: BaseException, *, hide: tuple[str, ...] = ()) -> FailureDetails:
    """The details of an exception. Frames of files whose path begins with one of `hide` are left out of the trace."""
    return _describe(error, hide, depth=0)


def printable(text: str) -> str:
    """`text` with half surrogates escaped, so that it can be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _describe(error: BaseException, hide: tuple[str, ...], depth: int) -> FailureDetails:
    recorded = getattr(error, "failure_details", None)
    if isinstance(recorded, FailureDetails) and depth > 0:
        return recorded
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not (hide and f.filename.startswith(hide))]
    lines = traceback.format_list(frames) + traceback.format_exception_only(error)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    inner: FailureDetails | None = None
    if isinstance(recorded, FailureDetails):
        inner = recorded
    elif cause is not None and depth < CAUSES_MAX:
        inner = _describe(cause, hide, depth + 1)
    try:
        message = str(error)
    except Exception:  # a user's __str__ may itself fail
        message = "<unprintable>"
    return FailureDetails(
        error_type=type(error).__name__ if type(error).__module__ == "builtins" else _qualified(type(error)),
        error_message=printable(message),
        stack_trace=printable("".join(lines))[-STACK_TRACE_CHARACTERS_MAX:],
        inner_failure=inner,
    )


def _qualified(kind: type[BaseException]) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
