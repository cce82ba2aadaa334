"""How the house's own routes read their query: what is given and cannot be read is refused, never passed over."""

from __future__ import annotations

from dfcli.errors import InvalidArgument
from dfcli.http.call import Query
from dfcli.http.listing import statuses
from dfcli.http.routing import Route
from dfcli.model.projection import STATUS_NUMBERS

KEY_PARAMETER = "code"
"""Where a key may stand on every route."""


class StrictQuery:
    """Each question names the parameter as it is written. All raise InvalidArgument."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def text(self, name: str) -> str | None:
        """None: not given. A text that is given is not empty."""
        text = self._query.values.get(name.lower())
        if text == "":
            raise InvalidArgument(f"{name} is empty", why="leave it out, or say something")
        return text

    def words(self, name: str) -> list[str]:
        """A comma list."""
        self.text(name)
        return self._query.words(name.lower())

    def flag(self, name: str, default: bool) -> bool:
        text = self.text(name)
        if text is None:
            return default
        found = {"true": True, "false": False}.get(text.strip().lower())
        if found is None:
            raise _unreadable(name, text, "it is true or false")
        return found

    def integer(self, name: str, default: int, low: int, high: int = 2**31 - 1) -> int:
        text = self.text(name)
        if text is None:
            return default
        number = self._query.integer(name.lower(), low - 1)
        if not low <= number <= high:
            raise _unreadable(name, text, f"it is a whole number from {low} to {high}")
        return number

    def seconds(self, name: str) -> float | None:
        text = self.text(name)
        seconds = self._query.seconds(name.lower())
        if text is not None and seconds is None:
            raise _unreadable(name, text, "it is a number of seconds, 0 or more")
        return seconds

    def statuses(self, name: str) -> frozenset[str]:
        """Runtime statuses by name in any case, or by number."""
        text = self.text(name)
        words = self._query.words(name.lower())
        if text is not None and not (words and all(statuses([word]) for word in words)):
            raise _unreadable(name, text, "statuses are " + ", ".join(STATUS_NUMBERS))
        return statuses(words)

    def moment(self, name: str) -> str | None:
        """A timestamp."""
        text = self.text(name)
        moment = self._query.moment(name.lower())
        if text is not None and moment is None:
            raise _unreadable(name, text, "times are written 2026-01-02T03:04:05Z")
        return moment


def refuse_unknown(route: Route, query: Query) -> None:
    """Refuses parameters that the route does not promise, so that a misspelt one is not passed over."""
    promised = () if route.promises is None else route.promises.parameters
    known = [parameter.name for parameter in promised if parameter.where == "query"]
    spellings = {KEY_PARAMETER, *(name.lower() for name in known)}
    for name in query.values:
        if name not in spellings:
            why = f"known here are {', '.join(known)}" if known else "none is known here"
            raise InvalidArgument(f"there is no query parameter {name[:40]!r}", why=why)


def _unreadable(name: str, text: str, why: str) -> InvalidArgument:
    return InvalidArgument(f"{name}={text[:40]!r} cannot be used", why=why)
