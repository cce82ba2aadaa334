"""What clients of Durable Functions' HTTP API rely on, one test for each promise, over a socket to the real host."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dfcli.model import payload
from dfcli.model.query import InstanceFilter
from tests.http.contract_world import World, world_in
from tests.http.test_with_the_real_host import Answer

BASE = "/runtime/webhooks/durabletask"
JSON = {"Content_Type": "application/json"}
LINKS = {
    "statusQueryGetUri": "",
    "sendEventPostUri": "/raiseEvent/{eventName}",
    "terminatePostUri": "/terminate?reason={text}",
    "rewindPostUri": "/rewind?reason={text}",
    "purgeHistoryDeleteUri": "",
    "restartPostUri": "/restart",
    "suspendPostUri": "/suspend?reason={text}",
    "resumePostUri": "/resume?reason={text}",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world_in(tmp_path_factory.mktemp("hub")) as found:
        yield found


class Asked:
    """Requests below the base, with `{live}` and the like filled in."""

    def __init__(self, world: World) -> None:
        self.world = world

    def __call__(self, method: str, path: str, body: str | None = None, **headers: str) -> Answer:
        return self.world.call(method, f"{BASE}/{self.world.target(path)}", body, **headers)


@pytest.fixture
def ask(world: World) -> Asked:
    return Asked(world)


def test_1_a_start_answers_202_with_every_address_location_and_retry_after(world: World, ask: Asked) -> None:
    answer = ask("POST", "orchestrators/approval", '{"a":1}')
    assert answer.status == 202
    assert answer.headers["retry-after"] == "10"
    assert answer.headers["location"] == answer.json["statusQueryGetUri"]
    assert list(answer.json) == ["id", *LINKS]
    for name, rest in LINKS.items():
        path, mark, query = rest.partition("?")
        begin = f"{world.running.url}{BASE}/instances/{answer.json['id']}{path}?{query}{'&' if mark else ''}"
        assert answer.json[name].startswith(f"{begin}taskHub=default&connection=Storage")
    assert ask("GET", f"instances/{answer.json['id']}").json["input"] == {"a": 1}


def test_1_the_flag_for_failures_is_carried_over_into_the_address_of_the_status(ask: Asked) -> None:
    answer = ask("POST", "orchestrators/echo?returnInternalServerErrorOnFailure=TRUE")
    assert answer.json["statusQueryGetUri"].endswith("returnInternalServerErrorOnFailure=true")


def test_2_a_body_that_is_no_json_is_400_invalid_json_content(ask: Asked) -> None:
    answer = ask("POST", "orchestrators/echo", "not json")
    assert (answer.status, answer.json["Message"]) == (400, "Invalid JSON content")
    assert answer.json["ExceptionType"] == "Newtonsoft.Json.JsonReaderException"
    assert answer.json["ExceptionMessage"]


def test_3_an_unknown_function_is_400_and_names_those_that_are_known(ask: Asked) -> None:
    answer = ask("POST", "orchestrators/Nope")
    assert answer.status == 400
    assert answer.json["ExceptionMessage"] == (
        "The function 'Nope' doesn't exist, is disabled, or is not an orchestrator function. Additional info: "
        "The following are the known orchestrator functions: 'approval', 'echo', 'failing', 'later'."
    )


@pytest.mark.parametrize("given", ["@x", "a%2Fb", "a%5Cb", "a%23b", "a%3Fb", "a%0Ab", "x" * 257])
def test_4_an_id_of_an_entity_or_with_forbidden_characters_is_400(ask: Asked, given: str) -> None:
    answer = ask("POST", f"orchestrators/echo/{given}")
    assert answer.status == 400
    assert answer.json["ExceptionMessage"]


def test_5_a_live_id_is_refused_and_an_ended_one_gets_a_fresh_history(world: World, ask: Asked) -> None:
    live = world.target("{live}")
    refused = ask("POST", f"orchestrators/approval/{live}")
    assert refused.status == 409
    assert refused.json["Message"] == "An Orchestration instance with the status Running already exists."
    assert refused.json["ExceptionMessage"] == refused.json["Message"]
    ended = world.target("{failed}")
    assert ask("POST", f"orchestrators/echo/{ended}?timeout=20", "7").json == 7
    history = ask("GET", f"instances/{ended}?showHistory=true").json["historyEvents"]
    assert [event["EventType"] for event in history] == ["ExecutionStarted", "ExecutionCompleted"]


def test_6_the_status_of_a_live_instance_is_202_with_its_own_address(world: World, ask: Asked) -> None:
    live = world.target("{live}")
    answer = ask("GET", f"instances/{live}?showInput=true&code=x")
    assert answer.status == 202
    assert answer.headers["retry-after"] == "5"
    assert answer.headers["location"] == f"{world.running.url}{BASE}/instances/{live}?showInput=true&code=x"


@pytest.mark.parametrize("state", ["ended", "failed"])
def test_7_the_status_of_an_ended_instance_is_200(ask: Asked, state: str) -> None:
    answer = ask("GET", f"instances/{{{state}}}")
    assert answer.status == 200
    assert list(answer.json)[:8] == [
        "name",
        "instanceId",
        "runtimeStatus",
        "input",
        "customStatus",
        "output",
        "createdTime",
        "lastUpdatedTime",
    ]


def test_8_a_failed_instance_is_500_where_that_was_asked_for(ask: Asked) -> None:
    answer = ask("GET", "instances/{failed}?RETURNInternalServerErrorOnFailure=True")
    assert (answer.status, answer.json["runtimeStatus"]) == (500, "Failed")
    assert ask("GET", "instances/{ended}?returnInternalServerErrorOnFailure=true").status == 200


def test_9_inputs_are_left_out_where_that_was_asked_for(world: World, ask: Asked) -> None:
    ended = world.target("{ended}")
    assert ask("GET", f"instances/{ended}").json["input"] == {"n": 1}
    hidden = ask("GET", f"instances/{ended}?showInput=false&showHistory=true").json
    assert hidden["input"] is None
    assert all("Input" not in event for event in hidden["historyEvents"])


def test_10_the_history_is_shown_only_where_that_was_asked_for(world: World, ask: Asked) -> None:
    failed = world.target("{failed}")
    assert "historyEvents" not in ask("GET", f"instances/{failed}").json
    events = ask("GET", f"instances/{failed}?showHistory=true&showHistoryOutput=true").json["historyEvents"]
    assert [event["EventType"] for event in events] == [
        "ExecutionStarted",
        "TaskCompleted",
        "TaskFailed",
        "ExecutionCompleted",
    ]
    started, completed, failure, end = events
    assert (started["FunctionName"], started["Input"]) == ("failing", '{"n":1}')
    assert (completed["FunctionName"], completed["Result"]) == ("one", None)
    assert {"ScheduledTime", "FunctionName", "Reason", "Details"} <= set(failure)
    assert end["OrchestrationStatus"] == "Failed"
    for event in events:
        assert not {"EventId", "IsPlayed", "TaskScheduledId", "TimerId", "Seq"} & set(event)
    short = ask("GET", f"instances/{failed}?showHistory=true").json["historyEvents"]
    assert all("Result" not in event for event in short)


def test_10_open_timers_and_activities_stay_in_the_history(world: World, ask: Asked) -> None:
    instance_id = world.start("later", "Running")
    while len(events := ask("GET", f"instances/{instance_id}?showHistory=true").json.get("historyEvents", [])) < 2:
        pass
    assert events[1]["EventType"] == "TimerCreated"
    assert events[1]["FireAt"].startswith("2099")


def test_11_a_list_of_two_a_page_gives_every_instance_once_by_the_token_loop(world: World, ask: Asked) -> None:
    for number in range(5):
        world.control.start("echo", instance_id=f"paged-{number}", payload=payload.encode(number))
    seen: list[str] = []
    token = ""
    while True:
        answer = ask("GET", "instances?top=2&instanceIdPrefix=paged-", x_ms_continuation_token=token)
        assert answer.status == 200
        assert answer.json, "an empty page"
        seen += [item["instanceId"] for item in answer.json]
        token = answer.headers["x-ms-continuation-token"]
        if not token:
            break
    assert seen == [f"paged-{number}" for number in range(5)]


def test_12_every_filter_alone_and_combined_and_unknown_statuses_are_passed_over(world: World, ask: Asked) -> None:
    world.control.start("echo", payload.encode(1), instance_id="f-ended")
    world.control.wait("f-ended", 20)
    world.control.start("approval", payload.encode(2), instance_id="f-live")

    def found(query: str) -> set[str]:
        return {item["instanceId"] for item in ask("GET", f"instances?top=1000&{query}").json}

    created = world.control.query(InstanceFilter(prefix="f-live"), top=1).items[0].created
    assert found("instanceIdPrefix=f-") == {"f-ended", "f-live"}
    assert "f-live" in found("runtimeStatus=Running")
    assert "f-ended" not in found("runtimeStatus=Running")
    assert found(f"createdTimeFrom={created}") >= {"f-live"}
    assert "f-ended" not in found(f"createdTimeFrom={created}")
    assert found(f"createdTimeTo={created}") >= {"f-live", "f-ended"}
    assert found("createdTimeFrom=2100-01-01") == set() == found("createdTimeTo=2001-01-01")
    assert found("instanceIdPrefix=f-&runtimeStatus=Running,Nonsense") == {"f-live"}
    assert found("instanceIdPrefix=f-&runtimeStatus=Nonsense") == {"f-ended", "f-live"}
    assert found(f"instanceIdPrefix=f-&runtimeStatus=Running&createdTimeFrom={created}&createdTimeTo={created}") == {
        "f-live"
    }
    assert {item["input"] for item in ask("GET", "instances?instanceIdPrefix=f-&showInput=false").json} == {None}


def test_13_a_purge_of_nobody_is_404_of_a_live_one_412_and_of_an_ended_one_counts_one(world: World, ask: Asked) -> None:
    assert (ask("DELETE", "instances/nobody").status, ask("DELETE", "instances/nobody").body) == (404, b"")
    live = world.target("{live}")
    refused = ask("DELETE", f"instances/{live}")
    assert refused.status == 412
    assert refused.json == (
        "Only orchestrations in a terminal state can be purged, "
        f"but the orchestration with instance ID {live} has status Running"
    )
    ended = world.target("{ended}")
    assert ask("DELETE", f"instances/{ended}").json == {"instancesDeleted": 1}
    assert ask("GET", f"instances/{ended}").status == 404


def test_14_a_purge_of_many_needs_a_time_and_is_404_when_nothing_fits(ask: Asked) -> None:
    answer = ask("DELETE", "instances")
    assert (answer.status, answer.json) == (400, "Please provide value for 'createdTimeFrom' parameter.")
    nothing = ask("DELETE", "instances?createdTimeFrom=2100-01-01")
    assert (nothing.status, nothing.body) == (404, b"")


def test_15_an_event_must_be_json_for_a_live_instance(ask: Asked) -> None:
    text = ask("POST", "instances/{live}/raiseEvent/Approval", "1", Content_Type="text/plain")
    assert (text.status, text.json["Message"]) == (400, "Only application/json request content is supported")
    bad = ask("POST", "instances/{live}/raiseEvent/Approval", "{", **JSON)
    assert (bad.status, bad.json["Message"]) == (400, "Invalid JSON content")
    assert ask("POST", "instances/{ended}/raiseEvent/Approval", "1", Content_Type="text/plain").status == 410
    assert ask("POST", "instances/nobody/raiseEvent/Approval", "1", **JSON).status == 404
    assert ask("POST", "instances/{live}/raiseEvent/Approval", "", **JSON).status == 202


MATRIX = {
    # state: terminate, suspend, resume, rewind
    "nobody": (404, 404, 404, 404),
    "{ended}": (410, 410, 410, 412),
    "{failed}": (410, 410, 410, 202),
    "{live}": (202, 202, 409, 412),
    "{suspended}": (202, 409, 202, 412),
}
VERBS = ("terminate", "suspend", "resume", "rewind")


@pytest.mark.parametrize("state", MATRIX)
@pytest.mark.parametrize("verb", VERBS)
def test_16_operations_answer_by_state(world: World, ask: Asked, state: str, verb: str) -> None:
    instance_id = world.target(state)
    answer = ask("POST", f"instances/{instance_id}/{verb}?reason=because%20of%20it")
    wanted = MATRIX[state][VERBS.index(verb)]
    assert answer.status == wanted
    if wanted in (202, 410) or (wanted == 404 and verb != "rewind"):
        assert answer.body == b""
    if wanted == 409:
        status = "Suspended" if verb == "suspend" else "Running"
        assert answer.json["ExceptionMessage"] == (
            f"Cannot {verb} the orchestration instance {instance_id} because instance is in the {status} state."
        )
    if (verb, wanted) == ("rewind", 412):
        assert answer.json.startswith("This orchestration has status ")
        assert answer.json.endswith(', but only orchestrations in the "Failed" state can be rewound.')
    if (verb, wanted) == ("rewind", 404):
        assert answer.json == 'No orchestration with instance ID "$nobody" found.'
    if (verb, wanted) == ("terminate", 202):
        assert world.control.wait(instance_id, 20).summary.output.json_text == '"because of it"'


def test_17_a_restart_has_a_new_id_or_the_same_and_needs_an_instance(world: World, ask: Asked) -> None:
    ended = world.target("{ended}")
    new = ask("POST", f"instances/{ended}/restart")
    assert new.status == 202
    assert new.json["id"] != ended
    same = ask("POST", f"instances/{ended}/restart?restartWithNewInstanceId=False")
    assert (same.status, same.json["id"]) == (202, ended)
    assert ask("POST", f"instances/{ended}/restart?timeout=20").json == {"n": 1}
    nobody = ask("POST", "instances/nobody/restart")
    assert nobody.status == 400
    assert nobody.json["Message"] == "InstanceId does not match a valid orchestration instance."
    assert nobody.json["ExceptionMessage"] == "An orchestrastion with the instanceId nobody was not found."
    assert ask("POST", "instances/{live}/restart?restartWithNewInstanceId=false").status == 409


def test_18_an_entity_is_signalled_read_and_deleted(ask: Asked) -> None:
    assert ask("GET", "entities/Counter/shop").status == 404
    signalled = ask("POST", "entities/Counter/shop?op=set", '{"n":5}', **JSON)
    assert (signalled.status, signalled.body) == (202, b"")
    while (state := ask("GET", "entities/counter/shop")).status == 404:
        pass
    assert (state.status, state.json) == (200, {"n": 5})
    assert ask("GET", "entities/counter/SHOP").status == 404
    listed = ask("GET", "entities/COUNTER?fetchState=true").json
    assert {"name": "counter", "key": "shop"} in [item["entityId"] for item in listed]
    shown = ask("GET", "instances/@counter@shop")
    assert (shown.status, shown.json["runtimeStatus"]) == (202, "Running")
    assert "@counter@shop" in [item["instanceId"] for item in ask("GET", "instances?instanceIdPrefix=@").json]
    assert not any(item["instanceId"].startswith("@") for item in ask("GET", "instances?top=1000").json)
    assert ask("DELETE", "entities/counter/shop").status == 202
    while ask("GET", "entities/counter/shop").status != 404:
        pass


@pytest.mark.parametrize(
    "path", ["", "orchestrators/echo", "instances", "instances/a", "instances/a/terminate", "entities/counter/k"]
)
def test_19_put_is_404_anywhere(ask: Asked, path: str) -> None:
    answer = ask("PUT", path, "{}", **JSON)
    assert (answer.status, answer.body) == (404, b"")


def test_20_a_start_that_waits_answers_with_the_output_or_after_its_time_with_202(ask: Asked) -> None:
    fast = ask("POST", "orchestrators/echo?timeout=20&pollingInterval=0.1", '{"raw":[1]}')
    assert (fast.status, fast.body) == (200, b'{"raw":[1]}')
    slow = ask("POST", "orchestrators/approval?timeout=0.05")
    assert slow.status == 202
    assert slow.headers["location"] == slow.json["statusQueryGetUri"]
    impatient = ask("POST", "orchestrators/echo?timeout=1&pollingInterval=2")
    assert impatient.status == 400
    assert "Total timeout 1 should be bigger than retry timeout 2" in impatient.json["ExceptionMessage"]
    failed = ask("POST", "orchestrators/failing?timeout=20")
    assert (failed.status, failed.json["runtimeStatus"]) == (200, "Failed")


def test_21_slashes_at_the_end_and_names_of_operations_in_any_case_work(world: World, ask: Asked) -> None:
    live = world.target("{live}")
    assert ask("GET", f"INSTANCES/{live}/").status == 202
    assert ask("GET", f"instances/{live.upper()}").status == 404
    assert ask("POST", f"instances/{live}/RaiseEvent/APPROVAL/", "1", **JSON).status == 202
    assert world.control.wait(live, 20).summary.status == "Completed"
    assert ask("POST", "instances/{live}/Terminate/").status == 202
    assert world.call("GET", f"/Runtime/WebHooks/DurableTask/instances/{live}").status == 200
