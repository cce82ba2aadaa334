"""Transitions and log lines as text for a person."""

from __future__ import annotations

from msgspec import UNSET

from dfcli.cli import moments, terminal
from dfcli.host.log_context import LogLine
from dfcli.host.transitions import Transition

_GOOD = {"completed", "fired", "resumed"}
_BAD = {"failed", "terminated"}


def text_of(entry: Transition | LogLine, coloured: bool = False) -> str:
    """One entry: time, instance, what happened to what. A log line with a traceback has several lines, indented."""
    if isinstance(entry, LogLine):
        return _log_text(entry, coloured)
    words = [entry.verb]
    name = entry.function_name or entry.event_name
    if entry.kind != "orchestrator":
        words.insert(0, entry.kind)
    if name:
        words.insert(len(words) - 1 if entry.kind != "orchestrator" else len(words), name)
    if entry.detail:
        words.append(entry.detail)
    if entry.duration_ms is not None:
        words.append(f"in {moments.elapsed(entry.duration_ms / 1000)}")
    for sort, payload in (("input", entry.input), ("output", entry.output)):
        if payload is not UNSET:
            words.append(f"{sort} {bytes(payload).decode('utf-8', 'backslashreplace')}")
    what = terminal.visible(" ".join(words))
    if coloured:
        code = "31" if entry.verb in _BAD else "32" if entry.verb in _GOOD else ""
        what = f"\x1b[{code}m{what}\x1b[0m" if code else what
    return f"{entry.timestamp[11:23]}  {terminal.visible(entry.instance_id)}  {what}"


def _log_text(line: LogLine, coloured: bool) -> str:
    whose = line.function_name or line.logger
    replay = " (replay)" if line.is_replay else ""
    first, *rest = terminal.visible_lines(line.message)
    rest += terminal.visible_lines(line.exception) if line.exception else []
    what = f"{terminal.visible(whose)}{replay} {line.level}: {first}"
    if coloured and line.level in ("warning", "error"):
        what = f"\x1b[{'31' if line.level == 'error' else '33'}m{what}\x1b[0m"
    where = f"{terminal.visible(line.instance_id)}  " if line.instance_id else ""
    return "\n".join([f"{line.timestamp[11:23]}  {where}{what}", *(f"    {text}" for text in rest)])
