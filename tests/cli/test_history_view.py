"""What a history shows of credentials that an orchestrator put into a durable HTTP call."""

from __future__ import annotations

import json

from dfcli.cli.history_view import masked, rows
from dfcli.model import history as h
from dfcli.model.durable_http import HTTP_ACTIVITY
from dfcli.model.payload import encode


def scheduled(name: str, **headers: object) -> h.TaskScheduled:
    payload = encode({"method": "GET", "uri": "http://there.test/", "headers": headers})
    return h.TaskScheduled(seq=3, event_id=0, timestamp="2026-01-05T10:00:00.000000Z", name=name, input=payload.raw)


def test_credentials_of_http_calls_are_masked_and_references_are_not() -> None:
    event = scheduled(
        HTTP_ACTIVITY, Authorization='Bearer "x\\"', COOKIE="c", **{"X-Plain": "p", "X-Key": {"secret": "N"}}
    )
    shown = json.loads(masked(event))["headers"]
    assert shown == {"Authorization": "********", "COOKIE": "********", "X-Plain": "p", "X-Key": {"secret": "N"}}
    (row,) = rows([event])
    assert "Bearer" not in row.detail


def test_inputs_of_other_activities_are_shown_as_they_are() -> None:
    assert "mine" in masked(scheduled("work", Authorization="mine"))
