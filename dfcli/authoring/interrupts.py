"""Whether a KeyboardInterrupt that reaches us out of user code is Ctrl-C, or just an exception that the code raised.

Python raises it wherever the main thread happens to be when Ctrl-C is pressed, also in an orchestrator. A process that
handles the signal itself never sees that: whatever is raised then is the code's own, and fails the task or instance.
"""

from __future__ import annotations

_can_be_real = True


def handled_elsewhere() -> None:
    """Ctrl-C has a handler of its own in this process."""
    global _can_be_real
    _can_be_real = False


def is_interrupt(error: BaseException) -> bool:
    """Whether the error must be passed on, since it may be Ctrl-C."""
    return _can_be_real and isinstance(error, KeyboardInterrupt)
