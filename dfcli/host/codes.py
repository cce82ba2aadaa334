"""Which version of the app's code an instance runs on: the newest, or, pinned, the one it began with."""

from __future__ import annotations

from typing import Protocol

from dfcli.registry.registry import FunctionDefinition, Registry


class OlderCode(Protocol):
    """Where the code that instances began with is kept."""

    def load(self, code_id: str) -> Registry | None:
        """The functions of that code; None when it is not kept. Raises AppLoadError when it cannot be loaded."""
        ...


class Codes:
    """Owned by the loop's thread."""

    def __init__(self, registry: Registry, code_id: str | None, older: OlderCode | None) -> None:
        self.registry = registry
        """The newest code's functions."""
        self.code_id = code_id
        self._older = older
        self._loaded: dict[str, Registry] = {}

    @property
    def is_pinning(self) -> bool:
        return self._older is not None

    def change(self, registry: Registry, code_id: str | None) -> None:
        """The newest code is another one now."""
        self.registry, self.code_id = registry, code_id

    def registry_of(self, code_id: str | None) -> Registry:
        """The functions for an instance that began on that code. Raises AppLoadError. HOT."""
        if self._older is None or code_id is None or code_id == self.code_id:
            return self.registry
        loaded = self._loaded.get(code_id)
        if loaded is None:
            loaded = self._loaded[code_id] = self._older.load(code_id) or self.registry
        return loaded

    def rules_of(self, code_id: str | None) -> str:
        """The rules that an execution records which begins on that code."""
        return self.registry_of(code_id).rules

    def activity(self, name: str, code_id: str | None) -> FunctionDefinition | None:
        """The activity that an instance on that code calls; the newest of that name when its own code has none."""
        return self.registry_of(code_id).activity(name) or self.registry.activity(name)

    def code_of_child(self, parents: str | None) -> str | None:
        """A pinned instance's children belong to its work: they begin on its code."""
        return parents if self._older is not None and parents is not None else self.code_id
