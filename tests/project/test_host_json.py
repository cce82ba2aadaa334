"""host.json: what of Azure's file is honoured, and what is said of the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dfcli.errors import AppLoadError, InvalidArgument
from dfcli.project.host_json import MEANINGS, seconds_of_span
from dfcli.project.settings import Settings, load_settings


def loaded(folder: Path, document: Any, *, environ: dict[str, str] | None = None, local: Any = None) -> Settings:
    (folder / "host.json").write_text(json.dumps(document), encoding="utf-8")
    if local is not None:
        (folder / "local.settings.json").write_text(json.dumps(local), encoding="utf-8")
    return load_settings(str(folder), environ=environ or {})


def task(**members: Any) -> dict[str, Any]:
    return {"version": "2.0", "extensions": {"durableTask": members}}


GIVEN: dict[str, tuple[Any, str, Any]] = {
    "hubName": ("MyHub", "hub", "MyHub"),
    "maxConcurrentActivityFunctions": (7, "max_concurrent_activities", 7),
    "maxConcurrentOrchestratorFunctions": (8, "max_concurrent_orchestrators", 8),
    "maxConcurrentEntityFunctions": (9, "max_concurrent_entities", 9),
    "maxEntityOperationBatchSize": (10, "max_entity_batch", 10),
    "maxOrchestrationActions": (11, "max_orchestration_actions", 11),
    "overridableExistingInstanceStates": ("AnyState", "overridable_states", "any"),
    "rollbackEntityOperationsOnExceptions": (False, "rollback_entity_operations", False),
    "throwStatusExceptionsOnRaiseEvent": (False, "raise_event_strict", False),
    "storeInputsInOrchestrationHistory": (True, "store_inputs", True),
    "useGracefulShutdown": (False, "graceful_shutdown", False),
    "defaultVersion": ("2.1", "default_version", "2.1"),
    "versionMatchStrategy": ("CurrentOrOlder", "version_match", "current_or_older"),
    "versionFailureStrategy": ("Fail", "version_failure", "fail"),
}


@pytest.mark.parametrize("key", GIVEN)
def test_a_key_of_durable_task_becomes_a_setting(key: str, tmp_path: Path) -> None:
    value, setting, expected = GIVEN[key]
    settings = loaded(tmp_path, task(**{key: value}))
    assert getattr(settings, setting) == expected
    assert settings.sources[setting] == "host.json"
    assert settings.notes == []


def test_every_meaning_is_a_setting_and_is_tried_here() -> None:
    assert {meaning.setting for meaning in MEANINGS.values()} <= set(Settings.__struct_fields__)
    flat = {
        key.rpartition(".")[2] for key in MEANINGS if key.startswith("extensions.durableTask.") and key.count(".") == 2
    }
    assert flat == set(GIVEN)


def test_deeper_keys_and_keys_of_other_extensions_count_too(tmp_path: Path) -> None:
    document = task(
        httpSettings={"defaultAsyncRequestSleepTimeMilliseconds": 1500},
        tracing={"traceInputsAndOutputs": True, "traceReplayEvents": True, "distributedTracingEnabled": True},
    )
    document["extensions"]["http"] = {"routePrefix": "", "maxConcurrentRequests": 4, "maxOutstandingRequests": 9}
    settings = loaded(tmp_path, document | {"functionTimeout": "00:05:00"})
    assert (settings.http_poll_seconds, settings.function_timeout) == (1.5, 300.0)
    assert (settings.log_payloads, settings.log_replay, settings.otel) == (True, True, True)
    assert (settings.route_prefix, settings.max_http_requests) == ("", 4)
    assert settings.notes == []


def test_a_key_is_found_in_any_case(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"Extensions": {"durabletask": {"HUBNAME": "abc"}}}).hub == "abc"


def test_what_only_a_cloud_can_use_is_left_alone_without_a_word(tmp_path: Path) -> None:
    document = task(storageProvider={"type": "AzureStorage", "partitionCount": 4}, extendedSessionsEnabled=True)
    document |= {
        "logging": {"logLevel": {"default": "Trace"}},
        "extensionBundle": {"id": "x", "version": "[4.*, 5.0.0)"},
    }
    assert loaded(tmp_path, document).notes == []


def test_another_provider_and_event_grid_are_noted_and_not_fatal(tmp_path: Path) -> None:
    notes = loaded(tmp_path, task(storageProvider={"type": "mssql"}, notifications={"eventGrid": {}})).notes
    assert [note.partition(" is left aside")[0] for note in notes] == [
        "host.json: extensions.durableTask.storageProvider.type",
        "host.json: extensions.durableTask.notifications",
    ]


def test_a_key_in_the_wrong_place_is_told_where_it_belongs(tmp_path: Path) -> None:
    notes = loaded(tmp_path, {"version": "2.0", "hubName": "abc", "routePrefix": "x", "nonsense": 1}).notes
    assert notes == [
        "host.json: hubName counts for nothing there: it belongs at extensions.durableTask.hubName",
        "host.json: routePrefix counts for nothing there: it belongs at extensions.http.routePrefix",
        "host.json: nonsense is not known and left aside",
    ]


def test_the_first_layout_has_durable_task_at_the_top_and_the_second_does_not(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"durableTask": {"hubName": "first"}}).hub == "first"
    second = loaded(tmp_path, {"version": "2.0", "durableTask": {"hubName": "second"}})
    assert (second.hub, len(second.notes)) == ("default", 1)


def test_a_name_between_percent_signs_is_taken_from_the_settings(tmp_path: Path) -> None:
    document = task(hubName="%HUB%One")
    assert loaded(tmp_path, document, local={"Values": {"HUB": "local"}}).hub == "localOne"
    assert loaded(tmp_path, document, environ={"HUB": "shell"}).hub == "shellOne"
    with pytest.raises(AppLoadError, match="NOBODY"):
        loaded(tmp_path, task(hubName="%NOBODY%"))


def test_a_variable_overrides_a_single_value(tmp_path: Path) -> None:
    variable = "AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions"
    settings = loaded(tmp_path, task(maxConcurrentActivityFunctions=3), environ={variable: "5"})
    assert (settings.max_concurrent_activities, settings.sources["max_concurrent_activities"]) == (5, variable)
    with pytest.raises(InvalidArgument, match="maxConcurrentActivityFunctions"):
        loaded(tmp_path, {}, environ={variable: "many"})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maxConcurrentActivityFunctions", 0),
        ("versionMatchStrategy", "Sometimes"),
        ("rollbackEntityOperationsOnExceptions", "perhaps"),
        ("hubName", "a b"),
        ("defaultVersion", 2),
    ],
)
def test_a_value_that_its_key_cannot_have_is_refused_with_what_is_allowed(key: str, value: Any, tmp_path: Path) -> None:
    with pytest.raises(AppLoadError, match=key) as refused:
        loaded(tmp_path, task(**{key: value}))
    assert refused.value.hint.startswith("allowed: ")


def test_a_comment_is_refused_as_azure_refuses_it(tmp_path: Path) -> None:
    (tmp_path / "host.json").write_text('{"version": "2.0" // mine\n}', encoding="utf-8")
    with pytest.raises(AppLoadError, match="not valid JSON"):
        load_settings(str(tmp_path))


def test_time_spans_are_read_as_dot_net_reads_them() -> None:
    assert seconds_of_span("00:10:00") == 600
    assert seconds_of_span("1.02:03:04.5") == 93784.5
    assert seconds_of_span("-1") == -1
    for text in ("10", "24:00:00", "00:60:00", "", None, "1:2", 7):
        with pytest.raises(ValueError, match=r"^.*$"):
            seconds_of_span(text)


def test_ten_minutes_that_may_have_been_meant_as_seconds_are_noted(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"functionTimeout": "00:20:00"}).notes == [
        "host.json: functionTimeout 00:20:00 is 20 minutes"
    ]
