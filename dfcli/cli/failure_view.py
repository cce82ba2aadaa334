"""A failure for a person: what it was, where in the code, and what caused it, down to the root."""

from __future__ import annotations

from collections.abc import Iterator

from dfcli.cli import terminal
from dfcli.model.failure import FailureDetails

TRACE_LINES_SHOWN = 12
CAUSES_SHOWN = 6
"""The first of them and the last, which is the root."""
INDENT = 12


def lines(failure: FailureDetails) -> Iterator[str]:
    """The failure with its traceback, and each cause with its own. All of it is in `-o json`."""
    yield from _one("failure", failure)
    causes = []
    inner = failure.inner_failure
    while inner is not None:
        causes.append(inner)
        inner = inner.inner_failure
    left_out = len(causes) - CAUSES_SHOWN
    for number, cause in enumerate(causes):
        if left_out > 0 and number == CAUSES_SHOWN - 1:
            yield f"{'':{INDENT}}… {left_out} causes between; all of them: -o json"
        if left_out <= 0 or number < CAUSES_SHOWN - 1 or number == len(causes) - 1:
            yield from _one("caused by", cause)


def _one(label: str, failure: FailureDetails) -> Iterator[str]:
    yield f"{label:{INDENT}}{terminal.paint(terminal.visible(str(failure)), 'red')}"
    trace = terminal.visible_lines((failure.stack_trace or "").rstrip())
    if trace and trace[-1] == terminal.visible(str(failure)):
        trace.pop()  # said already
    if trace in ([], [""]):
        return
    if len(trace) > TRACE_LINES_SHOWN:
        yield f"{'':{INDENT}}… {len(trace) - TRACE_LINES_SHOWN} lines above; all of them: -o json"
    for line in trace[-TRACE_LINES_SHOWN:]:
        yield f"{'':{INDENT}}{line}"
