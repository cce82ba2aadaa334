"""What rewinds make of a history: which lines are voided, and in which episodes the code decides anew.

A rewind removes nothing. Its line names the lines that no longer count, and a *cut*: an episode that saw the cut, or
holds it, is *open*, for what its code asks is not to be held against what was recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dfcli.model import history as h


class Voids:
    """The rewinds of one execution together. `seq in voids` says whether that line is voided."""

    __slots__ = ("_rewinds", "_seqs")

    def __init__(self, rewinds: Sequence[h.ExecutionRewound]) -> None:
        self._rewinds = rewinds
        self._seqs = {
            seq: rewound.seq
            for rewound in reversed(rewinds)
            for first, last in rewound.voids
            for seq in range(max(first, 1), min(last, rewound.seq - 1) + 1)
        }

    @classmethod
    def of(cls, history: Iterable[h.Event]) -> Voids | None:
        """None for a history that was never rewound."""
        rewinds = [event for event in history if type(event) is h.ExecutionRewound]
        return cls(rewinds) if rewinds else None

    def __contains__(self, seq: int) -> bool:
        return seq in self._seqs

    def voided_by(self, seq: int) -> int:
        """The seq of the rewind that voided a line."""
        return self._seqs[seq]

    def opened_by(self, started: h.OrchestratorStarted, closing_seq: int) -> int:
        """The seq of the first rewind since which the episode from `started` to the line `closing_seq` is to be decided
        anew; 0 when it stands."""
        for rewound in self._rewinds:
            if started.seq < rewound.seq and is_open(started, closing_seq, rewound.cut):
                return rewound.seq
        return 0


def is_open(started: h.OrchestratorStarted, closing_seq: int, cut: int) -> bool:
    """Whether an episode saw the line `cut` or anything later, or holds it itself."""
    return started.consumed >= cut or started.seq < cut <= closing_seq


def effective(history: Sequence[h.Event]) -> list[h.Event]:
    """The lines that still count."""
    voids = Voids.of(history)
    return list(history) if voids is None else [event for event in history if event.seq not in voids]


def ranges(seqs: Iterable[int]) -> list[tuple[int, int]]:
    """Numbers as ranges, ends included."""
    found: list[tuple[int, int]] = []
    for seq in sorted(seqs):
        if found and found[-1][1] == seq - 1:
            found[-1] = found[-1][0], seq
        else:
            found.append((seq, seq))
    return found


def execution_ids(history: Iterable[h.Event]) -> list[tuple[int, str]]:
    """Every id that an execution has had, with the seq of the line that gave it, oldest first."""
    return [
        (event.seq, event.execution_id)
        for event in history
        if type(event) is h.ExecutionStarted or type(event) is h.ExecutionRewound
    ]


def execution_id_at(ids: Sequence[tuple[int, str]], seq: int) -> str:
    """The id under which the line `seq` was written; `ids` are those of `execution_ids`."""
    return next((execution_id for first, execution_id in reversed(ids) if first <= seq), ids[0][1] if ids else "")
