"""Text of users made harmless for terminals and for logs: control characters, escape sequences, bidi overrides.

They are shown, never obeyed, and cannot forge a line.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f\x7f", "\x7f", 1))


def visible(text: str) -> str:
    """`text` on one line, with everything a terminal would obey or hide written as an escape."""
    return _UNSAFE.sub(_escape, text)


def visible_lines(text: str) -> list[str]:
    """`text` as lines, each of them visible."""
    return [visible(line) for line in text.replace("\r\n", "\n").replace("\t", "    ").split("\n")]


def visible_json(text: str) -> str:
    """JSON with what a terminal would obey written as JSON escapes: it stays the same JSON."""
    return _UNSAFE_IN_JSON.sub(_json_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    short = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
    if short:
        return short
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escape(match: re.Match[str]) -> str:
    units = match.group().encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2))
