"""What Azure would not take is seen in the code when the app is loaded, each under its code."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcli.compat.leniencies_at_load import Seen, at_load
from dfcli.project.load import load_app
from tests.compat.hosting import write_app
from tests.compat.test_an_unmodified_app import QUICKSTART

ACTIVITY = """
@app.activity_trigger(input_name="city", activity="Greet")
def hello(city):
    return city

"""
ORCHESTRATOR = """
@app.orchestration_trigger(context_name="context")
def tour(context):
"""
ENTITY = """
@app.entity_trigger(context_name="context")
def counter(context):
"""

PROVOKED: dict[str, list[str]] = {
    "DFA101": [
        '@app.route(route="x")\n@app.durable_client_input(client_name="client")\ndef x(req, client):\n    return "x"'
    ],
    "DFA102": [
        '@app.orchestration_trigger(context_name="ctx")\ndef tour(ctx):\n    return 1',
        '@app.entity_trigger(context_name="ctx")\ndef counter(ctx):\n    ctx.set_state(1)',
        '@app.orchestration_trigger(context_name="ctx")\ndef tour(context):\n    return 1',
    ],
    "DFA103": [
        ORCHESTRATOR.replace("def", "async def") + '    return await context.call_activity("x")',
        ENTITY.replace("def", "async def") + "    context.set_state(1)",
    ],
    "DFA104": [
        ACTIVITY + ORCHESTRATOR + "    yield context.call_activity(hello, 1)",
        ACTIVITY + ORCHESTRATOR + "    yield context.call_activity_with_retry(name=hello, retry_options=RETRY)",
        ACTIVITY
        + "def steps(context):\n    yield context.call_activity(hello)\n"
        + ORCHESTRATOR
        + "    yield from steps(context)",
        '@app.function_name("Leg")\n@app.orchestration_trigger(context_name="context")\n'
        "def child(context):\n    return 1\n" + ORCHESTRATOR + "    yield context.call_sub_orchestrator(child)",
    ],
    "DFA137": [ORCHESTRATOR + "    yield context.signal_entity(df.EntityId('counter', 'a'), 'add', 1)"],
    "DFA123": [ORCHESTRATOR + "    import dfcli\n    return 1", "from dfcli import RetryOptions"],
    "DFA115": [
        '@app.activity_trigger(input_name="city")\ndef hello(city, greeting="Hello"):\n    return city',
        '@app.route(route="x")\ndef x(req, *more):\n    return "x"',
    ],
    "DFA116": [
        '@app.route(route="x")\ndef x(req: dict):\n    return "x"',
        '@app.route(route="x")\ndef x(req: func.HttpRequest) -> dict:\n    return "x"',
        '@app.activity_trigger(input_name="city")\ndef hello(city, context: str):\n    return city',
        '@app.timer_trigger(arg_name="tick", schedule="0 0 * * * *")\ndef x(tick: func.HttpRequest):\n    pass',
    ],
    "DFA117": [
        '@app.function_name("my.function")\n@app.route(route="x")\ndef x(req):\n    return "x"',
        '@app.activity_trigger(input_name="city", activity="_hello")\ndef hello(city):\n    return city',
        '@app.route(route="x")\ndef host(req):\n    return "x"',
    ],
    "DFA118": [ORCHESTRATOR + "    task = context.wait_for_external_event('x')\n    yield task\n    task.get_result()"],
    "DFA119": [
        ORCHESTRATOR
        + "    try:\n        yield context.call_activity('x')\n"
        + "    except Exception as error:\n        return error.error_type"
    ],
    "DFA111": [
        ORCHESTRATOR + "    yield context.lock_entities([])",
        ORCHESTRATOR + "    log = context.create_replay_safe_logger(None)",
        ORCHESTRATOR + "    context.signal_entity(None, 'add', 1, signal_time=None)",
        ORCHESTRATOR + "    yield context.call_http('GET', 'http://localhost', timeout=3)",
    ],
    "DFA120": [
        ENTITY + "    context.signal_entity(None, 'add')",
        ENTITY + "    context.start_new('tour')",
    ],
    "DFA121": ['@app.route(route="admin/users")\ndef x(req):\n    return "x"'],
    "DFA122": [ENTITY + "    return 1"],
}
"""By code, apps that have nothing else."""

CLEAN = """
@app.function_name("Say")
@app.activity_trigger(input_name="city")
def say(city: str) -> str:
    return city

