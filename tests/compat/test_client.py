"""Every method of the real client, called inside functions of a hosted app."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.hosting import hosted
from tests.sample_apps.served import Served

APP = """
import json
from datetime import datetime, timedelta, timezone


@app.orchestration_trigger(context_name="context")
def approval(context):
    given = yield context.wait_for_external_event("Approval")
    return [context.get_input(), json.loads(given)]


@app.orchestration_trigger(context_name="context")
def broken(context):
    yield context.call_activity("fails_once", context.instance_id)
    return "mended"


@app.orchestration_trigger(context_name="context")
def quick(context):
    return context.get_input()


BROKEN = set()


@app.activity_trigger(input_name="key")
def fails_once(key):
    if key not in BROKEN:
        BROKEN.add(key)
        raise ValueError("once")


@app.entity_trigger(context_name="context")
def counter(context):
    context.set_state((context.get_state() or 0) + (context.get_input() or 0))


async def ended(client, instance_id):
    while True:
        status = await client.get_status(instance_id, show_input=True, show_history=True, show_history_output=True)
        if status.runtime_status.name not in ("Pending", "Running"):
            return status


async def refused(call):
    try:
        await call
    except Exception as error:
        return [type(error).__name__, str(error)]
    return None


@app.route(route="everything", methods=["POST"])
@app.durable_client_input(client_name="client")
async def everything(req: func.HttpRequest, client: df.DurableOrchestrationClient) -> func.HttpResponse:
    told = {}
    began = datetime.now(timezone.utc) - timedelta(minutes=1)
    told["id"] = await client.start_new("approval", "one", {"a": [1, "ü"]}, version="1.5")
    told["none"] = bool(await client.get_status("nobody"))
    await client.suspend("one", "a moment & more")
    told["suspended"] = (await client.get_status("one")).runtime_status is df.OrchestrationRuntimeStatus.Suspended
    await client.resume("one", "go on")
    await client.raise_event("one", "Approval", {"ok": [True]})
    status = await ended(client, "one")
    told["output"], told["input"] = status.output, status.input_
    told["times"] = status.created_time <= status.last_updated_time
    told["events"] = [each["EventType"] for each in status.historyEvents]
    told["text"] = status.to_json()["runtimeStatus"]
    made = await client.start_new("approval")
    told["made"] = len(made)
    await client.terminate(made, "no need")
    told["terminated"] = (await ended(client, made)).output
    await client.start_new("broken", "two")
    told["failed"] = (await ended(client, "two")).runtime_status.name
    await client.rewind("two", "try again")
    told["rewound"] = (await ended(client, "two")).output
    restarted = await client.restart("two")
    told["restarted"] = (restarted["id"] if isinstance(restarted, dict) else restarted) != "two"
    told["all"] = {"one", "two", made} <= {each.instance_id for each in await client.get_status_all()}
    told["by"] = sorted(
        each.instance_id
        for each in await client.get_status_by(
            created_time_from=began,
            created_time_to=datetime.now(timezone.utc) + timedelta(minutes=1),
            runtime_status=[df.OrchestrationRuntimeStatus.Completed],
        )
        if each.instance_id in ("one", "two")
    )
    told["refusals"] = [
        await refused(client.start_new("nothing")),
        await refused(client.raise_event("nobody", "Approval", 1)),
        await refused(client.raise_event("one", "Approval", 1)),
        await refused(client.raise_event("one", "")),
        await refused(client.terminate("nobody", "why")),
        await refused(client.rewind("one", "why")),
        await refused(client.purge_instance_history_by(None)),
    ]
    counter = df.EntityId("counter", "a key")
    told["no entity"] = (await client.read_entity_state(counter)).entity_exists
    await client.signal_entity(counter, "add", 5)
    while not (found := await client.read_entity_state(counter)).entity_exists:
        pass
    told["entity"] = found.entity_state
    told["purged"] = (await client.purge_instance_history("one")).instances_deleted
    told["purged again"] = (await client.purge_instance_history("one")).instances_deleted
    told["purged by"] = (
        await client.purge_instance_history_by(began, runtime_status=[df.OrchestrationRuntimeStatus.Terminated])
    ).instances_deleted
    links = client.create_http_management_payload("x")
    told["links"] = sorted(links)
    here = {name: value.replace("127.0.0.1", "localhost") for name, value in links.items()}
    told["same links"] = client.get_client_response_links(req, "x") == here
    return func.HttpResponse(json.dumps(told), mimetype="application/json")


