"""What the commands on instances ask of a control, print, and exit with."""

from __future__ import annotations

import json

from msgspec import Raw

from dfcli.cli.render import shown_path
from dfcli.model.failure import FailureDetails
from dfcli.model.payload import Payload
from dfcli.model.query import CodeLocation, Wait
from tests.cli.fake_control import CommandLine, history_of


def test_start_prints_the_id_alone_on_stdout(dfcli: CommandLine) -> None:
    said = dfcli("start", "hello", "--id", "order-1", "--input", '{"n": 1}')
    assert said == (0, "order-1\n", "started; see `dfcli status order-1`\n")
    assert dfcli.control.asked == [("start", "hello", '{"n":1}', "order-1", None)]
    assert dfcli.control.closed


def test_start_without_a_host_says_that_it_is_recorded(dfcli: CommandLine) -> None:
    dfcli.control.online = False
    said = dfcli("start", "hello", "--id", "order-1")
    assert said.code == 0
    assert "no host is running" in said.err


def test_start_reads_its_input_from_stdin_and_from_a_file(dfcli: CommandLine, tmp_path: object) -> None:
    dfcli("start", "hello", "--id", "a", "--input", "-", stdin='["x"]')
    path = f"{tmp_path}/input.json"
    with open(path, "w") as file:
        file.write("[1, 2]")
    dfcli("start", "hello", "--id", "b", "--input", f"@{path}")
    assert [asked[2] for asked in dfcli.control.asked] == ['["x"]', "[1,2]"]


def test_a_bare_word_as_input_shows_the_quoted_form(dfcli: CommandLine) -> None:
    said = dfcli("start", "hello", "--input", "Tokyo")
    assert said.code == 2
    assert said.out == ""
    assert "error: --input Tokyo is not JSON" in said.err
    assert """hint: text needs double quotes inside single ones: --input '"Tokyo"'""" in said.err


def test_an_input_file_that_is_missing_is_not_found(dfcli: CommandLine) -> None:
    said = dfcli("start", "hello", "--input", "@nowhere.json")
    assert (said.code, said.err.split("\n")[0]) == (3, "error: there is no file 'nowhere.json'")


