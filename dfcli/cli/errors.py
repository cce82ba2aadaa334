"""How a refusal is told: what happened, why, and how to go on, each on lines of its own, on stderr."""

from __future__ import annotations

import sys

from dfcli.cli import terminal
from dfcli.errors import DfError


def say_error(error: DfError) -> None:
    """The three parts of a refusal, each on lines of its own."""
    for label, text in (("error", error.what), ("why", error.why), ("hint", error.hint)):
        if text:
            indent = "" if label == "error" else "  "
            first, *rest = terminal.visible_lines(text)
            colour = "red" if label == "error" else "cyan" if label == "hint" else "dim"
            terminal.say(f"{indent}{terminal.paint(label + ':', colour, stream=sys.stderr)} {first}")
            for line in rest:
                terminal.say(f"{indent}  {line}")
