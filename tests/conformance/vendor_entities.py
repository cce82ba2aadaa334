"""The entities of the vendor's host: requests in, the SDK's own `Entity` executor runs them, answers out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Generic, TypeVar

Caller = TypeVar("Caller")


@dataclass
class Request(Generic[Caller]):
    """An `op` message on its way to an entity; `caller` waits for the answer unless it is a signal."""

    entity_id: str
    message: dict[str, Any]
    caller: Caller


class Entities(Generic[Caller]):
    """Their states, and the requests that wait. Requests to one entity run as one batch, in order."""

    def __init__(self, functions: dict[str, Callable[[Any], str]]) -> None:
        self._functions = functions
        self._states: dict[str, str] = {}
        self._requests: list[Request[Caller]] = []

    def send(self, request: Request[Caller]) -> None:
        self._requests.append(request)

    def run(self) -> list[tuple[Caller, str, str]]:
        """Run what waits; for each call whom to answer, the request's id, and the answer as JSON text."""
        requests, self._requests = self._requests, []
        answers = []
        for entity_id in dict.fromkeys(request.entity_id for request in requests):
            batch = [request for request in requests if request.entity_id == entity_id]
            for request, result in zip(batch, self._run_batch(entity_id, batch), strict=True):
                if not request.message.get("signal"):
                    answer = {"result": result["result"]}
                    if result["isError"]:
                        answer["exceptionType"] = "an error of the entity's"
                    text = json.dumps(answer, ensure_ascii=False, separators=(",", ":"))
                    answers.append((request.caller, request.message["id"], text))
        return answers

    def _run_batch(self, entity_id: str, batch: list[Request[Caller]]) -> list[dict[str, Any]]:
        _, name, key = entity_id.split("@", 2)
        body = {
            "self": {"name": name, "key": key},
            "exists": entity_id in self._states,
            "state": self._states.get(entity_id),
            "batch": [
                {
                    "name": request.message["op"],
                    "input": json.dumps(request.message["input"]),
                    "isSignal": request.message.get("signal", False),
                }
                for request in batch
            ],
        }
        answer = json.loads(self._functions[name](SimpleNamespace(body=json.dumps(body))))
        if answer["entityExists"]:
            self._states[entity_id] = answer["entityState"]
        else:
            self._states.pop(entity_id, None)
        results: list[dict[str, Any]] = answer["results"]
        return results
