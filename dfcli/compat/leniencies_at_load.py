"""The leniencies that can be seen in an app's code before anything of it runs."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterator
from typing import NamedTuple

from dfcli.authoring.cloud_bindings import HTTP_OUTPUT
from dfcli.authoring.triggers import FunctionDefinition
from dfcli.compat.builders import misnamed
from dfcli.compat.source_reading import ReadFunction, called_object, code_of, imports_of

CALLS = frozenset(
    {"call_activity", "call_activity_with_retry", "call_sub_orchestrator", "call_sub_orchestrator_with_retry"}
)
_NAME = re.compile(r"(?!(?i:host)\Z)[A-Za-z][A-Za-z0-9_-]{0,126}\Z")
_TASK_MEMBERS = frozenset({"get_result", "get_exception", "is_complete", "is_failed", "is_faulted"})
_FAILURE_MEMBERS = frozenset({"error_type", "error_message", "stack_trace", "task_name", "failure_details"})
_CONTEXT_MEMBERS = frozenset({"lock_entities", "create_replay_safe_logger"})
_CONTEXT_KEYWORDS = {
    "signal_entity": frozenset({"signal_time"}),
    "call_http": frozenset(
        {"retry_options", "retry_status_codes", "timeout", "polling_timeout", "asynchronous_pattern_enabled"}
    ),
}
_ENTITY_MEMBERS = frozenset(
    {"signal_entity", "start_new", "schedule_new_orchestration", "state_as", "entity_id", "operation"}
)
_ANNOTATIONS = {"http": ("HttpRequest",), "timer": ("TimerRequest",)}
_RETURNS = ("HttpResponse", "str", "bytes")


ONLY_IN_CODE = frozenset({"DFA101", "DFA102", "DFA103", "DFA137", *(f"DFA{number}" for number in range(115, 124))})
"""Codes that runs tell of as well, since `dfcli run` reads the code, and that no run adds to."""


class Seen(NamedTuple):
    """A leniency that a function makes use of, and where."""

    code: str
    place: str
    """File and line."""
    detail: str = ""
    """Which name, member or value it is about."""


def at_load(function: FunctionDefinition) -> list[Seen]:
    """Those of a function, each code once, the first in its source."""
    found: dict[str, Seen] = {}
    for seen in (*_of(function), *_imports(function)):
        found.setdefault(seen.code, seen)
    return list(found.values())


def _seen(code: str, function: FunctionDefinition, place: str = "", detail: str = "") -> Seen:
    return Seen(code, place or function.where, detail)


def _imports(function: FunctionDefinition) -> Iterator[Seen]:
    for name, line in imports_of(function.file):
        if name.partition(".")[0] == "dfcli":
            yield _seen("DFA123", function, f"{function.file}:{line}")


def _of(function: FunctionDefinition) -> Iterator[Seen]:
    if not _NAME.match(function.name):
        yield _seen("DFA117", function)
    if function.kind in ("orchestrator", "entity"):
        if function.wished_parameter != "context":
            yield _seen("DFA102", function, detail=str(function.wished_parameter))
        if function.is_async:
            yield _seen("DFA103", function)
        yield from _in_orchestrator(function) if function.kind == "orchestrator" else _in_entity(function)
        return
    if function.client_parameter is not None and not function.is_async and function.make_client is not str:
        yield _seen("DFA101", function)
    yield from _signature(function)
    if function.kind == "http" and re.match(r"(?i)(admin|runtime)", function.route or ""):
        yield _seen("DFA121", function, detail=str(function.route))


# -- what Azure's worker compares with the bindings when it loads a function -------------------------------------------


def _signature(function: FunctionDefinition) -> Iterator[Seen]:
    bound = {function.parameter, function.client_parameter, function.context_parameter}
    bound |= {*function.outputs, *function.cloud_inputs}
    for name in inspect.signature(function.function).parameters:
        if name not in bound and name != "context":
            yield _seen("DFA115", function, detail=name)
    try:
        hints = typing.get_type_hints(function.function)
    except Exception:  # names that exist for type checkers only
        return
    allowed = _ANNOTATIONS.get(function.kind)
    annotation = hints.get(function.parameter or "")
    if allowed and isinstance(annotation, type) and not _is_named(annotation, allowed):
        yield _seen("DFA116", function, detail=f"{function.parameter}: {annotation.__name__}")
    context = hints.get("context") if function.parameter != "context" else None
    if isinstance(context, type) and context.__name__ != "Context":
        yield _seen("DFA116", function, detail=f"context: {context.__name__}")
    returned = hints.get("return")
    is_returned = function.kind == "http" and HTTP_OUTPUT not in function.outputs.values()
    if is_returned and returned is not None and not _is_named(returned, _RETURNS):
        yield _seen("DFA116", function, detail=f"-> {getattr(returned, '__name__', returned)}")


def _is_named(annotation: object, names: tuple[str, ...]) -> bool:
    return isinstance(annotation, type) and any(kind.__name__ in names for kind in annotation.__mro__)


# -- what code says ------------------------------------------------------------------------------------------------


def _in_orchestrator(function: FunctionDefinition) -> Iterator[Seen]:
    for read in code_of(function.function):
        failures = {handler.name for handler in ast.walk(read.node) if isinstance(handler, ast.ExceptHandler)}
        for node in ast.walk(read.node):
            if isinstance(node, ast.Call):
                yield from _call(function, read, node)
            elif isinstance(node, ast.Yield | ast.Await) and _is_call_of(node.value, "signal_entity"):
                yield _seen("DFA137", function, read.where(node))
            elif isinstance(node, ast.Attribute):
                yield from _member(function, read, node, failures)


def _call(function: FunctionDefinition, read: ReadFunction, call: ast.Call) -> Iterator[Seen]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if name in CALLS:
        called = called_object(read, call)
        name_there = misnamed(called) if called is not None else ""
        if name_there:
            yield _seen("DFA104", function, read.where(call), name_there)
    for keyword in call.keywords:
        if keyword.arg in _CONTEXT_KEYWORDS.get(name, ()):
            yield _seen("DFA111", function, read.where(call), f"{name}({keyword.arg}=)")


def _is_call_of(node: ast.expr | None, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _member(
    function: FunctionDefinition, read: ReadFunction, node: ast.Attribute, failures: set[str | None]
) -> Iterator[Seen]:
    if node.attr in _CONTEXT_MEMBERS:
        yield _seen("DFA111", function, read.where(node), node.attr)
    elif node.attr in _TASK_MEMBERS:
        yield _seen("DFA118", function, read.where(node), node.attr)
    elif node.attr in _FAILURE_MEMBERS and isinstance(node.value, ast.Name) and node.value.id in failures:
        yield _seen("DFA119", function, read.where(node), node.attr)


def _in_entity(function: FunctionDefinition) -> Iterator[Seen]:
    for read in code_of(function.function):
        context = read.node.args.args[0].arg if read.node.args.args else ""
        for node in ast.walk(read.node):
            if (
                isinstance(node, ast.Attribute)
                and node.attr in _ENTITY_MEMBERS
                and isinstance(node.value, ast.Name)
                and node.value.id == context
            ):
                yield _seen("DFA120", function, read.where(node), node.attr)
    own = next(code_of(function.function), None)
    for returned in _returns(own.node) if own is not None else ():
        if own is not None and not _is_nothing(returned.value):
            yield _seen("DFA122", function, own.where(returned))


def _returns(node: ast.AST) -> Iterator[ast.Return]:
    """Of the function itself, not of those inside it."""
    for part in ast.iter_child_nodes(node):
        if isinstance(part, ast.Return):
            yield part
        elif not isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            yield from _returns(part)


def _is_nothing(value: ast.expr | None) -> bool:
    """Nothing, None, or a call of the context, which returns none."""
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        return True
    return isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr.startswith("set_")
