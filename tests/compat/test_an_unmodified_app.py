"""The app that Azure's quickstart has users write, without an edit, behind the real host."""

from __future__ import annotations

from pathlib import Path

import pytest

from dfcli.errors import AppLoadError
from dfcli.project.load import load_app
from tests.compat.hosting import hosted, write_app

QUICKSTART = """
@app.orchestration_trigger(context_name="context")
def hello_orchestrator(context):
    first = yield context.call_activity("hello", "Seattle")
    second = yield context.call_activity(hello, "Tokyo")
    third = yield context.call_activity("hello", "London")
    return [first, second, third]


@app.activity_trigger(input_name="city")
def hello(city: str):
    return f"Hello {city}"
"""


def test_the_quickstart_runs_to_its_result(tmp_path: Path) -> None:
    with hosted(tmp_path, QUICKSTART) as host:
        status = host.outcome(host.start("hello_orchestrator", None))
    assert status["output"] == ["Hello Seattle", "Hello Tokyo", "Hello London"]
    assert status["runtimeStatus"] == "Completed"


def test_its_executions_record_that_they_follow_azures_rules(tmp_path: Path) -> None:
    loaded = load_app(str(write_app(tmp_path, QUICKSTART)))
    assert loaded.registry.rules == "azure/1"
    assert {f.name: f.kind for f in loaded.registry.all} == {
        "hello": "activity",
        "start": "http",
        "hello_orchestrator": "orchestrator",
    }


def test_functions_of_blueprints_in_other_modules_are_found(tmp_path: Path) -> None:
    blueprint = """
        import azure.durable_functions as df

        bp = df.Blueprint()

        @bp.activity_trigger(input_name="number", activity="Double")
        def double(number):
            return number * 2
    """
    source = """
        from work.double import bp

        app.register_functions(bp)

        @app.orchestration_trigger(context_name="context")
        def twice(context):
            return (yield context.call_activity("double", context.get_input()))
    """
    with hosted(tmp_path, source, {"work/double.py": blueprint, "work/__init__.py": ""}) as host:
        status = host.outcome(host.start("twice", None))
        assert status["runtimeStatus"] == "Failed"
        assert "TypeError" in status["output"]
        listed = host.request("GET", f"{host.url}/admin/functions")
    assert "Double" in {function["name"] for function in listed}


def test_a_function_that_azure_refuses_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(AppLoadError, match="'lonely' cannot be used") as refused:
        load_app(str(write_app(tmp_path, '@app.function_name("lonely")\ndef lonely(x): pass\n')))
    assert "does not have a trigger" in refused.value.why
    assert "function_app.py:" in refused.value.why
