"""What the terminal may be told: visible text, colour where it is wanted, results on stdout and talk on stderr.

Strings of users reach the terminal only through `visible`: a control character, an escape sequence or a bidi override
in an instance id or a payload is shown, never obeyed.
"""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from typing import TextIO

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_UNSAFE_IN_JSON = re.compile(_UNSAFE.pattern.replace("\x00-\x1f\x7f", "\x7f", 1))
_SGR = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_STATUS_COLOURS = {
    "Completed": "green",
    "Failed": "red",
    "Terminated": "yellow",
    "Suspended": "yellow",
    "Running": "cyan",
    "Pending": "blue",
}


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


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream."""
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def colours(stream: TextIO) -> bool:
    """Whether colour is wanted: only on a terminal, and never under NO_COLOR or a dumb terminal."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """`text` in colour where colour is wanted; the text itself must say what the colour says."""
    if not styles or not colours(stream or sys.stdout):
        return text
    return f"\x1b[{';'.join(_SGR[style] for style in styles)}m{text}\x1b[0m"


def status_colour(status: str) -> tuple[str, ...]:
    """The styles of a runtime status."""
    colour = _STATUS_COLOURS.get(status)
    return (colour,) if colour else ()


def cells(text: str) -> int:
    """How many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    wide = sum(1 for c in text if unicodedata.east_asian_width(c) in "WF")
    return len(text) + wide - sum(1 for c in text if unicodedata.combining(c))


def width(stream: TextIO | None = None) -> int:
    """Columns of the terminal; 0 when nobody looks, so that nothing is cut."""
    if not is_terminal(stream or sys.stdout):
        return 0
    try:
        return int(os.environ.get("COLUMNS") or os.get_terminal_size((stream or sys.stdout).fileno()).columns)
    except (OSError, ValueError):
        return 80


def shortened(text: str, limit: int) -> str:
    """`text` cut to `limit` characters with an ellipsis; 0 means no limit."""
    return text if not limit or len(text) <= limit else text[: max(limit - 1, 1)] + "…"


def stand_in_for_closed_streams() -> None:
    """Open the null device where stdin, stdout or stderr was closed before the start (`>&-`).

    The next file to be opened would get the free number otherwise, and what is printed would go into it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_RDWR)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
            os.set_inheritable(number, True)
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def say(line: str = "") -> None:
    """Talk: everything that is not the result. Goes to stderr, and silently nowhere when that is gone."""
    try:
        print(line, file=sys.stderr, flush=True)
    except (OSError, ValueError):
        return


def answer(line: str = "") -> None:
    """One line of the result. Raises BrokenPipeError when the reader left."""
    print(line.encode("utf-8", "backslashreplace").decode() if not line.isascii() else line)


def without_colour(text: str) -> str:
    """`text` without what `paint` added."""
    return re.sub("\x1b\\[[0-9;]*m", "", text)