def test_waiting_for_an_instance_that_failed_exits_with_1(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Failed", failure=FailureDetails(error_type="ValueError", error_message="no"))
    said = dfcli("status", "a", "--wait")
    assert said.code == 1
    assert "ValueError: no" in said.out


def test_waiting_too_long_exits_with_7(dfcli: CommandLine) -> None:
    dfcli.control.add("a")
    said = dfcli("status", "a", "--wait", "--timeout", "1")
    assert said.code == 7
    assert "hint: dfcli status a --wait" in said.err


def test_waiting_without_a_host_exits_with_4(dfcli: CommandLine) -> None:
    dfcli.control.online = False
    said = dfcli("start", "hello", "--id", "a", "--wait")
    assert said.code == 4
    assert "hint: dfcli run" in said.err


def test_the_status_of_a_live_instance_ends_with_the_line_that_waits(dfcli: CommandLine) -> None:
    dfcli.control.add("a", input=Payload(Raw(b'"Bo"')))
    with open(__file__) as file:
        number = next(n for n, line in enumerate(file, 1) if line.startswith("from msgspec"))
    location = CodeLocation(__file__, number, "hello")
    dfcli.control.waits["a"] = [Wait(kind="event", name="approve", location=location)]
    said = dfcli("status", "a")
    assert said.code == 0
    assert said.out.endswith(
        f"waits for\n  event `approve`\n    at {shown_path(__file__)}:{number} in hello\n"
        "       from msgspec import Raw\n"
    )


def test_many_open_calls_of_one_function_are_counted(dfcli: CommandLine) -> None:
    dfcli.control.add("a")
    location = CodeLocation("nowhere.py", 7, "backup")
    at = "2026-01-02T03:04:{:02d}.000000Z"
    dfcli.control.waits["a"] = [
        *(
            Wait(kind="activity", name="copy", event_id=n, since=at.format(n), location=location)
            for n in range(9, 0, -1)
        ),
        Wait(kind="timer", event_id=10, due=at.format(59), location=location),
    ]
    assert dfcli("status", "a").out.endswith(
        "waits for\n  activity `copy`: 9 open, the oldest since 2026-01-02T03:04:01.000000Z\n"
        "  timer, due 2026-01-02T03:04:59.000000Z\n    at nowhere.py:7 in backup\n"
    )


def test_the_status_as_json_has_the_field_names_of_the_http_api(dfcli: CommandLine) -> None:
    dfcli.control.add("a", input=Payload(Raw(b'{"n":1}')))
    dfcli.control.waits["a"] = [Wait(kind="timer", due="2026-01-02T04:00:00.000000Z")]
    shown = json.loads(dfcli("status", "a", "-o", "json").out)
    assert list(shown)[:8] == [
        "name", "instanceId", "runtimeStatus", "input", "customStatus", "output", "createdTime", "lastUpdatedTime",
    ]  # fmt: skip
    assert shown["waits"] == [{"kind": "timer", "due": "2026-01-02T04:00:00.000000Z"}]
    assert shown["input"] == {"n": 1}


def test_an_id_may_be_shortened_for_reading_as_long_as_one_instance_is_meant(dfcli: CommandLine) -> None:
    dfcli.control.add("order-1")
    dfcli.control.add("order-2")
    dfcli.control.add("payment")
    assert dfcli("status", "pay", "-o", "id").out == "payment\n"
    ambiguous = dfcli("status", "order")
    assert ambiguous.code == 2
    assert "why: order-1, order-2" in ambiguous.err
    assert dfcli("status", "x").code == 3


def test_an_exact_id_wins_over_longer_ones_that_begin_with_it(dfcli: CommandLine) -> None:
    dfcli.control.add("a")
    dfcli.control.add("ab")
    assert dfcli("status", "a", "-o", "id").out == "a\n"


def test_changing_commands_take_no_shortened_ids(dfcli: CommandLine) -> None:
    dfcli.control.add("payment")
    said = dfcli("terminate", "pay")
    assert said.code == 3
    assert dfcli.control.asked == []


def test_last_and_failed_name_the_newest(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Failed")
    dfcli.control.add("b")
    assert dfcli("status", "@failed", "-o", "id").out == "a\n"
    assert dfcli("terminate", "@last").out == "terminated b\n"
    assert dfcli("terminate", "@failed").code == 2


def test_status_without_an_id_counts(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Failed")
    dfcli.control.add("b")
    dfcli.control.add("c")
    said = dfcli("status")
    assert "3 instances: 2 Running, 1 Failed" in said.out
    assert json.loads(dfcli("status", "-o", "json").out)["counts"] == {"Failed": 1, "Running": 2}


def test_list_streams_every_page(dfcli: CommandLine) -> None:
    for number in range(1_203):
        dfcli.control.add(f"i{number}")
    said = dfcli("list", "-o", "id")
    assert len(said.out.split()) == 1_203
    assert dfcli.control.pages == 3
    assert len(json.loads(dfcli("list", "-o", "json").out)) == 1_203
    assert len(dfcli("list", "-o", "jsonl", "--top", "7").out.splitlines()) == 7


def test_list_filters_by_status_name_prefix_and_time(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Failed", name="Hello")
    dfcli.control.add("b", "Running", name="other")
    dfcli.control.add("c", "Suspended", name="hello")
    assert dfcli("list", "--failed", "-o", "id").out == "a\n"
    assert dfcli("list", "--running", "-o", "id").out == "b\nc\n"
    assert dfcli("list", "--status", "suspended,failed", "-o", "id").out == "a\nc\n"
    assert dfcli("list", "--name", "HELLO", "-o", "id").out == "a\nc\n"
    assert dfcli("list", "--since", "2026-01-02T03:01", "-o", "id").out == "b\nc\n"
    assert dfcli("list", "--until", "2026-01-02T03:00:30Z", "-o", "id").out == "a\n"
    assert dfcli("list", "--since", "1h").err == "no instance matches\n"
    assert dfcli("list", "--status", "Nope").code == 2
    assert dfcli("list", "--since", "yesterday").code == 2


def test_an_empty_list_is_an_empty_json_array(dfcli: CommandLine) -> None:
    assert dfcli("list", "-o", "json").out == "[]\n"


def test_raise_event_hands_over_the_payload(dfcli: CommandLine) -> None:
    dfcli.control.add("a")
    said = dfcli("raise-event", "a", "approve", "--data", "true")
    assert said == (0, "raised approve to a\n", "")
    assert dfcli.control.asked == [("raise", "a", "approve", "true")]


def test_raise_event_to_an_ended_instance_is_refused(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    assert dfcli("raise-event", "a", "approve").code == 6


def test_a_bulk_command_goes_on_after_a_refusal_and_exits_with_1(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.add("b")
    said = dfcli("suspend", "a", "b", "nobody")
    assert said.code == 1
    assert said.out == "suspended b\n"
    assert "error: instance 'a' has ended" in said.err
    assert "error: there is no instance 'nobody'" in said.err
    assert "1 instance suspended, 2 refused" in said.err


def test_ids_come_from_stdin(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.add("b", "Failed")
    assert dfcli("purge", "-", "--yes", stdin="a\n\nb\n").out == "purged a\npurged b\n"
    assert dfcli.control.instances == {}


def test_purging_many_without_a_terminal_needs_yes(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    said = dfcli("purge", "--status", "Completed")
    assert said.code == 2
    assert "error: this would purge 1 instance" in said.err
    assert list(dfcli.control.instances) == ["a"]


def test_a_dry_run_shows_what_would_go_and_touches_nothing(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.add("b")
    said = dfcli("purge", "--all", "--dry-run", "-o", "id")
    assert said == (0, "a\n", "1 instance would be purged; nothing was done\n")
    assert list(dfcli.control.instances) == ["a", "b"]


def test_purge_with_filters_leaves_live_instances_alone(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.add("b")
    assert dfcli("purge", "--name", "hello", "--yes").code == 0
    assert list(dfcli.control.instances) == ["b"]
    assert dfcli("purge", "b").code == 6
    assert dfcli("purge", "--running", "--yes").code == 2


def test_a_bulk_command_wants_ids_or_a_filter_and_not_both(dfcli: CommandLine) -> None:
    assert dfcli("terminate").code == 2
    assert dfcli("terminate", "a", "--all").code == 2


def test_inspect_shows_a_row_per_event_with_the_name_of_the_call_it_answers(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.histories["a"] = history_of()
    rows = [line.split() for line in dfcli("inspect", "a").out.splitlines()]
    assert rows[0] == ["SEQ", "TIME", "EVENT", "ID", "NAME", "DETAIL"]
    assert rows[3] == ["3", "03:00:00.000", "TaskScheduled", "#0", "say", '"Bo"']
    assert rows[5] == ["5", "03:00:02.000", "TaskCompleted", "→", "#0", "say", '"Hi', 'Bo"']
    timeline = dfcli("inspect", "a", "--view", "timeline").out
    assert "+2.000s  2.0 s  TaskCompleted" in timeline
    assert "OrchestratorStarted" not in timeline


def test_inspect_as_json_gives_the_lines_or_azures_form(dfcli: CommandLine) -> None:
    dfcli.control.add("a", "Completed")
    dfcli.control.histories["a"] = history_of()
    lines = dfcli("inspect", "a", "-o", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == json.loads(dfcli("inspect", "a", "-o", "json").out)
    assert lines == dfcli("inspect", "a", "--view", "raw").out.splitlines()
    azure = json.loads(dfcli("inspect", "a", "--view", "azure").out)
    assert [event["EventType"] for event in azure] == [12, 0, 4, 13, 12, 5, 1, 13]


def test_control_characters_of_users_are_shown_and_not_obeyed(dfcli: CommandLine) -> None:
    evil = "\x1b]52;c;AAAA\x07 \u202egnp.exe \x9b31m"
    dfcli.control.add("a", name=evil, failure=FailureDetails(error_type="E", error_message=evil), status="Failed")
    for arguments in (["status", "a"], ["list"], ["status"]):
        out = dfcli(*arguments).out
        assert not set(out) & set("\x1b\x07\u202e\x9b")
        assert "\\x1b]52;c;AAAA\\x07 \\u202egnp.exe \\x9b31m" in out
