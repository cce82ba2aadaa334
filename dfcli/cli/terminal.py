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

from dfcli.env.visible import visible as visible
from dfcli.env.visible import visible_json as visible_json
from dfcli.env.visible import visible_lines as visible_lines

_SGR = {"bold": "1", "dim": "2", "strike": "9", "red": "31", "green": "32", "yellow": "33", "blue": "34", "cyan": "36"}
_STATUS_COLOURS = {
    "Completed": "green",
    "Failed": "red",
    "Terminated": "yellow",
    "Suspended": "yellow",
    "Running": "cyan",
    "Pending": "blue",
}


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
