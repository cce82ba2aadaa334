"""Route templates of HTTP functions: `orders/{id:int}`, `{id?}`, `{id=default}`, `files/{*rest}`.

Only their shape is checked here; matching a request is the HTTP room's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from dfcli.authoring.triggers import FunctionDefinition
from dfcli.errors import AppLoadError

_PARAMETER = re.compile(r"\*{0,2}(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<rest>[:?=].*)?\Z", re.DOTALL)


def route_of(function: FunctionDefinition) -> str:
    """The template of an HTTP function, by default its name."""
    return function.route if function.route is not None else function.name


def check_route(function: FunctionDefinition) -> None:
    """Raises AppLoadError for a template that no request could match."""
    fault = _fault(route_of(function))
    if fault:
        raise AppLoadError(
            f"the route {route_of(function)!r} of function {function.name!r} cannot be used",
            why=f"{fault}; it stands at {function.where}",
            hint="a route looks like 'orders/{id}'",
        )
    if function.methods is not None and not function.methods:
        raise AppLoadError(
            f"function {function.name!r} allows no HTTP method",
            why=f"its list of methods is empty, at {function.where}",
            hint='leave `methods` out to allow all, or name them: methods=["GET", "POST"]',
        )
    for method in sorted(function.methods or ()):
        if not re.fullmatch(r"[A-Z]+", method):
            raise AppLoadError(
                f"{method!r} is no HTTP method",
                why=f"function {function.name!r} at {function.where} names it",
                hint='methods are words such as "GET" and "POST"',
            )


def check_routes(functions: Sequence[FunctionDefinition]) -> None:
    """Raises AppLoadError when two functions would answer the same requests."""
    seen: dict[str, list[FunctionDefinition]] = {}
    for function in functions:
        if function.kind != "http":
            continue
        same = seen.setdefault(_shape(route_of(function)), [])
        for other in same:
            if function.methods is None or other.methods is None or function.methods & other.methods:
                raise AppLoadError(
                    f"functions {other.name!r} and {function.name!r} answer the same route {route_of(function)!r}",
                    why=f"one stands at {other.where}, the other at {function.where}",
                    hint="give one of them another route, or different methods",
                )
        same.append(function)


def _fault(route: str) -> str:
    depth = 0
    for character in route:
        if character in "\\#" or ord(character) <= 32 or ord(character) == 127:
            return f"it holds {character!r}"
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth < 0:
            return "a '}' has no '{'"
    if depth:
        return "a '{' has no '}'"
    segments = _segments(route)
    if "" in segments[:-1] or route.startswith("/"):
        return "it has an empty segment"
    names: set[str] = set()
    for position, segment in enumerate(segments):
        for inside in _parameters(segment):
            match = _PARAMETER.match(inside)
            if not match:
                return f"'{{{inside}}}' does not name a parameter"
            if match["name"].casefold() in names:
                return f"the parameter {match['name']!r} stands twice"
            if inside.startswith("*") and position != len(segments) - 1:
                return f"'{{{inside}}}' takes the rest of the path and must stand last"
            names.add(match["name"].casefold())
    return ""


def _segments(route: str) -> list[str]:
    """Split at `/` outside braces, since a constraint may be a regular expression."""
    segments, depth = [""], 0
    for character in route:
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == "/" and depth == 0:
            segments.append("")
        else:
            segments[-1] += character
    return segments


def _parameters(segment: str) -> list[str]:
    """What stands between the outermost braces of a segment."""
    found, depth, start = [], 0, 0
    for position, character in enumerate(segment):
        if character == "{":
            depth += 1
            start = position + 1 if depth == 1 else start
        elif character == "}":
            depth -= 1
            if depth == 0:
                found.append(segment[start:position])
    return found


def _shape(route: str) -> str:
    """The template without the names of its parameters: two of the same shape match the same requests."""
    shape = route
    for segment in _segments(route):
        for inside in _parameters(segment):
            match = _PARAMETER.match(inside)
            stars = inside[: len(inside) - len(inside.lstrip("*"))]
            shape = shape.replace(f"{{{inside}}}", f"{{{stars}{(match and match['rest']) or ''}}}", 1)
    return shape.casefold().strip("/")
