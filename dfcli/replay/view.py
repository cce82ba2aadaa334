"""What the debugger shows, as data: a recorded history re-run against code, event by event.

All text is ready to print and short; nothing here refers to live objects, so a `Replay` can be kept and sent as JSON.
"""

from __future__ import annotations

import msgspec

from dfcli.model.query import CodeLocation


class Frame(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """One function of the orchestrator that is suspended, with its local variables as short text."""

    location: CodeLocation
    source: str = ""
    """The line itself, without indentation; empty when the file cannot be read."""
    variables: dict[str, str] = {}


class Step(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One event of the history and what it did. Steps come in the order in which the code saw the events:
    `OrchestratorStarted`, then what arrived, each followed by the decisions it led to, then `OrchestratorCompleted`.
    """

    seq: int
    """The line's number in the history."""
    episode: int
    """Counted from 1; 0 for a line that no episode has seen yet."""
    event_type: str
    event_id: int = -1
    timestamp: str
    what: str
    """One sentence without a full stop."""
    is_decision: bool = False
    """Whether the code asked for it, as against something that arrived or frames an episode."""
    location: CodeLocation | None = None
    """A decision: the line that asked for it. Something that arrived: the line where the code waits after it."""
    frames: list[Frame] = []
    """After something arrived: the suspended functions of the app, outermost first. Empty once the code has ended."""


class Divergence(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The first place where history and code disagree. Nothing after it has been run."""

    seq: int
    """The line of the history; for something the code asks beyond it, the last line that agreed."""
    event_id: int = -1
    recorded: str
    """What the history holds there, in words."""
    asked: str
    """What the code does there instead, in words."""
    location: CodeLocation | None = None
    what: str
    """One sentence with all of the above."""
    why: str = ""
    hint: str = ""
    vendor_text: str = ""
    """The message Durable Functions gives for it; empty where it has none."""


class Replay(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A history re-run against code."""

    instance_id: str
    name: str
    """The orchestrator."""
    steps: list[Step]
    """Up to the divergence, or the whole history."""
    divergence: Divergence | None
    warnings: list[str]
    """What differs without changing the decisions: inputs, due times, ids of sub-orchestrations."""
    is_finished: bool
    """Whether the history ends with the instance's end."""
