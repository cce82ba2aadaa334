"""What any function may be told about its own call: the parameter `context` of HTTP functions, timers, activities."""

from __future__ import annotations

from types import SimpleNamespace


class TraceContext:
    """The trace that the call belongs to (W3C), as its caller named it."""

    def __init__(self, trace_parent: str = "", trace_state: str = "") -> None:
        self.trace_parent = trace_parent
        self.trace_state = trace_state
        self.attributes: dict[str, str] = {}


class RetryContext:
    """Attempts of one call. Activities are repeated by their orchestrator; nothing repeats the other functions."""

    def __init__(self, retry_count: int = 0, max_retry_count: int = 0) -> None:
        self.retry_count = retry_count
        self.max_retry_count = max_retry_count


class Context:
    """The call that the function serves, under Durable Functions' names. A test may make one."""

    def __init__(
        self,
        invocation_id: str = "",
        function_name: str = "",
        function_directory: str = "",
        *,
        trace_context: TraceContext | None = None,
        retry_context: RetryContext | None = None,
    ) -> None:
        self.invocation_id = invocation_id
        """New for each call."""
        self.function_name = function_name
        self.function_directory = function_directory
        """The folder that holds the function's file."""
        self.trace_context = trace_context or TraceContext()
        self.retry_context = retry_context or RetryContext()
        self.thread_local_storage = SimpleNamespace()
        """Threads that the function starts may note the `invocation_id` here, as on Azure."""

    def __repr__(self) -> str:
        return f"<Context of {self.function_name}, call {self.invocation_id}>"


def is_context(annotation: object) -> bool:
    """Whether a parameter's annotation asks for the context. A text, as deferred annotations are, is compared."""
    if isinstance(annotation, str):
        return annotation.strip("'\"") in ("Context", "df.Context", "func.Context")
    return annotation is Context
