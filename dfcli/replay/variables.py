"""Local variables as short text that is safe to make: nothing a value's own `repr` does can hurt the debugger."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import FrameType, FunctionType, ModuleType
from typing import Any
from uuid import UUID

from dfcli.authoring.context import OrchestrationContext
from dfcli.authoring.tasks import Task

TEXT_CHARACTERS_MAX = 120

_PRINTABLE = (
    bool, int, float, complex, str, bytes, type(None), list, tuple, dict, set, frozenset,
    datetime, date, time, timedelta, Decimal, UUID, Enum, Task, OrchestrationContext, BaseException,
)  # fmt: skip
_NO_REPR: object = object.__repr__
"""What a class has that says nothing about its instances but their address."""


class _Short(reprlib.Repr):
    """Nested values by the rule of `short`, too."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 3
        self.maxlist = self.maxtuple = self.maxset = self.maxfrozenset = self.maxdict = 6
        self.maxstring = self.maxother = self.maxlong = 80

    def repr_instance(self, x: Any, level: int) -> str:
        del level
        kind = type(x)
        if isinstance(x, type):
            return f"<class {x.__qualname__}>"
        if isinstance(x, FunctionType | ModuleType):
            return f"<{kind.__name__} {x.__name__}>"
        is_plain = isinstance(x, _PRINTABLE) or dataclasses.is_dataclass(x)
        if not is_plain and getattr(kind, "__repr__", None) is _NO_REPR:
            return f"<{kind.__qualname__}>"
        try:
            text = repr(x)
        except Exception as error:
            return f"<{kind.__qualname__}, whose repr raised {type(error).__name__}>"
        return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 3] + "..."


_short = _Short()


def short(value: Any) -> str:
    """At most 120 characters for any value."""
    try:
        text = _short.repr(value)
    except Exception as error:  # a broken __len__ or __iter__ of a subclass of list or dict
        text = f"<{type(value).__qualname__}, whose repr raised {type(error).__name__}>"
    text = text.replace("\n", "\\n")
    return text if len(text) <= TEXT_CHARACTERS_MAX else text[: TEXT_CHARACTERS_MAX - 3] + "..."


def variables_of(frame: FrameType) -> dict[str, str]:
    """The local variables of a frame, in order, without what Python itself puts there."""
    local: Mapping[str, Any] = frame.f_locals
    return {name: short(value) for name, value in local.items() if not name.startswith((".", "__"))}
