"""`dfcli run` as a process, and the other commands beside it."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys

from tests.cli.real import APP, APPROVAL_LINE, App, environment


def test_a_host_says_when_it_is_ready_and_ends_in_order(app: App) -> None:
    with app.running() as host:
        ready = host.facts[0]
        assert ready["url"].startswith("http://127.0.0.1:")
        assert {function["name"] for function in ready["functions"]} >= {"hello", "say"}
        file = f"{app.hub}/running.json"
        with open(file) as opened:
            assert json.load(opened)["url"] == ready["url"]
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        said = host.stop()
        assert said.code == 0
        assert "hello: orchestrator" in said.err
        assert f"ready in {ready['milliseconds']} ms at {ready['url']}" in said.err
        assert not os.path.exists(file)


def test_an_instance_that_is_waited_for_gives_its_result_or_exit_code_1(app: App) -> None:
    with app.running() as host:
        said = app("start", "hello", "--input", '"Bo"', "--id", "a", "--wait", "-o", "json")
        assert said.code == 0
        assert said.json()["output"] == "Hello Bo"
        assert host.wait_for("completed", instanceId="a", kind="activity")
        failed = app("start", "broken", "--wait")
        assert failed.code == 1
        assert "ValueError: no luck today" in failed.out


def test_reading_commands_say_the_same_with_the_host_up_and_down(app: App) -> None:
    commands = [
        ("list", "-o", "json"),
        ("inspect", "a", "-o", "jsonl"),
        ("inspect", "a"),
        ("inspect", "a", "--view", "azure"),
        ("replay", "a", "--trace"),
        ("status", "a", "-o", "id"),
        ("status", "ap"),
    ]
    with app.running() as host:
        app("start", "hello", "--id", "a", "--wait")
        app("start", "approval", "--id", "approval-1")
        host.wait_for("started", instanceId="approval-1")
        app("start", "hello", "--id", "b", "--wait")
        up = [app(*command) for command in commands]
        host.stop()
    down = [app(*command) for command in commands]
    for command, online, offline in zip(commands, up, down, strict=True):
        without_host_line = [line for line in offline.out.splitlines() if not line.startswith("host ")]
        assert online.out.splitlines() == without_host_line, command
        assert (online.code, offline.code) == (0, 0)


def test_the_status_of_a_waiting_instance_names_the_line_with_the_host_up_and_down(app: App) -> None:
    expected = f"    at function_app.py:{app.line_of(APPROVAL_LINE)} in approval\n       {APPROVAL_LINE}\n"
    with app.running() as host:
        app("start", "approval", "--id", "a")
        app("start", "hello", "--id", "b", "--wait")
        up = app("status", "a")
        assert up.out.endswith(expected)
        assert "event `approve`" in up.out
        host.stop()
    down = app("status", "a")
    assert down.out.endswith(expected)
    assert "not running: nothing goes on until `dfcli run`" in down.out


def test_without_a_host_and_without_working_code_the_history_alone_must_do(app: App) -> None:
    with app.running() as host:
        app("start", "stuck", "--id", "a")
        host.wait_for("scheduled", instanceId="a")
        host.signal(signal.SIGKILL)
        host.ended()
    app.write("this is no python")
    said = app("status", "a")
    assert said.code == 0
    assert "activity `never_ends`" in said.out
    assert "shown is what the history alone tells" in said.err


def test_every_verb_works_without_a_host_and_takes_effect_when_one_starts(app: App) -> None:
    assert app("start", "hello", "--id", "a", "--input", '"Bo"').out == "a\n"
    assert app("start", "approval", "--id", "b").code == 0
    assert app("raise-event", "b", "approve", "--data", '"yes"').code == 0
    assert app("start", "approval", "--id", "c").code == 0
    assert app("terminate", "c", "--reason", "enough").out == "terminated c\n"
    assert app("status", "c", "-o", "json").json()["runtimeStatus"] == "Terminated"
    assert app("start", "approval", "--id", "d").code == 0
    assert app("suspend", "d").out == "suspended d\n"
    assert app("resume", "d").out == "resumed d\n"
    assert app("purge", "c").out == "purged c\n"
    assert app("status", "c").code == 3
    with app.running("--exit-when-idle") as host:
        assert host.ended() == 0
    assert app("status", "a", "-o", "json").json()["output"] == "Hello Bo"
    assert app("status", "b", "-o", "json").json()["output"] == "yes"
    assert app("status", "d", "-o", "json").json()["runtimeStatus"] == "Running"


def test_exit_when_idle_ends_with_1_when_an_instance_failed(app: App) -> None:
    app("start", "broken", "--id", "a")
    with app.running("--exit-when-idle") as host:
        assert host.ended() == 1


def test_a_killed_host_leaves_everything_to_the_next(app: App) -> None:
    with app.running() as host:
        app("start", "approval", "--id", "a")
        host.signal(signal.SIGKILL)
        host.ended()
    assert os.path.exists(f"{app.hub}/running.json")
    assert app("status", "a", "-o", "json").json()["runtimeStatus"] in ("Pending", "Running")
    with app.running() as host:
        assert host.facts[0]["recovered"]["live"] == 1
        assert app("raise-event", "a", "approve").code == 0
        assert app("status", "a", "--wait").code == 0


def test_ctrl_c_twice_ends_at_once_with_130(app: App) -> None:
    with app.running("--drain", "60") as host:
        app("start", "stuck", "--id", "a")
        host.wait_for("scheduled", instanceId="a")
        host.signal(signal.SIGINT)
        host.wait_for_talk("stopping")
        host.signal(signal.SIGINT)
        assert host.ended() == 130
    assert app("status", "a", "-o", "json").json()["runtimeStatus"] == "Running"


def test_ctrl_c_twice_ends_a_host_whose_orchestrator_never_yields(app: App) -> None:
    blocking = """
