"""One shape for every refusal: what happened, why, and how to go on.

`cli.main` alone turns an error into an exit code on the terminal, `http` alone into a status code. Standard
library only. Signals that must pass through user code's `except Exception` derive from `BaseException` and live
beside the code that raises them.
"""

from __future__ import annotations


class DfError(Exception):
    """A refusal the reader can act on. `exit_code` is the process's, from the table in docs/cli.md."""

    exit_code = 1
    code = "error"
    """Stable word for machines: the `error.code` of an HTTP body."""

    def __init__(self, what: str, *, why: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint


class InvalidArgument(DfError):
    """The caller's words are wrong: a bad id, name, number or filter."""

    exit_code = 2
    code = "invalid_argument"


class InvalidJson(InvalidArgument):
    """A payload that is not strict JSON; `why` says where."""

    code = "invalid_json"


class PayloadTooLarge(InvalidArgument):
    code = "too_large"


class UnknownFunction(InvalidArgument):
    """No such function is registered; `why` lists those that are."""

    code = "unknown_function"


class NotFound(DfError):
    """No such instance, file or hub."""

    exit_code = 3
    code = "not_found"


class Unavailable(DfError):
    """The host or the hub cannot serve now: locked, not running, port in use, stopping."""

    exit_code = 4
    code = "unavailable"


class HubLocked(Unavailable):
    """Another process holds the hub's lock; `why` says who."""

    code = "hub_locked"


class HubUnreadable(Unavailable):
    """The hub's folder cannot be used: permissions, a newer format, not a hub."""

    code = "hub_unreadable"


class NoSpace(Unavailable):
    """The disk is full: nothing was acknowledged, nothing is lost."""

    code = "no_space"


class OutcomeUnknown(Unavailable):
    """The host stopped between taking a request and making it durable: it may or may not have happened."""

    code = "outcome_unknown"


class Disagreement(DfError):
    """Code and history, or a check and its subject, do not agree."""

    exit_code = 5
    code = "mismatch"


class WrongState(DfError):
    """The instance is not in a state that allows the operation."""

    exit_code = 6
    code = "conflict"


class InstanceExists(WrongState):
    """A live instance holds the id."""


class InstanceGone(WrongState):
    """The instance has ended: it takes no events and cannot be stopped."""

    code = "gone"


class Quarantined(WrongState):
    """The instance's files are damaged: it can be read as far as they go, and is not run. `why` names file and line."""

    code = "quarantined"


class TimedOut(DfError):
    exit_code = 7
    code = "timeout"


class AppLoadError(DfError):
    """The app's code cannot be loaded; `why` names file and line."""

    exit_code = 8
    code = "app_load_error"


class HostStopped(DfError):
    """A sync failed: after that nothing may be acknowledged, so the host ends itself and recovery decides."""

    exit_code = 74
    code = "host_stopped"
