"""Values of the app's own classes in and out of payloads, chosen by the code that receives them.

Nothing in a payload selects a class: an object written with `to_json()` is rebuilt only where the receiving code
names its type.
"""

from __future__ import annotations

import dataclasses
from typing import Any

_ENVELOPE = {"__class__", "__module__", "__data__"}


def as_type(value: Any, expected_type: Any) -> Any:
    """`value` as an instance of `expected_type`, when that has `from_json` or is a dataclass; unchanged otherwise.

    The object's own wrapping (`__class__`, `__module__`, `__data__`) is taken off. Raises what `from_json` or the
    dataclass raises.
    """
    if not isinstance(expected_type, type):
        return value
    data = value["__data__"] if isinstance(value, dict) and value.keys() == _ENVELOPE else value
    from_json = getattr(expected_type, "from_json", None)
    if from_json is not None:
        return value if data is None else from_json(data)
    if dataclasses.is_dataclass(expected_type) and isinstance(data, dict):
        return expected_type(**data)
    return value