@app.orchestration_trigger(context_name="context")
def blocks(context):
    import sys
    yield context.wait_for_external_event("go")
    print("blocking", file=sys.stderr, flush=True)
    while True:
        pass
"""
    app.write(APP + blocking)
    with app.running() as host:
        app("start", "blocks", "--id", "a")
        raising = app.begin("raise-event", "a", "go")
        host.wait_for_talk("blocking")
        host.signal(signal.SIGINT)
        host.wait_for_talk("stopping")
        host.signal(signal.SIGINT)
        assert host.ended() == 130
        raising.communicate()
    assert app("status", "a", "-o", "json").json()["runtimeStatus"] == "Running"


def test_an_activity_that_does_not_end_delays_no_stop_beyond_its_time(app: App) -> None:
    with app.running("--drain", "0") as host:
        app("start", "stuck", "--id", "a")
        host.wait_for("scheduled", instanceId="a")
        assert host.stop().code == 0


def test_changed_code_is_taken_up_and_broken_code_is_not(app: App) -> None:
    with app.running() as host:
        app.write(APP.replace('f"Hello {name}"', 'f"Good day {name}"'))
        host.wait_for("reloaded")
        assert app("start", "hello", "--input", '"Bo"', "--wait", "-o", "json").json()["output"] == "Good day Bo"
        app.write(APP + "\ndef oops(:\n")
        failed = host.wait_for("reload failed")
        assert f"function_app.py:{APP.count(chr(10)) + 2}" in failed["detail"]
        assert app("start", "hello", "--input", '"Bo"', "--wait", "-o", "json").json()["output"] == "Good day Bo"
        said = host.stop()
        assert said.code == 0
        assert "the old code keeps running" in said.err


def test_changed_code_that_disagrees_with_a_history_parks_the_instance_and_names_it(app: App) -> None:
    with app.running() as host:
        app("start", "approval", "--id", "a")
        app("start", "hello", "--id", "b", "--wait")
        changed = APP.replace(APPROVAL_LINE, f'yield context.call_activity("say", 1)\n    {APPROVAL_LINE}')
        app.write(changed)
        assert host.wait_for("reloaded")["parked"] == ["a"]
        assert app("status", "a", "-o", "json").json()["parked"]
        app.write(APP)
        assert host.wait_for("reloaded")["parked"] == []
        assert app("raise-event", "a", "approve").code == 0
        assert app("status", "a", "--wait").code == 0


def test_replay_of_a_history_that_the_code_no_longer_repeats_exits_with_5(app: App) -> None:
    app("start", "hello", "--id", "a")
    with app.running("--exit-when-idle") as host:
        assert host.ended() == 0
    assert app("replay", "a").code == 0
    app.write(APP.replace('context.call_activity("say"', 'context.call_activity("fail"'))
    said = app("replay", "a", "--trace")
    assert said.code == 5
    assert "history recorded activity `say`, the code now asks for activity `fail`" in said.err
    assert f"function_app.py:{app.line_of('call_activity(')} in hello" in said.err
    assert app("replay", "a", "-o", "json").json()["divergence"]["eventId"] == 0


def test_a_history_file_can_be_replayed_by_its_path(app: App) -> None:
    app("start", "hello", "--id", "a")
    with app.running("--exit-when-idle") as host:
        assert host.ended() == 0
    path = f"{app.folder}/copy.jsonl"
    with open(path, "w") as file:
        file.write(app("inspect", "a", "-o", "jsonl").out)
    said = app("replay", path)
    assert said.code == 0
    assert "agrees: a replays to its end" in said.out


def test_a_reader_that_leaves_ends_a_command_quietly(app: App) -> None:
    for number in range(3):
        app("start", "approval", "--id", f"i{number}")
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "dfcli", "list"],
        cwd=app.folder,
        stdout=writer,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    os.close(writer)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_host_whose_reader_left_goes_on(app: App) -> None:
    with app.running() as host:
        assert host.process.stdout is not None
        host.process.stdout.close()
        assert app("start", "hello", "--wait").code == 0
        host.signal(signal.SIGTERM)
        assert host.ended() == 0


def test_what_code_prints_never_stands_among_the_lines_of_json(app: App) -> None:
    app.write(
        APP.replace(
            'return f"Hello {name}"', "import os; print('by print', flush=True); os.system('echo by a child'); return 1"
        )
    )
    with app.running("--workers", "1") as host:
        assert app("start", "hello", "--wait").code == 0
        said = host.stop()
    assert all(isinstance(json.loads(line), dict) for line in said.out.splitlines())
    assert "by print" in said.err
    assert "by a child" in said.err


def test_activities_run_in_worker_processes(app: App) -> None:
    with app.running("--workers", "2") as host:
        assert app("start", "hello", "--input", '"Bo"', "--wait", "-o", "json").json()["output"] == "Hello Bo"
        assert host.stop().code == 0


def test_worker_processes_run_the_new_code_after_a_reload(app: App) -> None:
    with app.running("--workers", "2") as host:
        assert app("start", "hello", "--input", '"Bo"', "--wait", "-o", "json").json()["output"] == "Hello Bo"
        app.write(APP.replace('f"Hello {name}"', 'f"Good day {name}"'))
        host.wait_for("reloaded")
        for _ in range(3):
            said = app("start", "hello", "--input", '"Bo"', "--wait", "-o", "json")
            assert said.json()["output"] == "Good day Bo"
        assert host.stop().code == 0


def test_replay_shows_a_block_per_event_with_line_and_variables(app: App) -> None:
    app("start", "hello", "--id", "a", "--input", '"Bo"')
    with app.running("--exit-when-idle") as host:
        assert host.ended() == 0
    said = app("replay", "a").out
    assert "TaskScheduled #0" in said
    assert f"hello at function_app.py:{app.line_of('call_activity(')}" in said
    assert "TaskScheduled" not in app("replay", "a", "--brief").out
