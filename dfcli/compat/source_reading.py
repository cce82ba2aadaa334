"""Reading what a function's code says without running it: its syntax tree, those of the app's functions that it calls,
and what the names in it stand for."""

from __future__ import annotations

import ast
import inspect
import os
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

from dfcli.compat.builders import is_builder

FUNCTIONS_MAX = 500
"""Of those that one function calls, directly or not; a reader of code must come to an end."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class ReadFunction(NamedTuple):
    """The source of one function."""

    node: FunctionNode
    file: str
    names: Mapping[str, Any]
    """What global names in it stand for, and those that it imports itself."""

    def where(self, node: ast.AST) -> str:
        return f"{self.file}:{getattr(node, 'lineno', self.node.lineno)}"

    def value(self, node: ast.expr) -> Any:
        """What a name, or a member of a module or class, stands for; None for what only running would tell."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.value(node.value)
            if isinstance(owner, ModuleType | type):
                return inspect.getattr_static(owner, node.attr, None) or getattr(owner, node.attr, None)
        return None

    def dotted(self, node: ast.expr) -> str:
        """The full name of what is called, such as `datetime.datetime.now`; empty for what is the app's own."""
        if isinstance(node, ast.Attribute):
            owner = self.dotted(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        if not isinstance(node, ast.Name):
            return ""
        if node.id not in self.names:
            return f"builtins.{node.id}" if node.id in _BUILTINS else ""
        value = self.names[node.id]
        if isinstance(value, ModuleType):
            return value.__name__
        if value is os.environ:
            return "os.environ"
        module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
        if not isinstance(module, str):  # a method of a class written in C, such as `datetime.now`
            owned_by: Any = getattr(value, "__self__", None)
            kind = owned_by if isinstance(owned_by, type) else type(owned_by)
            module = owned_by.__name__ if isinstance(owned_by, ModuleType) else kind.__module__
        return f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""


_BUILTINS = frozenset({"open", "input", "print", "id", "hash", "exec", "eval"})


def code_of(function: Callable[..., Any]) -> Iterator[ReadFunction]:
    """The function and, after it, those of the app that it calls by name; nothing where there is no source."""
    waiting: list[Any] = [function]
    seen: set[Any] = set()
    while waiting and len(seen) < FUNCTIONS_MAX:
        found = inspect.unwrap(waiting.pop(0))
        if not isinstance(found, FunctionType) or found.__code__ in seen:
            continue
        seen.add(found.__code__)
        code = found.__code__
        node = _nodes(code.co_filename, _text(code.co_filename)).get((code.co_firstlineno, code.co_name))
        if node is None:
            continue
        read = ReadFunction(node, code.co_filename, {**found.__globals__, **_imported(node)})
        yield read
        folder = code.co_filename.rpartition("/")[0]
        for call in calls_in(node):
            called = read.value(call.func)
            if isinstance(called, FunctionType) and called.__code__.co_filename.startswith(folder):
                waiting.append(called)


def calls_in(node: ast.AST) -> Iterator[ast.Call]:
    return (part for part in ast.walk(node) if isinstance(part, ast.Call))


def called_object(read: ReadFunction, call: ast.Call) -> Any:
    """The decorated object that a call names first, instead of a text."""
    named = call.args[0] if call.args else next((k.value for k in call.keywords if k.arg == "name"), None)
    value = read.value(named) if named is not None else None
    return value if is_builder(value) else None


def imports_of(file: str) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, absolutely, and the line."""
    for node in ast.walk(_tree(_text(file))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module, node.lineno


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8-sig") as source:
            return source.read()
    except (OSError, UnicodeDecodeError):
        return ""


@lru_cache(maxsize=64)
def _tree(text: str) -> ast.Module:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return ast.Module(body=[], type_ignores=[])


@lru_cache(maxsize=64)
def _nodes(file: str, text: str) -> Mapping[tuple[int, str], FunctionNode]:
    """By first line, a decorator's where there is one, and name: what a code object knows of itself."""
    del file
    found: dict[tuple[int, str], FunctionNode] = {}
    for node in ast.walk(_tree(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[first, node.name] = node
    return found


def _imported(node: ast.AST) -> dict[str, Any]:
    """Modules that a function imports for itself and that are loaded, and members that it takes from them."""
    import sys

    found: dict[str, Any] = {}
    for part in ast.walk(node):
        if isinstance(part, ast.Import):
            for alias in part.names:
                name = alias.name if alias.asname else alias.name.partition(".")[0]
                found[alias.asname or name] = sys.modules.get(name) or ModuleType(name)
        elif isinstance(part, ast.ImportFrom) and part.module and not part.level:
            module = sys.modules.get(part.module)
            for alias in part.names:
                value = getattr(module, alias.name, None)
                found[alias.asname or alias.name] = (
                    value if value is not None else ModuleType(f"{part.module}.{alias.name}")
                )
    return found
