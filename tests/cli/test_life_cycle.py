"""`rewind`, `restart`, starts at a time and whole families, as processes: with the host up and down."""

from __future__ import annotations

import json

from tests.cli.fake_control import CommandLine
from tests.cli.real import APP, App

REPAIRED = APP.replace('raise ValueError("no luck today")', 'return "luck"')


def test_rewind_without_a_host_is_verified_recorded_and_runs_when_a_host_starts(app: App) -> None:
    with app.running() as host:
        assert app("start", "broken", "--id", "a", "--wait").code == 1
        app("start", "approval", "--id", "live")
        host.stop()
    assert app("rewind", "live").code == 6
    assert app("rewind", "nobody").code == 3
    planned = app("rewind", "a", "--dry-run")
    assert planned.code == 0, planned.err
    assert "runs again: fail #0" in planned.out
    assert "TaskFailed" in planned.out
    app.write("def broken(:\n")
    refused = app("rewind", "a")
    assert refused.code == 8
    assert json.loads(app("status", "a", "-o", "json").out)["runtimeStatus"] == "Failed"
    app.write(REPAIRED.replace('context.call_activity("fail", None)', 'context.call_activity("say", None)'))
    said = app("rewind", "a", "--reason", "fixed")
    assert said.code == 0, said.err
    assert said.out.startswith("rewound a\n  back to before event 5; these no longer count: 3 TaskScheduled")
    assert "runs again: say #0" in said.out
    assert "no host is running" in said.err
    assert json.loads(app("status", "a", "-o", "json").out)["runtimeStatus"] == "Running"
    shown = app("inspect", "a")
    assert "voided" in shown.out
    assert "ExecutionRewound" in shown.out
    assert "voided" not in app("inspect", "a", "--effective").out
    with app.running() as host:
        host.wait_for("completed", instanceId="a", kind="orchestrator")
        assert app("replay", "a").code == 0


def test_rewind_on_a_running_host_refuses_code_that_does_not_agree(app: App) -> None:
    two = APP.replace(
        'yield context.call_activity("fail", None)',
        'yield context.call_activity("say", 1)\n    yield context.call_activity("fail", None)',
    )
    app.write(two)
    with app.running() as host:
        assert app("start", "broken", "--id", "a", "--wait").code == 1
        app.write(two.replace('context.call_activity("say", 1)', 'context.call_activity("never_ends", 1)'))
        host.wait_for("reloaded")
        refused = app("rewind", "a")
        assert refused.code == 5, refused
        assert "history recorded activity `say`, the code now asks for activity `never_ends`" in refused.err
        app.write(two.replace('raise ValueError("no luck today")', 'return "luck"'))
        host.wait_for("reloaded")
        said = app("rewind", "a", "-o", "json")
        assert said.code == 0, said
        assert said.json()[0]["runsAgain"] == ["fail #1"]
        assert app("status", "a", "--wait", "-o", "json").json()["runtimeStatus"] == "Completed"


def test_restart_and_starts_at_a_time_and_whose_id_is_taken(app: App) -> None:
    with app.running() as host:
        app("start", "hello", "--input", '"Bo"', "--id", "a", "--wait")
        again = app("restart", "a", "--wait", "-o", "json")
        assert again.json()["output"] == "Hello Bo"
        assert app("restart", "a", "--same-id", "-o", "id").out == "a\n"
        assert app("start", "approval", "--id", "later", "--at", "+1h").code == 0
        status = app("status", "later")
        assert "Pending" in status.out
        assert app("start", "hello", "--id", "later").code == 6
        skipped = app("start", "hello", "--id", "later", "--if-exists", "skip", "-o", "id")
        assert (skipped.code, skipped.out) == (0, "later\n")
        assert "nothing was started" in skipped.err
        assert app("start", "hello", "--id", "later", "--if-exists", "replace", "--wait").code == 0
        assert app("start", "hello", "--at", "tomorrow").code == 2
        host.stop()
    assert app("restart", "nobody").code == 3
    offline = app("restart", "a")
    assert offline.code == 0
    assert "no host is running" in offline.err


def test_rewinding_all_that_failed_counts_the_children_that_go_with_their_parents(app: App) -> None:
    app.write(
        APP.replace("def stuck(context):", "def family(context):").replace(
            'yield context.call_activity("never_ends", None)', 'yield context.call_sub_orchestrator("broken")'
        )
    )
    with app.running() as host:
        assert app("start", "family", "--id", "p", "--wait").code == 1
        host.stop()
    said = app("rewind", "--all", "--yes")
    assert said.code == 0, said.err
    assert "rewound with it: p:1:0" in said.out
    assert "rewound p:1:0\n  with its parent" in said.out


def test_purge_by_the_age_of_the_last_change_needs_no_other_filter(dfcli: CommandLine) -> None:
    dfcli.control.add("old", "Completed").updated = "2020-01-01T00:00:00.000000Z"
    dfcli.control.add("new", "Completed").updated = "2999-01-01T00:00:00.000000Z"
    said = dfcli("purge", "--older-than", "7d", "--yes")
    assert said.code == 0, said.err
    assert said.out == "purged old\n"
    assert list(dfcli.control.instances) == ["new"]


def test_code_that_raises_keyboard_interrupt_fails_its_instance_and_not_the_host(app: App) -> None:
    app.write(APP.replace('yield context.call_activity("fail", None)', 'raise KeyboardInterrupt("mine")\n    yield'))
    with app.running() as host:
        said = app("start", "broken", "--id", "a", "--wait")
        assert said.code == 1, said
        assert app("start", "hello", "--wait").code == 0
        assert host.stop().code == 0
