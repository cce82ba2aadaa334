"""What an orchestrator catches when something it called has failed."""

from __future__ import annotations

from dfcli.model.failure import FailureDetails
from dfcli.model.scope import own_name


class TaskFailedError(Exception):
    """An activity or a sub-orchestration failed, after all attempts of its retry policy.

    Its text is Durable Functions' own: the reason and, where the history has them, the details.
    """

    def __init__(
        self,
        reason: str,
        details: str = "",
        *,
        task_name: str = "",
        failure_details: FailureDetails | None = None,
        seq: int = 0,
    ) -> None:
        super().__init__(f"{reason} \n {details}" if details else reason)
        self.reason = reason
        self.details = details
        self.task_name = task_name
        """The activity or orchestrator that failed."""
        self.failure_details = failure_details
        """Type, message and traceback as recorded, nested to the root cause."""
        self.seq = seq
        """The line of the history that brought the failure; 0 when there is none."""

    @property
    def error_type(self) -> str:
        """The type of the exception that was raised, with its module unless it is built in."""
        return self.failure_details.error_type if self.failure_details else ""

    @property
    def error_message(self) -> str:
        return self.failure_details.error_message if self.failure_details else self.reason

    @property
    def stack_trace(self) -> str | None:
        return self.failure_details.stack_trace if self.failure_details else None

    def is_caused_by(self, kind: type[BaseException] | str) -> bool:
        """Whether an exception of that type, or of a type with that name, was raised, here or further down.

        Subclasses recorded by name cannot be told, except those of built-in types.
        """
        failure = self.failure_details
        while failure is not None:
            if _is_named(failure.error_type, kind):
                return True
            failure = failure.inner_failure
        return False


class TaskCancelledError(Exception):
    """The orchestrator waited for a timer that it had cancelled itself."""


def _is_named(recorded: str, kind: type[BaseException] | str) -> bool:
    if isinstance(kind, str):
        return recorded == kind or recorded.rpartition(".")[2] == kind
    builtin = _BUILTIN.get(recorded)
    if builtin is not None and issubclass(builtin, kind):
        return True
    return recorded in (f"{own_name(kind.__module__)}.{kind.__qualname__}", kind.__qualname__)


def _subclasses(kind: type[BaseException]) -> dict[str, type[BaseException]]:
    found = {kind.__name__: kind}
    for sub in kind.__subclasses__():
        if sub.__module__ == "builtins":
            found |= _subclasses(sub)
    return found


_BUILTIN = _subclasses(BaseException)
