"""Which versions of an orchestration this host runs: compared as Durable Functions compares them.

A version is text that whoever starts an instance gives it, or `default_version`. Numbers separated by dots, two to
four of them, compare as numbers; everything else compares as text without regard to case; none is older than any.
"""

from __future__ import annotations

import re

from dfcli.host.settings import HostSettings
from dfcli.model.failure import FailureDetails

_NUMBERS = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}")

MISMATCH = "VersionMismatch"
MISMATCH_REASON = "Orchestration version did not comply with Worker Versioning"


def compare(left: str | None, right: str | None) -> int:
    """Below, at or above zero, as `left` is older than, the same as or newer than `right`."""
    a, b = (left or "").strip(), (right or "").strip()
    if not a or not b:
        return bool(a) - bool(b)
    if _NUMBERS.fullmatch(a) and _NUMBERS.fullmatch(b):
        x, y = _numbers(a), _numbers(b)
    else:
        x, y = (a.casefold(),), (b.casefold(),)  # type: ignore[assignment]  # compared in the same way
    return (x > y) - (x < y)


def refusal(version: str | None, settings: HostSettings) -> str:
    """Why an instance of that version is not run here; empty when it is.

    With no `default_version` the app does not use versions, and only a strict host looks at them.
    """
    ours = settings.default_version
    match settings.version_match:
        case "strict":
            runs = (version or "") == ours
        case "current_or_older":
            runs = not ours or compare(version, ours) <= 0
        case "none":
            runs = True
    if runs:
        return ""
    theirs = f"version {version!r}" if version else "no version"
    return f"it has {theirs}, and this host runs {_worded(ours, settings.version_match)}"


def mismatch_failure() -> FailureDetails:
    """How an instance fails whose version is not run, where the settings say that it fails."""
    return FailureDetails(error_type=MISMATCH, error_message=MISMATCH_REASON, is_non_retriable=True)


def _numbers(version: str) -> tuple[int, ...]:
    """With missing parts as minus one: to .NET, 1.0 is older than 1.0.0."""
    parts = [int(part) for part in version.split(".")]
    return (*parts, *[-1] * (4 - len(parts)))


def _worded(ours: str, strategy: str) -> str:
    if not ours:
        return "only instances without one"
    return f"only {ours!r}" if strategy == "strict" else f"{ours!r} and older ones"
