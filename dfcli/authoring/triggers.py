"""What the decorators know about one function: its name, what triggers it, and where it stands in the source.

The definition sits on the function as `__dfcli__` and is settled again after each decorator, so that they stack in
any order. What is wrong with it is collected in `faults` and refused by the registry, which sees the whole app.
"""

from __future__ import annotations

import enum
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from dfcli.authoring.entity_functions import has_async_operation, input_parameter, is_entity_class, place_of
from dfcli.authoring.invocation import is_context
from dfcli.authoring.timer import TimerBinding
from dfcli.errors import AppLoadError
from dfcli.model.payload import Payload, encode

Kind = Literal["", "orchestrator", "activity", "entity", "http", "timer", "unsupported"]
"""What triggers a function; empty as long as no trigger has been given."""

Notice = Literal[
    "left a timer open",
    "left a call open",
    "early event",
    "event in another case",
    "events carried over",
    "poll",
    "many actions",
    "started with no object",
    "completed twice",
]
"""What a run did that is noticed for apps of another library."""

CALLED_BY_NAME = frozenset({"http", "timer"})
"""Kinds whose parameters are all passed by name."""


class AuthLevel(enum.StrEnum):
    """Which key an HTTP function asks for when keys are on."""

    FUNCTION = "function"
    ANONYMOUS = "anonymous"
    ADMIN = "admin"


@dataclass(slots=True, eq=False)
class FunctionDefinition:
    """One function of the app. Complete once the module that holds it has been imported; nobody changes it later."""

    name: str
    kind: Kind
    function: Callable[..., Any]
    is_async: bool
    parameter: str | None
    """The parameter that takes the trigger's value; None for a function that takes none."""
    client_parameter: str | None = None
    """The parameter that takes the durable client."""
    client_task_hub: str | None = None
    context_parameter: str | None = None
    """The parameter that takes the `df.Context` of the call."""
    outputs: dict[str, str] = field(default_factory=dict)
    """Output bindings: parameter, or `$return`, and type. They go nowhere here."""
    has_extras: bool = False
    """Whether client, context or outputs are passed beside the trigger's value, all by name."""
    needs: list[str] = field(default_factory=list)
    """Triggers and inputs that only a cloud service provides: a function that has any is started by hand alone."""
    cloud_trigger: str = ""
    """The type of the trigger, where a cloud service is it."""
    takes_batches: bool = False
    """Whether that trigger brings lists of messages."""
    blob_path: str = ""
    """The path in the trigger's binding."""
    cloud_inputs: dict[str, str] = field(default_factory=dict)
    """Input bindings of cloud services: parameter and type."""
    app_values: list[str] = field(default_factory=list)
    """Settings of the app that its bindings name: connections, `%NAME%`. Known of Azure apps only."""
    notes: list[str] = field(default_factory=list)
    """What was written down and has no effect here."""
    timer: TimerBinding | None = None
    """Timer functions only."""
    route: str | None = None
    """Below the route prefix, without a leading `/`; HTTP functions only."""
    methods: frozenset[str] | None = None
    """Upper case; None: every method."""
    auth_level: AuthLevel = AuthLevel.FUNCTION
    file: str = ""
    line: int = 0
    """Of the function's first decorator."""

    is_class: bool = False
    """Whether `function` is the class of a class-style entity, whose methods are the operations."""
    input_parameter: str | None = None
    """Of an entity function that takes the operation's input beside its context."""

    input_type: Any = None
    """What the trigger's value becomes, when the function or its decorator names a type of the app's."""
    return_type: Any = None
    """The same of what it returns."""

    context_type: Callable[..., Any] | None = None
    """Makes the context of an orchestrator, or of an entity's operation; None: the one of this library."""
    encode: Callable[[Any], Payload] = encode
    """Makes the payload of what an activity or an orchestrator returns."""
    make_client: Callable[[str], Any] | None = None
    """Makes the client of a function from the text of its binding; None: the client of this library."""
    notice: Callable[[Notice, str], None] | None = None
    """Told when a run of an orchestrator does for the first time what its own library would do otherwise, and with
    which name; None: nobody asks."""
    on_rollback: Callable[[], None] | None = None
    """Told when an entity's operation has failed whose new state was taken back."""
    adapt: Callable[[Any], Any] | None = None
    """Makes of the trigger's value what the function takes, where that is another library's type."""

    wished_parameter: str | None = None
    """What the trigger was told to use, before it was settled."""
    name_from_trigger: bool = False
    triggers: list[Kind] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """File and line, as compilers print them."""
        return f"{self.file}:{self.line}"


