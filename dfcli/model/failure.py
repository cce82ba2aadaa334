"""A failure as data: what the history keeps of an exception, nested to its root cause."""

from __future__ import annotations

import json
import traceback

import msgspec

from dfcli.model.scope import own_name

MESSAGE_CHARACTERS_MAX = 16_384
STACK_TRACE_CHARACTERS_MAX = 32_768
TYPE_CHARACTERS_MAX = 512
CAUSES_MAX = 16
CHAIN_MAX = 32
DETAILS_DEPTH_MAX = 4
DETAILS_TRACE_CHARACTERS_MAX = 4_096
CHAIN_BYTES_MAX = 256 * 1024
"""Of a failure with its causes as JSON. A history line holds one, and a line has its limit (`storage/codec.py`); a
failure that goes up through sub-orchestrations gains a cause at each."""


class FailureDetails(msgspec.Struct, frozen=True, kw_only=True, rename="pascal", omit_defaults=True):
    """Type, message and Python traceback of one exception; `inner_failure` is what caused it."""

    error_type: str
    error_message: str
    stack_trace: str | None = None
    inner_failure: FailureDetails | None = None
    is_non_retriable: bool = False

    def __str__(self) -> str:
        """For people: of our own types the name without the module they are defined in."""
        kind = self.error_type.rpartition(".")[2] if self.error_type.startswith("dfcli.") else self.error_type
        return f"{kind}: {self.error_message}"


def describe(error: BaseException, *, hide: tuple[str, ...] = ()) -> FailureDetails:
    """The details of an exception. Frames of files whose path begins with one of `hide` are left out of the trace."""
    return _shortened(_describe(error, hide, depth=0))


def details_text(failure: FailureDetails) -> str:
    """The details of a failure as apps for Azure parse them: one line of JSON, with the causes nested."""
    return json.dumps(_details(failure), ensure_ascii=False, separators=(",", ":"))


def _details(failure: FailureDetails | None, depth: int = 0) -> dict[str, object] | None:
    if failure is None or depth >= DETAILS_DEPTH_MAX:
        return None
    return {
        "ClassName": failure.error_type,
        "Message": failure.error_message,
        "StackTrace": (failure.stack_trace or "")[-DETAILS_TRACE_CHARACTERS_MAX:],
        "InnerException": _details(failure.inner_failure, depth + 1),
    }


def cut(text: str, characters_max: int = MESSAGE_CHARACTERS_MAX) -> str:
    """The beginning of a long text, and how much is missing."""
    if len(text) <= characters_max:
        return text
    return f"{text[:characters_max]}… ({len(text) - characters_max} more characters)"


def printable(text: str) -> str:
    """`text` with half surrogates escaped, so that it can be written as UTF-8."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _describe(error: BaseException, hide: tuple[str, ...], depth: int) -> FailureDetails:
    recorded = getattr(error, "failure_details", None)
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if isinstance(recorded, FailureDetails) and depth > 0:
        return recorded if cause is None or depth >= CAUSES_MAX else _under(recorded, _describe(cause, hide, depth + 1))
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not (hide and f.filename.startswith(hide))]
    lines = traceback.format_list(frames) + traceback.format_exception_only(error)
    inner: FailureDetails | None = None
    if isinstance(recorded, FailureDetails):
        inner = recorded if cause is None else _under(recorded, _describe(cause, hide, depth + 1))
    elif cause is not None and depth < CAUSES_MAX:
        inner = _describe(cause, hide, depth + 1)
    try:
        message = str(error)
    except Exception:  # a user's __str__ may itself fail
        message = "<unprintable>"
    return FailureDetails(
        error_type=printable(_type_name(error)[:TYPE_CHARACTERS_MAX]),
        error_message=printable(cut(message)),
        stack_trace=printable("".join(lines))[-STACK_TRACE_CHARACTERS_MAX:],
        inner_failure=inner,
    )


def _under(failure: FailureDetails, cause: FailureDetails) -> FailureDetails:
    """The failure with one more cause below its root: a task that failed while another failure was being handled."""
    chain = [failure]
    while chain[-1].inner_failure is not None:
        chain.append(chain[-1].inner_failure)
    for details in reversed(chain):
        cause = msgspec.structs.replace(details, inner_failure=cause)
    return cause


def _type_name(error: BaseException) -> str:
    """With its module, unless it is Python's own or the host's."""
    kind = type(error)
    if kind.__module__ == "builtins" or kind.__module__.startswith("dfcli.host."):
        return kind.__name__
    return f"{own_name(kind.__module__)}.{kind.__qualname__}"


def _shortened(failure: FailureDetails) -> FailureDetails:
    """The failure without the causes in its middle that are too many; the root cause stays."""
    chain = [failure]
    while chain[-1].inner_failure is not None:
        chain.append(chain[-1].inner_failure)
    room = CHAIN_BYTES_MAX - _size(chain[-1])
    kept = 0
    for details in chain[: min(len(chain), CHAIN_MAX) - 1]:
        room -= _size(details)
        if room < 0 and kept:
            break
        kept += 1
    if kept >= len(chain) - 1:
        return failure
    inner = chain[-1]
    for details in reversed(chain[:kept]):
        inner = msgspec.structs.replace(details, inner_failure=inner)
    return inner


def _size(details: FailureDetails) -> int:
    return len(msgspec.json.encode(msgspec.structs.replace(details, inner_failure=None)))
