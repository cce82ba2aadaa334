"""Name → function, for one loaded app. Made once per load and never changed: a reload makes another.

Names are compared without regard to case; calls spell them as they like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dfcli.authoring.app import Blueprint
from dfcli.authoring.triggers import FunctionDefinition, Kind
from dfcli.authoring.typed import annotation, app_folders
from dfcli.model.history import REPLAY_RULES
from dfcli.registry.checks import check_functions

__all__ = ["FunctionDefinition", "Registry"]


class Registry:
    """The functions of an app that passed every check."""

    def __init__(self, functions: Iterable[FunctionDefinition] = (), rules: str = REPLAY_RULES) -> None:
        """Raises AppLoadError naming file and line of the first function that cannot be used."""
        self.rules = rules
        """What `ExecutionStarted.Rules` says of executions that begin on this code."""
        self.all = sorted(functions, key=lambda f: (f.kind, f.name.casefold()))
        check_functions(self.all)
        for function in self.all:
            app_folders.add(function.file.rpartition("/")[0] + "/")
            if function.kind == "activity" and rules == REPLAY_RULES:
                function.input_type = annotation(function.function, function.parameter or "")
                function.return_type = annotation(function.function, "return")
        self.http = [f for f in self.all if f.kind == "http"]
        self.timers = [f for f in self.all if f.kind == "timer"]
        self.unsupported = [f for f in self.all if f.kind == "unsupported"]
        self._by_kind: dict[str, dict[str, FunctionDefinition]] = {}
        for function in self.all:
            names = self._by_kind.setdefault(function.kind, {})
            names[function.name] = names[function.name.casefold()] = function
        self._orchestrators = self._by_kind.get("orchestrator", {})
        self._activities = self._by_kind.get("activity", {})
        self._entities = self._by_kind.get("entity", {})

    @classmethod
    def from_app(cls, app: Blueprint) -> Registry:
        return cls(app.functions)

    def orchestrator(self, name: str) -> FunctionDefinition | None:
        return self._orchestrators.get(name) or self._orchestrators.get(name.casefold())

    def activity(self, name: str) -> FunctionDefinition | None:
        return self._activities.get(name) or self._activities.get(name.casefold())

    def entity(self, name: str) -> FunctionDefinition | None:
        return self._entities.get(name) or self._entities.get(name.casefold())

    def http_function(self, name: str) -> FunctionDefinition | None:
        names = self._by_kind.get("http", {})
        return names.get(name) or names.get(name.casefold())

    def lookup(self, name: str) -> Callable[..., Any] | None:
        """The code of an orchestrator, as the engine asks for it."""
        definition = self.orchestrator(name)
        return definition.function if definition is not None else None

    def known(self, kind: Kind) -> list[str]:
        """The names of one kind, sorted, for messages that list what there is."""
        return [f.name for f in self.all if f.kind == kind]