def definition_of(function: Callable[..., Any]) -> FunctionDefinition | None:
    """What the decorators noted on `function`, if any of them has seen it."""
    own = vars(function) if isinstance(function, type) else None  # a class must not pass for the one it derives from
    definition = getattr(function, "__dfcli__", None) if own is None else own.get("__dfcli__")
    return definition if isinstance(definition, FunctionDefinition) else None


def define(function: Callable[..., Any]) -> FunctionDefinition:
    """The definition on `function`, made when this is the first decorator that sees it.

    Raises AppLoadError for what cannot be a function of an app: classes, `staticmethod` objects, instances.
    """
    is_class = is_entity_class(function)
    code = getattr(inspect.unwrap(function), "__code__", None) if callable(function) and not is_class else None
    if not is_class and (code is None or isinstance(function, type)):
        raise AppLoadError(
            f"{function!r} cannot be a function of the app",
            why="the decorators take functions made with `def` or `async def`, and classes of df.DurableEntity",
            hint="write the decorator directly above the `def`, with parentheses: `@app.activity_trigger()`",
        )
    definition = definition_of(function)
    if definition is None:
        definition = FunctionDefinition(
            name=function.__name__, kind="", function=function, is_async=False, parameter=None, file="", line=0
        )
        if code is None:
            definition.is_class = True
            definition.file, definition.line = place_of(function)  # type: ignore[arg-type]
        else:
            definition.file, definition.line = code.co_filename, code.co_firstlineno
        function.__dfcli__ = definition  # type: ignore[attr-defined]
    # A decorator of the user's between two of ours (functools.wraps) copies the definition: the outer function counts.
    definition.function = function
    return definition


def settle(definition: FunctionDefinition) -> None:
    """Work out anew what depends on more than one decorator: the parameters, and whether the function is async."""
    if definition.needs:
        definition.kind = "unsupported"
    if definition.is_class:
        definition.is_async = has_async_operation(definition.function)  # type: ignore[arg-type]
        return
    definition.is_async = inspect.iscoroutinefunction(definition.function)
    parameters = inspect.signature(definition.function).parameters
    # HTTP functions are called by name, so `*args` takes nothing there.
    left_out = ("VAR_KEYWORD", "VAR_POSITIONAL") if definition.kind in CALLED_BY_NAME else ("VAR_KEYWORD",)
    free = [n for n, p in parameters.items() if n != definition.client_parameter and p.kind.name not in left_out]
    free = [name for name in free if name not in definition.outputs and name not in definition.cloud_inputs]
    wished = definition.wished_parameter
    definition.context_parameter = _context_parameter(definition, parameters, free)
    free = [name for name in free if name != definition.context_parameter]
    if wished is not None:
        definition.parameter = wished
    elif definition.kind == "http" and "req" in free:
        definition.parameter = "req"
    else:
        definition.parameter = free[0] if free else None
    outputs = definition.outputs.keys() & parameters.keys()
    definition.has_extras = bool(definition.client_parameter or definition.context_parameter or outputs)
    if definition.kind == "entity":
        client = definition.client_parameter
        definition.input_parameter = input_parameter(definition.function, definition.parameter, client)


def _context_parameter(
    definition: FunctionDefinition, parameters: Mapping[str, inspect.Parameter], free: list[str]
) -> str | None:
    """The parameter that is annotated as a `df.Context`, or one named `context` beside the trigger's."""
    wished = definition.wished_parameter
    if definition.kind not in ("http", "timer", "activity", "unsupported"):
        return None
    for name in free:
        if name != wished and is_context(parameters[name].annotation):
            return name
    others = wished is not None or len(free) > 1
    return "context" if others and "context" in free and wished != "context" else None
