"""Route templates of HTTP functions: ASP.NET's `orders/{id:int}`, `{id?}`, `{id=default}`, `files/{*rest}`.

A template is turned into one regular expression per segment. Constraints are those of Azure Functions; a `regex(...)`
is written by the app's author, never by a caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

Constraint = Callable[[str], bool]

_PARAMETER = re.compile(
    r"(?P<stars>\*{0,2})(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<constraints>(?::[^?=]*?(?:\(.*\))?)*)"
    r"(?:(?P<optional>\?)|=(?P<default>.*))?\Z",
    re.DOTALL,
)
_CONSTRAINT = re.compile(r"(?P<name>[a-z]+)(?:\((?P<arguments>.*)\))?\Z", re.DOTALL)
LITERAL, CONSTRAINED, FREE, REST = range(4)
"""How particular a segment is; the most particular route wins, compared segment by segment."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """What stands between braces."""

    name: str
    constraints: tuple[Constraint, ...]
    optional: bool
    default: str | None
    rest: bool

    def accepts(self, value: str) -> bool:
        return all(constraint(value) for constraint in self.constraints)


@dataclass(frozen=True, slots=True)
class Segment:
    """A part between slashes: literal text and parameters by turns. `pattern` has one group per parameter."""

    pattern: re.Pattern[str]
    parameters: tuple[Parameter, ...]
    rank: int


class Template:
    """A whole route. `match` gives the values of its parameters, or None."""

    def __init__(self, route: str) -> None:
        self.segments = tuple(_segment(part) for part in split_outside(route.strip("/"), "/") if part)
        self.rank = tuple(segment.rank for segment in self.segments)

    def match(self, given: Sequence[str]) -> dict[str, str] | None:
        """`given`: the decoded segments of a path."""
        values: dict[str, str] = {}
        for position, segment in enumerate(self.segments):
            only = segment.parameters[0] if segment.parameters else None
            if only is not None and only.rest:
                rest = "/".join(given[position:]) or only.default or ""
                if rest and not only.accepts(rest):
                    return None
                values[only.name] = rest
                return values
            if position >= len(given):
                if not _left_out(segment, values):
                    return None
                continue
            found = segment.pattern.match(given[position])
            if found is None:
                return None
            for parameter, value in zip(segment.parameters, found.groups(), strict=True):
                if not parameter.accepts(value):
                    return None
                values[parameter.name] = value
        return values if len(given) <= len(self.segments) else None


def _left_out(segment: Segment, values: dict[str, str]) -> bool:
    """Whether a path may end before this segment; defaults are filled in."""
    if len(segment.parameters) != 1 or segment.rank not in (CONSTRAINED, FREE):
        return False
    parameter = segment.parameters[0]
    if parameter.default is not None:
        values[parameter.name] = parameter.default
        return True
    return parameter.optional


def _segment(part: str) -> Segment:
    pattern, parameters, position = "", [], 0
    for start, end in _braces(part):
        parameter = _parameter(part[start + 1 : end])
        pattern += re.escape(part[position:start]) + "(.+?)"
        parameters.append(parameter)
        position = end + 1
    pattern += re.escape(part[position:])
    if not parameters:
        rank = LITERAL
    elif parameters[0].rest:
        rank = REST
    else:
        rank = CONSTRAINED if any(p.constraints for p in parameters) or len(pattern) > len("(.+?)") else FREE
    return Segment(re.compile(pattern + r"\Z", re.IGNORECASE | re.DOTALL), tuple(parameters), rank)


def _parameter(inside: str) -> Parameter:
    match = _PARAMETER.match(inside)
    if match is None:
        raise ValueError(f"{{{inside}}} names no parameter")
    words = [word for word in split_outside(match["constraints"], ":") if word]
    return Parameter(
        name=match["name"],
        constraints=tuple(_constraint(word) for word in words),
        optional=match["optional"] is not None,
        default=match["default"],
        rest=bool(match["stars"]),
    )


def _braces(part: str) -> list[tuple[int, int]]:
    """Where each outermost pair of braces opens and closes."""
    found, depth, start = [], 0, 0
    for position, character in enumerate(part):
        if character == "{":
            start = position if depth == 0 else start
            depth += 1
        elif character == "}":
            depth -= 1
            if depth == 0:
                found.append((start, position))
    return found


def split_outside(text: str, separator: str) -> list[str]:
    """Split where no brace or parenthesis is open, since a constraint may hold any character."""
    parts, depth = [""], 0
    for character in text:
        depth += {"{": 1, "(": 1, "}": -1, ")": -1}.get(character, 0)
        if character == separator and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _constraint(word: str) -> Constraint:
    match = _CONSTRAINT.match(word.strip())
    name = match["name"] if match else word
    arguments = (match["arguments"] or "") if match else ""
    if name in _PLAIN and match is not None:
        return _PLAIN[name]
    if name == "regex":
        pattern = re.compile(arguments.replace("{{", "{").replace("}}", "}"), re.IGNORECASE)
        return lambda value: pattern.search(value) is not None
    try:
        numbers = [int(argument) for argument in arguments.split(",")]
        return _NUMBERED[name, len(numbers)](*numbers)
    except (KeyError, ValueError):
        raise ValueError(f"{word!r} is no constraint") from None


def _fits(pattern: str) -> Constraint:
    compiled = re.compile(pattern, re.IGNORECASE)
    return lambda value: compiled.fullmatch(value) is not None


def _within(low: int, high: int) -> Constraint:
    return lambda value: re.fullmatch(r"[+-]?[0-9]{1,20}", value) is not None and low <= int(value) <= high


def _of_length(low: int, high: int) -> Constraint:
    return lambda value: low <= len(value) <= high


def _is_time(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


_UNBOUNDED = 2**31
_LONG = 2**63
_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_PLAIN: dict[str, Constraint] = {
    "int": _within(-(2**31), 2**31 - 1),
    "long": _within(-_LONG, _LONG - 1),
    "bool": _fits("true|false"),
    "guid": _fits(r"\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?"),
    "decimal": _fits(_NUMBER),
    "double": _fits(_NUMBER + r"(?:e[+-]?[0-9]+)?"),
    "float": _fits(_NUMBER + r"(?:e[+-]?[0-9]+)?"),
    "datetime": _is_time,
    "alpha": _fits("[a-z]*"),
    "required": lambda value: bool(value),
}
_NUMBERED: dict[tuple[str, int], Callable[..., Constraint]] = {
    ("minlength", 1): lambda low: _of_length(low, _UNBOUNDED),
    ("maxlength", 1): lambda high: _of_length(0, high),
    ("length", 1): lambda exact: _of_length(exact, exact),
    ("length", 2): _of_length,
    ("min", 1): lambda low: _within(low, _LONG - 1),
    ("max", 1): lambda high: _within(-_LONG, high),
    ("range", 2): _within,
}
