"""What a rewind did, or would do, as its caller is told."""

from __future__ import annotations

import msgspec


class VoidedLine(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line that no longer counts."""

    seq: int
    event_type: str
    event_id: int = -1
    name: str = ""


class RewindReport(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One rewind. Lists are in the order in which things happened; activities and children are named with ids."""

    instance_id: str
    cut: int
    """Seq of the first line that the code is to see otherwise."""
    voided: list[VoidedLine] = []
    runs_again: list[str] = []
    """Activities, as `name #event id`: those that failed or were undone as far as the code asks for them at once, and
    those that were still running."""
    rewound_children: list[str] = []
    """Ids of sub-orchestrations that are rewound with it, theirs included."""
    new_children: list[str] = []
    """Ids of those that are started anew."""
    ended_children: list[str] = []
    """Ids of those that are terminated: the code has yet to ask for them again."""
    critical_section: str = ""
    """The entities whose lock request the cut was moved to."""
    fails_again: str = ""
    """The failure with which the code ends again at once; empty when it goes on."""
    verified: bool = True
    """Whether the app's code was replayed against what is left of the history."""
    warnings: list[str] = []