@app.route(route="elsewhere", methods=["POST"])
@app.durable_client_input(client_name="client", task_hub="other")
async def elsewhere(req: func.HttpRequest, client) -> func.HttpResponse:
    await client.start_new("quick", "far-away", 1)
    await client.signal_entity(df.EntityId("counter", "far"), "add", 1)
    found = await client.get_status("far-away")
    links = client.create_http_management_payload("far-away")
    return func.HttpResponse(json.dumps([found.instance_id, found.runtime_status.name, links["statusQueryGetUri"]]))


@app.route(route="wait/{name}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def waits(req: func.HttpRequest, client) -> func.HttpResponse:
    instance_id = await client.start_new(req.route_params["name"], client_input={"n": 1})
    return await client.wait_for_completion_or_create_check_status_response(req, instance_id, 300, 20)
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with hosted(tmp_path_factory.mktemp("app"), APP) as host:
        yield host


@pytest.fixture(scope="module")
def told(host: Served) -> Any:
    request = urllib.request.Request(f"{host.url.replace('127.0.0.1', 'localhost')}/api/everything", b"", method="POST")
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
        return json.loads(answer.read())


def test_instances_are_started_asked_held_and_ended(told: Any) -> None:
    assert (told["id"], told["none"], told["suspended"]) == ("one", False, True)
    assert told["output"] == [{"a": [1, "ü"]}, {"ok": [True]}]
    assert told["input"] == {"a": [1, "ü"]}
    assert told["times"] is told["all"] is told["restarted"] is True
    assert told["events"][0] == "ExecutionStarted"
    assert told["events"][-1] == "ExecutionCompleted"
    assert (told["text"], told["made"], told["terminated"]) == ("Completed", 32, "no need")
    assert (told["failed"], told["rewound"]) == ("Failed", "mended")
    assert told["by"] == ["one", "two"]


def test_refusals_are_its_exceptions(told: Any) -> None:
    unknown, nobody, gone, unnamed, no_instance, not_failed, no_time = told["refusals"]
    assert "The function 'nothing' doesn't exist" in unknown[1]
    assert nobody == ["Exception", "No instance with ID nobody found."]
    assert gone == ["Exception", "Instance with ID one is gone: either completed or failed"]
    assert unnamed == ["ValueError", "event_name must be a non-empty string."]
    assert no_instance == ["Exception", "No instance with ID 'nobody' found."]
    assert "rew" in not_failed[1]
    assert no_time[0] == "ValueError"


def test_entities_and_purging(told: Any) -> None:
    assert (told["no entity"], told["entity"]) == (False, 5)
    assert (told["purged"], told["purged again"], told["purged by"]) == (1, 0, 1)


def test_links_are_those_of_the_host_as_the_caller_knows_it(told: Any) -> None:
    assert {"statusQueryGetUri", "sendEventPostUri", "rewindPostUri", "purgeHistoryDeleteUri"} <= set(told["links"])
    assert told["same links"] is True


def test_a_function_may_wait_for_the_end_or_answer_with_links(host: Served) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(f"{host.url}/api/wait/quick", b"", method="POST"), timeout=30) as answer:
        assert (answer.status, json.loads(answer.read())) == (200, {"n": 1})
    with opener.open(urllib.request.Request(f"{host.url}/api/wait/approval", b"", method="POST"), timeout=30) as answer:
        assert answer.status == 202
        assert "statusQueryGetUri" in json.loads(answer.read())


def test_a_client_of_another_hub_starts_and_asks_there(host: Served) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(f"{host.url}/api/elsewhere", b"", method="POST"), timeout=30) as answer:
        instance_id, status, link = json.loads(answer.read())
    assert (instance_id, status) == ("far-away", "Pending")
    assert "taskHub=other" in link
    assert host.request("GET", link)["instanceId"] == "far-away"
    with pytest.raises(urllib.error.HTTPError, match="404"):
        host.request("GET", link.replace("taskHub=other", "taskHub=default"))
