"""Where code and history part: the engine's mismatch, or an output that is another one now."""

from __future__ import annotations

from collections.abc import Sequence

from dfcli.engine.cursor import Difference
from dfcli.engine.execution import NonDeterminismError
from dfcli.model.history import ExecutionCompleted
from dfcli.replay.view import Divergence, Step


def of_mismatch(error: NonDeterminismError) -> Divergence:
    """A decision that differs."""
    return Divergence(
        seq=error.seq,
        event_id=error.event_id,
        recorded=error.recorded_text,
        asked=error.asked_text,
        location=error.location,
        what=error.what,
        why=error.why,
        hint=error.hint,
        vendor_text=error.vendor_text,
    )


def of_output(differences: Sequence[Difference], steps: Sequence[Step]) -> Divergence | None:
    """The same end with another output; None when the output is the same."""
    for recorded, text in differences:
        if isinstance(recorded, ExecutionCompleted):
            before, _, now = text.partition(", the code now gives ")
            where = next((step.location for step in reversed(steps) if step.seq == recorded.seq), None)
            return Divergence(
                seq=recorded.seq,
                event_id=recorded.event_id,
                recorded=before.removeprefix("the output was recorded as "),
                asked=f"gives {now}",
                location=where,
                what=f"replay ended differently at event {recorded.seq}: {text}",
                why="the orchestrator computes its output in another way now, or from something outside its history",
                hint="nothing is wrong with the instance, which has ended; a new one will give the new output",
            )
    return None


def warnings(differences: Sequence[Difference]) -> list[str]:
    """What differs without consequence for the decisions."""
    return [
        f"event {recorded.seq}: {text}"
        for recorded, text in differences
        if not isinstance(recorded, ExecutionCompleted)
    ]
