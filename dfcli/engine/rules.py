"""The rules an execution follows, from its first line to its last replay: `ExecutionStarted.Rules` names them.

A change of behaviour on replay needs another entry beside these: what is recorded is replayed by the rules it began
with.
"""

from __future__ import annotations

from dataclasses import dataclass

from dfcli.model.history import AZURE_RULES, REPLAY_RULES


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between the flavours, where an orchestrator can see it."""

    name: str
    waits_schedule: bool = False
    """Whether a call is scheduled, and numbered, when the code first waits for it, alone or as a part."""
    all_fails_fast: bool = False
    """Whether `task_all` fails with its first failed child instead of once all have completed."""
    delays_after_last: bool = False
    """Whether a retry policy's last failure surfaces after one more timer, due at once."""
    wordless_errors_show_classes: bool = False
    """Whether an instance that fails with an error without a text shows `<class 'ValueError'>` instead of a name."""
    newest_wait_first: bool = False
    """Whether an event goes to the newest of several waits for its name."""
    child_ids_are_opaque: bool = False
    """Whether sub-orchestrations without an id are always named after the execution's id."""


NATIVE = Rules(REPLAY_RULES)
AZURE = Rules(
    AZURE_RULES,
    waits_schedule=True,
    all_fails_fast=True,
    delays_after_last=True,
    wordless_errors_show_classes=True,
    newest_wait_first=True,
    child_ids_are_opaque=True,
)
"""Those of the 1.x line of Azure's SDK for Python."""

_KNOWN = {rules.name: rules for rules in (NATIVE, AZURE)}
KNOWN = ", ".join(_KNOWN)


def rules_named(name: str) -> Rules | None:
    """None for a name that this version does not know."""
    return _KNOWN.get(name)