@app.orchestration_trigger(context_name="context")
def named_otherwise(ctx: df.DurableOrchestrationContext):
    tasks = [ctx.call_activity("Say", city) for city in ctx.get_input()]
    try:
        yield ctx.task_all(tasks)
    except Exception as error:
        return str(error)

@app.entity_trigger(context_name="context")
def counter(context: df.DurableEntityContext):
    def added():
        return context.get_state(int) + context.get_input()
    if context.operation_name == "get":
        return context.set_result(context.get_state(int))
    context.set_state(added())

@app.route(route="{name}/admin")
def page(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
    return func.HttpResponse(context.function_name)

@app.queue_trigger(arg_name="message", queue_name="q", connection="AzureWebJobsStorage")
@app.blob_input(arg_name="blob", path="a/b", connection="AzureWebJobsStorage")
def on_message(message, blob):
    pass
"""


def seen_in(folder: Path, source: str) -> list[Seen]:
    return [seen for function in load_app(str(write_app(folder, source))).registry.all for seen in at_load(function)]


@pytest.mark.parametrize(("code", "source"), [(code, source) for code, all_ in PROVOKED.items() for source in all_])
def test_a_leniency_that_the_code_shows_is_found_with_its_line(tmp_path: Path, code: str, source: str) -> None:
    found = seen_in(tmp_path, "RETRY = df.RetryOptions(1, 1)\n" + source)
    assert {seen.code for seen in found} == {code}
    file, _, line = found[0].place.rpartition(":")
    assert file.endswith("function_app.py")
    assert 1 <= int(line) <= len((tmp_path / "function_app.py").read_text().splitlines())


@pytest.mark.parametrize("source", [QUICKSTART, CLEAN, ""])
def test_an_app_that_runs_on_azure_is_not_warned_of(tmp_path: Path, source: str) -> None:
    assert seen_in(tmp_path, source) == []


def test_the_line_is_the_calls_and_not_the_functions(tmp_path: Path) -> None:
    source = ACTIVITY + ORCHESTRATOR + "    x = 1\n    yield context.call_activity(hello, x)"
    (found,) = seen_in(tmp_path, source)
    line = int(found.place.rpartition(":")[2])
    assert "call_activity(hello, x)" in (tmp_path / "function_app.py").read_text().splitlines()[line - 1]
    assert found.detail == "Greet"


def test_a_client_function_of_function_json_makes_its_client_itself_and_may_be_plain(tmp_path: Path) -> None:
    bindings = (
        '[{"type": "httpTrigger", "name": "req", "direction": "in"}, {"type": "http", "name": "$return", "direction": '
        '"out"}, {"type": "durableClient", "name": "starter", "direction": "in"}]'
    )
    files = {
        "start/__init__.py": "def main(req, starter):\n    return starter\n",
        "start/function.json": f'{{"bindings": {bindings}}}',
    }
    write_app(tmp_path, "", files)
    (tmp_path / "function_app.py").unlink()
    (function,) = load_app(str(tmp_path)).registry.all
    assert at_load(function) == []


def test_the_context_may_have_any_name_in_the_code_when_the_binding_says_context(tmp_path: Path) -> None:
    registry = load_app(str(write_app(tmp_path, CLEAN))).registry
    orchestrator = registry.orchestrator("named_otherwise")
    assert orchestrator is not None
    assert orchestrator.parameter == "ctx"
