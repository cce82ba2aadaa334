"""Where an orchestrator stands in its source: the frames of suspended code, and of code that is running now.

Frames of dfcli itself are not the app's and are left out.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from functools import lru_cache
from opcode import opmap
from types import CodeType, FrameType, TracebackType
from typing import Any

from dfcli.model.query import CodeLocation

_PACKAGE = __file__.rpartition("engine")[0]
OWN_FILES = (_PACKAGE + "engine", _PACKAGE + "authoring", _PACKAGE + "replay")
"""How the paths of our own source files around the app's code begin."""

_HANDLER_OF_USER_CODE = opmap["PUSH_EXC_INFO"]


def suspended_frames(code: Any) -> list[FrameType]:
    """The app's frames of a suspended generator or coroutine, outermost first; empty when it has ended."""
    return [frame for frame in _chain(code) if not frame.f_code.co_filename.startswith(OWN_FILES)]


def suspended_location(code: Any) -> CodeLocation | None:
    """The line at which suspended code waits: the innermost of the app's."""
    frames = suspended_frames(code)
    return location(frames[-1]) if frames else None


def running_location() -> CodeLocation | None:
    """The line of the app that is calling into dfcli at this moment. Only while user code runs."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(OWN_FILES):
        frame = frame.f_back
    return None if frame is None else location(frame)


def raising_location(trace: TracebackType | None) -> CodeLocation | None:
    """The innermost line of the app in a traceback."""
    found: CodeLocation | None = None
    while trace is not None:
        if not trace.tb_frame.f_code.co_filename.startswith(OWN_FILES):
            code = trace.tb_frame.f_code
            found = CodeLocation(code.co_filename, trace.tb_lineno, code.co_name)
        trace = trace.tb_next
    return found


def location(frame: FrameType) -> CodeLocation:
    """Where a frame stands."""
    return CodeLocation(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)


def holds_cleanup(code: Any) -> bool:
    """Whether dropping suspended code would run code of the app: it stands inside a `try` or a `with`."""
    return any(_is_guarded(frame.f_code, frame.f_lasti) for frame in _chain(code))


def _chain(code: Any) -> Iterator[FrameType]:
    while code is not None:
        frame = getattr(code, "gi_frame", None) or getattr(code, "cr_frame", None)
        if frame is None:
            return
        yield frame
        code = getattr(code, "gi_yieldfrom", None) or getattr(code, "cr_await", None)


@lru_cache(maxsize=1024)
def _is_guarded(code: CodeType, offset: int) -> bool:
    """Whether an exception raised at `offset` reaches a handler that the source spells out.

    CPython also compiles handlers that nobody wrote: around a generator's body, around `await` and `yield from`,
    around inlined comprehensions. Those do not begin with PUSH_EXC_INFO and pass the exception on, so the search
    goes on from where they stand.
    """
    seen: set[int] = set()
    while offset not in seen:
        seen.add(offset)
        target = next(
            (target for start, end, target in _handlers(code.co_exceptiontable) if start <= offset < end), None
        )
        if target is None:
            return False
        if code.co_code[target] == _HANDLER_OF_USER_CODE:
            return True
        offset = target
    return False


def _handlers(table: bytes) -> Iterator[tuple[int, int, int]]:
    """Start, end and handler of each entry of a code object's exception table, as byte offsets."""
    numbers = _numbers(table)
    for start in numbers:
        length, target, _depth = next(numbers), next(numbers), next(numbers)
        yield start * 2, (start + length) * 2, target * 2


def _numbers(table: bytes) -> Iterator[int]:
    """The table's numbers: six bits to a byte, the highest first, bit 6 set on all but a number's last."""
    value = 0
    for byte in table:
        value = value << 6 | byte & 63
        if not byte & 64:
            yield value
            value = 0
